//! The hub as a connection sees it, with the application's types forgotten.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::context::{Connected, ConnectionInfo, Context};
use super::error::HubError;
use super::method::{ArgumentReader, Expected, Method, Started};
use crate::connection::link::Link;
use crate::protocol::BindError;
use crate::registry::Registry;

/// Makes sessions.
pub(crate) trait Dispatch: Send + Sync {
    fn session(&self, info: ConnectionInfo, link: Arc<Link>, registry: Arc<Registry>) -> Box<dyn Session>;
}

/// What a connection calls.
pub(crate) trait Session: Send + Sync {
    fn connected(&self) -> BoxFuture<'static, Result<(), HubError>>;

    fn disconnected(&self, reason: DisconnectReason) -> BoxFuture<'static, ()>;

    /// `None` when there is no such method.
    fn expects(&self, target: &str) -> Option<Expected>;

    /// Binds and starts a method that exists.
    fn start(&self, target: &str, headers: Vec<(String, String)>, reader: ArgumentReader)
    -> Result<Started, BindError>;
}

/// Why a connection has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client said so, or closed its transport properly.
    Closed,
    /// The transport broke.
    Lost,
    /// The client was not heard of in time.
    TimedOut,
    /// The client did not read in time.
    TooSlow,
    /// [`Context::abort`].
    Aborted,
    /// The hub shuts down.
    ShuttingDown,
    /// The client sent what is no hub protocol, or too much of it.
    Protocol(String),
    /// The server failed: `on_connected`, or a message that cannot be encoded.
    Failed(String),
}

pub(super) type Connecting<C> = Box<dyn Fn(&ConnectionInfo) -> C + Send + Sync>;
pub(super) type OnConnected<C> = Box<dyn Fn(Context<C>) -> BoxFuture<'static, Result<(), HubError>> + Send + Sync>;
pub(super) type OnDisconnected<C> = Box<dyn Fn(Context<C>, DisconnectReason) -> BoxFuture<'static, ()> + Send + Sync>;

/// Methods by name in lower case, and what is called at the ends of a connection's life.
pub(super) struct Application<C> {
    pub(super) connecting: Connecting<C>,
    pub(super) on_connected: Option<OnConnected<C>>,
    pub(super) on_disconnected: Option<OnDisconnected<C>>,
    pub(super) methods: HashMap<String, Box<dyn Method<C>>>,
}

impl<C: Send + Sync + 'static> Dispatch for Arc<Application<C>> {
    fn session(&self, info: ConnectionInfo, link: Arc<Link>, registry: Arc<Registry>) -> Box<dyn Session> {
        let state = (self.connecting)(&info);
        let connected = Arc::new(Connected { info, link, registry, state });
        Box::new(ApplicationSession { application: self.clone(), connected, no_headers: Arc::new([]) })
    }
}

struct ApplicationSession<C> {
    application: Arc<Application<C>>,
    connected: Arc<Connected<C>>,
    no_headers: Arc<[(String, String)]>,
}

impl<C> ApplicationSession<C> {
    fn context(&self, headers: Vec<(String, String)>) -> Context<C> {
        let headers = if headers.is_empty() { self.no_headers.clone() } else { headers.into() };
        Context::new(self.connected.clone(), headers)
    }

    fn method(&self, target: &str) -> Option<&dyn Method<C>> {
        self.application.methods.get(&target.to_lowercase()).map(|method| &**method)
    }
}

impl<C: Send + Sync + 'static> Session for ApplicationSession<C> {
    fn connected(&self) -> BoxFuture<'static, Result<(), HubError>> {
        match &self.application.on_connected {
            Some(callback) => callback(self.context(Vec::new())),
            None => async { Ok(()) }.boxed(),
        }
    }

    fn disconnected(&self, reason: DisconnectReason) -> BoxFuture<'static, ()> {
        match &self.application.on_disconnected {
            Some(callback) => callback(self.context(Vec::new()), reason),
            None => async {}.boxed(),
        }
    }

    fn expects(&self, target: &str) -> Option<Expected> {
        self.method(target).map(Method::expects)
    }

    fn start(
        &self,
        target: &str,
        headers: Vec<(String, String)>,
        reader: ArgumentReader,
    ) -> Result<Started, BindError> {
        match self.method(target) {
            Some(method) => method.start(self.context(headers), reader),
            None => Err(BindError::new("there is no such method")),
        }
    }
}
