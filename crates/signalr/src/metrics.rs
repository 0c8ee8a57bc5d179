//! What can be measured.

use std::time::Duration;

use crate::options::Transport;

/// Hears what happens to connections. Every method does nothing by default. They are called from the connections' tasks
/// and must not block.
pub trait Metrics: Send + Sync + 'static {
    /// A connection got its transport (`signalr.server.active_connections` goes up).
    fn connection_started(&self, _transport: Transport) {}

    /// A connection ended (`signalr.server.active_connections` goes down); `duration` counts from its transport on
    /// (`signalr.server.connection.duration`).
    fn connection_ended(&self, _transport: Transport, _status: ConnectionStatus, _duration: Duration) {}

    /// A connection was resumed on a new WebSocket; so many messages were sent again.
    fn connection_resumed(&self, _replayed: usize) {}

    /// Hub messages arrived, pings included.
    fn received(&self, _messages: usize, _bytes: usize) {}

    /// Hub messages were handed to the transport, pings included.
    fn sent(&self, _messages: usize, _bytes: usize) {}

    /// A client was disconnected because it did not read.
    fn slow_client(&self, _transport: Transport) {}

    /// A method was called and came to its end; a stream when its last item was sent.
    fn invoked(&self, _target: &str, _duration: Duration, _failed: bool) {}
}

/// Measures nothing.
pub(crate) struct NoMetrics;

impl Metrics for NoMetrics {}

/// Why a connection ended, as OpenTelemetry's conventions have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionStatus {
    /// One of the two sides closed it, or the client went away.
    NormalClosure,
    /// The client was not heard of in time.
    Timeout,
    /// The server shut down.
    AppShutdown,
}

impl ConnectionStatus {
    /// The value of the attribute `signalr.connection.status`.
    #[must_use]
    pub fn metric_name(self) -> &'static str {
        match self {
            Self::NormalClosure => "normal_closure",
            Self::Timeout => "timeout",
            Self::AppShutdown => "app_shutdown",
        }
    }
}
