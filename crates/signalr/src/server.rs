//! One hub with everything that its connections share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Extensions;
use http::request::Parts;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use axum::response::Response;

use crate::connection::link::Link;
use crate::connection::{COMMANDS, Driver, Mailbox};
use crate::hub::dispatch::Dispatch;
use crate::metrics::Metrics;
use crate::options::{Options, Transport};
use crate::registry::Registry;
use crate::token;

/// Decides about a request, and says what the application wants to know of it later.
pub(crate) type Authorize = Box<dyn Fn(&Parts) -> Result<Extensions, Box<Response>> + Send + Sync>;

pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) authorize: Authorize,
    pub(crate) hub: Box<dyn Dispatch>,
    pub(crate) registry: Arc<Registry>,
    endpoints: Mutex<HashMap<String, Arc<Endpoint>>>,
    pub(crate) tasks: TaskTracker,
    closing: AtomicBool,
}

/// A connection as requests see it, from its negotiation to its end.
pub(crate) struct Endpoint {
    /// The value of `id` in requests.
    pub(crate) token: String,
    pub(crate) link: Arc<Link>,
    pub(crate) mailbox: Mailbox,
    attachment: Mutex<Attachment>,
    /// The bytes of one POST after those of another.
    pub(crate) posting: tokio::sync::Mutex<()>,
    /// Whether a new WebSocket may take over. Turned off when the handshake says that the client cannot do it.
    stateful: AtomicBool,
}

#[derive(Default)]
struct Attachment {
    transport: Option<Transport>,
    attached: bool,
}

/// Why a transport cannot be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The connection has another transport.
    Transport,
    /// It has this one already.
    Attached,
}

impl Server {
    pub(crate) fn new(
        options: Options,
        metrics: Arc<dyn Metrics>,
        authorize: Authorize,
        hub: Box<dyn Dispatch>,
    ) -> Self {
        Self {
            options,
            metrics,
            authorize,
            hub,
            registry: Arc::default(),
            endpoints: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: AtomicBool::new(false),
        }
    }

    pub(crate) fn endpoint(&self, token: &str) -> Option<Arc<Endpoint>> {
        self.endpoints().get(token).cloned()
    }

    /// Begins a connection that waits for its transport. `None` when there are too many, or the hub is shutting down.
    pub(crate) fn begin(self: &Arc<Self>, secret: Secret, stateful: bool) -> Option<Arc<Endpoint>> {
        let id = token::random();
        let token = if secret == Secret::Separate { token::random() } else { id.clone() };
        let (mailbox, commands) = mpsc::channel(COMMANDS);
        let endpoint = Arc::new(Endpoint {
            token,
            link: Arc::new(Link::new(id, &self.options)),
            mailbox,
            attachment: Mutex::default(),
            posting: tokio::sync::Mutex::default(),
            stateful: AtomicBool::new(stateful),
        });
        {
            let mut endpoints = self.endpoints();
            // Asked under the lock, so that a shutdown sees every connection that begins.
            if self.closing.load(Ordering::Acquire) || endpoints.len() >= self.options.max_connections {
                return None;
            }
            endpoints.insert(endpoint.token.clone(), endpoint.clone());
        }
        let driver = Driver::new(self.clone(), endpoint.clone(), commands);
        self.tasks.spawn(Box::new(driver).run());
        Some(endpoint)
    }

    pub(crate) fn forget(&self, endpoint: &Endpoint) {
        self.endpoints().remove(&endpoint.token);
    }

    /// Asks all connections to end, and refuses new ones.
    pub(crate) fn shut_down(&self) {
        let endpoints: Vec<_> = {
            let endpoints = self.endpoints();
            self.closing.store(true, Ordering::Release);
            endpoints.values().cloned().collect()
        };
        endpoints.iter().for_each(|endpoint| endpoint.link.shut_down());
        self.tasks.close();
    }

    fn endpoints(&self) -> MutexGuard<'_, HashMap<String, Arc<Endpoint>>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the token in requests is another than the public id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    /// Version 1.
    Separate,
    /// Version 0: the id is all there is.
    None,
}

impl Endpoint {
    /// The transport that was chosen.
    pub(crate) fn transport(&self) -> Option<Transport> {
        self.attachment().transport
    }

    /// Chooses a transport, or takes it up again. Polls come one after the other, and a WebSocket may replace another if the
    /// client knows how to go on.
    pub(crate) fn attach(&self, transport: Transport) -> Result<(), Conflict> {
        let mut attachment = self.attachment();
        if attachment.transport.is_some_and(|chosen| chosen != transport) {
            return Err(Conflict::Transport);
        }
        let replaces = match transport {
            Transport::LongPolling => true,
            Transport::WebSockets => self.is_stateful(),
            Transport::ServerSentEvents => false,
        };
        if attachment.attached && !replaces {
            return Err(Conflict::Attached);
        }
        *attachment = Attachment { transport: Some(transport), attached: true };
        Ok(())
    }

    pub(crate) fn is_stateful(&self) -> bool {
        self.stateful.load(Ordering::Acquire)
    }

    pub(crate) fn not_stateful(&self) {
        self.stateful.store(false, Ordering::Release);
    }

    fn attachment(&self) -> MutexGuard<'_, Attachment> {
        self.attachment.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
