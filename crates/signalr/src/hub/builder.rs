//! Putting a hub together.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::response::IntoResponse;
use futures_util::{FutureExt, Stream};
use http::Extensions;
use http::request::Parts;
use serde::Serialize;

use super::Hub;
use super::context::Context;
use super::dispatch::{Application, Connecting, DisconnectReason};
use super::error::HubError;
use super::method::{Handler, StreamItem, StreamMethod, ValueMethod};
use crate::metrics::{Metrics, NoMetrics};
use crate::options::Options;
use crate::server::{Authorize, Server};

/// A hub in the making.
#[must_use = "a builder builds nothing until `build` is called"]
pub struct HubBuilder<C> {
    application: Application<C>,
    options: Options,
    metrics: Arc<dyn Metrics>,
    authorize: Authorize,
}

impl<C: Send + Sync + 'static> HubBuilder<C> {
    pub(super) fn new(connecting: Connecting<C>) -> Self {
        let application =
            Application { connecting, on_connected: None, on_disconnected: None, methods: HashMap::new() };
        Self {
            application,
            options: Options::default(),
            metrics: Arc::new(NoMetrics),
            authorize: Box::new(|_| Ok(Extensions::new())),
        }
    }

    /// Adds a method that answers with a value. Clients find it by its name in any case; a method added later replaces one
    /// of the same name.
    ///
    /// The handler is an async function of the [`Context`] and up to eight arguments that serde can read, or
    /// [`Upload`](crate::Upload)s. An `Option` at the end may be left out by callers. Calls of one connection run one after
    /// the other, in order.
    pub fn method<H, A, T>(mut self, name: &str, handler: H) -> Self
    where
        H: Handler<C, A, Output = Result<T, HubError>>,
        A: 'static,
        T: Serialize + Send + 'static,
    {
        let method = Box::new(ValueMethod { handler, arguments: PhantomData });
        self.application.methods.insert(name.to_lowercase(), method);
        self
    }

    /// Adds a method that answers with a stream. It is polled only as fast as its client reads, and dropped when the client
    /// cancels it. Streams run beside each other and beside plain calls.
    pub fn stream<H, A, S, T>(mut self, name: &str, handler: H) -> Self
    where
        H: Handler<C, A, Output = Result<S, HubError>>,
        A: 'static,
        S: Stream<Item = Result<T, HubError>> + Send + 'static,
        T: StreamItem,
    {
        let method = Box::new(StreamMethod { handler, arguments: PhantomData });
        self.application.methods.insert(name.to_lowercase(), method);
        self
    }

    /// Is called when a connection has finished its handshake, before any of its calls. An error ends the connection, and
    /// tells the client not to come back.
    pub fn on_connected<F, Fut>(mut self, callback: F) -> Self
    where
        F: Fn(Context<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HubError>> + Send + 'static,
    {
        self.application.on_connected = Some(Box::new(move |context| callback(context).boxed()));
        self
    }

    /// Is called when a connection has ended. Nothing can be sent to it any more; it leaves its groups afterwards.
    pub fn on_disconnected<F, Fut>(mut self, callback: F) -> Self
    where
        F: Fn(Context<C>, DisconnectReason) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.application.on_disconnected = Some(Box::new(move |context, reason| callback(context, reason).boxed()));
        self
    }

    /// Decides about every request: negotiations, each transport's requests, everything. What it returns is the
    /// [`extensions`](crate::ConnectionInfo::extensions) of the connection, if this request brings its transport.
    ///
    /// Check tokens here (browsers send them as `access_token` in the query where they cannot set headers), and the `Origin`
    /// of WebSockets.
    pub fn authorize<F, R>(mut self, decide: F) -> Self
    where
        F: Fn(&Parts) -> Result<Extensions, R> + Send + Sync + 'static,
        R: IntoResponse,
    {
        self.authorize = Box::new(move |parts| decide(parts).map_err(|refusal| Box::new(refusal.into_response())));
        self
    }

    /// Sets the options.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Has everything measured.
    pub fn metrics(mut self, metrics: Arc<dyn Metrics>) -> Self {
        self.metrics = metrics;
        self
    }

    /// The hub.
    #[must_use]
    pub fn build(self) -> Hub {
        let Self { application, options, metrics, authorize } = self;
        Hub::new(Server::new(options, metrics, authorize, Box::new(Arc::new(application))))
    }
}
