//! What a hub method knows of the connection that called it.

use std::fmt;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use http::Extensions;

use super::clients::{Clients, Groups};
use crate::connection::link::{Link, SendError, SourceKey};
use crate::options::Transport;
use crate::protocol::{Parameters, Protocol, SharedMessage};
use crate::registry::Registry;

/// A connection, as the application sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The public name of the connection; new after every reconnect that is not stateful.
    pub id: String,
    /// How its bytes travel.
    pub transport: Transport,
    /// How its messages are written.
    pub protocol: Protocol,
    /// What [`authorize`](crate::HubBuilder::authorize) made of the request that brought the transport.
    pub extensions: Extensions,
}

/// The connection that a method was called on, with everything that can be done from there. Cheap to clone, and may outlive
/// the call.
pub struct Context<C> {
    connected: Arc<Connected<C>>,
    headers: Arc<[(String, String)]>,
}

/// A connection with its state.
pub(super) struct Connected<C> {
    pub(super) info: ConnectionInfo,
    pub(super) link: Arc<Link>,
    pub(super) registry: Arc<Registry>,
    pub(super) state: C,
}

impl<C> Context<C> {
    pub(super) fn new(connected: Arc<Connected<C>>, headers: Arc<[(String, String)]>) -> Self {
        Self { connected, headers }
    }

    /// The connection.
    #[must_use]
    pub fn connection(&self) -> &ConnectionInfo {
        &self.connected.info
    }

    /// The public name of the connection.
    #[must_use]
    pub fn connection_id(&self) -> &str {
        &self.connected.info.id
    }

    /// The state of this connection, made when it connected and dropped some time after it has ended.
    #[must_use]
    pub fn state(&self) -> &C {
        &self.connected.state
    }

    /// A header of the message that called; trace context travels here.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The client at the other end.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { link: self.connected.link.clone() }
    }

    /// All the clients of this hub.
    #[must_use]
    pub fn clients(&self) -> Clients {
        Clients::new(self.connected.registry.clone())
    }

    /// The groups of this hub.
    #[must_use]
    pub fn groups(&self) -> Groups {
        Groups::new(self.connected.registry.clone())
    }

    /// Puts this connection into a group.
    pub fn join(&self, group: &str) {
        self.connected.registry.join(group, &self.connected.link);
    }

    /// Takes this connection out of a group.
    pub fn leave(&self, group: &str) {
        self.connected.registry.leave(group, &self.connected.link);
    }

    /// Ends the connection; the client is told not to come back.
    pub fn abort(&self) {
        self.connected.link.abort();
    }
}

impl<C> Clone for Context<C> {
    fn clone(&self) -> Self {
        Self { connected: self.connected.clone(), headers: self.headers.clone() }
    }
}

impl<C> fmt::Debug for Context<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Context").field("connection", self.connection()).finish_non_exhaustive()
    }
}

/// One client, from the connection's own point of view: sending waits for room instead of giving the client up.
#[derive(Debug, Clone)]
pub struct Caller {
    link: Arc<Link>,
}

impl Caller {
    /// Calls a method at the client. Returns when the message has its place in line, which takes as long as the client has
    /// more than [`outgoing_buffer_bytes`](crate::Options::outgoing_buffer_bytes) to read.
    ///
    /// # Errors
    /// When the connection is gone, or an argument cannot be encoded.
    pub async fn send(&self, target: &str, parameters: impl Parameters) -> Result<(), SendError> {
        self.send_message(&SharedMessage::new(target, parameters)).await
    }

    /// Sends a message that others may be sent too.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_message(&self, message: &SharedMessage) -> Result<(), SendError> {
        self.link.send(message).await
    }

    /// Lets the connection send everything that `source` yields, until it ends, is [detached](Self::detach) or the
    /// connection ends.
    ///
    /// The connection polls the source by itself, without a task or a queue in between, and only while it has less than
    /// [`outgoing_buffer_bytes`](crate::Options::outgoing_buffer_bytes) to send: a source whose reader is slow is not
    /// polled. What was sent before goes before the first item.
    ///
    /// # Errors
    /// When the connection is gone or has [too many](crate::Options::max_streams) sources.
    pub fn attach(&self, source: impl Stream<Item = SharedMessage> + Send + 'static) -> Result<SourceKey, SendError> {
        self.link.attach(source.boxed())
    }

    /// Stops sending what a source yields, and drops it. What is sent after this call, the completion of the calling
    /// method included, is followed by no item of the source. Detaching twice does nothing.
    pub fn detach(&self, source: SourceKey) {
        self.link.detach(source);
    }
}
