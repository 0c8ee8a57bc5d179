//! Hubs: what clients may call, and how to call them.

pub(crate) mod builder;
pub(crate) mod clients;
pub(crate) mod context;
pub(crate) mod dispatch;
pub(crate) mod error;
pub(crate) mod method;
pub(crate) mod upload;

use std::fmt;
use std::sync::Arc;

use axum::Router;

use crate::http;
use crate::server::Server;
use builder::HubBuilder;
use clients::{Clients, Groups};
use context::ConnectionInfo;

/// A hub that is ready to serve. Cheap to clone; all clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    server: Arc<Server>,
}

impl Hub {
    /// Begins a hub whose connections each have a state, made by `state` when they have connected.
    ///
    /// What all connections share is best captured by `state` and put into each of them (an `Arc`), or captured by the
    /// methods.
    pub fn builder<C>(state: impl Fn(&ConnectionInfo) -> C + Send + Sync + 'static) -> HubBuilder<C>
    where
        C: Send + Sync + 'static,
    {
        HubBuilder::new(Box::new(state))
    }

    pub(crate) fn new(server: Server) -> Self {
        Self { server: Arc::new(server) }
    }

    /// The routes of the hub, to be nested where clients look for it: `router.nest("/chat", hub.router())`. Cross-origin
    /// rules are the business of a layer around it; WebSockets obey none, so check `Origin` in
    /// [`authorize`](HubBuilder::authorize).
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        http::router(self.server.clone())
    }

    /// The clients of this hub.
    #[must_use]
    pub fn clients(&self) -> Clients {
        Clients::new(self.server.registry.clone())
    }

    /// The groups of this hub.
    #[must_use]
    pub fn groups(&self) -> Groups {
        Groups::new(self.server.registry.clone())
    }

    /// How many connections have finished their handshake and not ended.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.registry.len()
    }

    /// Ends all connections so that their clients connect again, elsewhere or later, and refuses new ones. Returns when all
    /// have ended, which takes no longer than [`close_timeout`](crate::Options::close_timeout) and the application's
    /// `on_disconnected`.
    pub async fn shutdown(&self) {
        self.server.shut_down();
        self.server.tasks.wait().await;
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hub").field("connections", &self.connections()).finish_non_exhaustive()
    }
}
