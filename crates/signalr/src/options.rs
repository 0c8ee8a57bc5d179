//! What can be set, and what it is by default: the numbers of ASP.NET Core, where it has one.

use std::time::Duration;

/// How a hub treats its connections. Start from [`Options::default`].
#[derive(Debug, Clone)]
pub struct Options {
    /// A ping is sent when nothing else was sent for so long. 15 s; clients give up after 30 s of silence.
    pub keep_alive: Duration,
    /// A client that was not heard of for so long is taken for gone. 30 s. Counts from the client's first ping on, because
    /// not every client sends them, and not on long polling.
    pub client_timeout: Duration,
    /// How long a client has for its handshake. 15 s.
    pub handshake_timeout: Duration,
    /// Bytes of one incoming hub message, its separator or length prefix included. 32 768.
    pub max_message_bytes: usize,
    /// Whether clients are told what went wrong inside a method. Off: such texts may say too much.
    pub detailed_errors: bool,
    /// Which transports are offered. All of them.
    pub transports: Transports,
    /// Whether clients that ask for it may resume their connection on a new WebSocket. On.
    pub stateful_reconnect: bool,
    /// Bytes of sent messages that are kept per connection until the client has confirmed them; at this bound nothing is
    /// sent until it does. 100 000, which is also what clients keep.
    pub stateful_buffer_bytes: usize,
    /// Bytes on their way to one client from which on its streams and sources are not polled and
    /// [`Caller::send`](crate::Caller::send) waits. 65 536.
    pub outgoing_buffer_bytes: usize,
    /// Bytes that broadcasts may leave waiting for one client. A broadcast waits for nobody: who has more than this
    /// waiting is disconnected, and may connect again. 1 MiB.
    pub outgoing_bytes_max: usize,
    /// Bytes received but not yet handled, from which on nothing more is read. 65 536.
    pub incoming_buffer_bytes: usize,
    /// How long a write may make no progress before the client counts as gone. 10 s.
    pub send_timeout: Duration,
    /// How long a connection that was negotiated, or that lost its transport, waits for one. 15 s.
    pub disconnect_timeout: Duration,
    /// How long a poll is held. 90 s; clients give up after 100 s.
    pub poll_timeout: Duration,
    /// How long a closing connection waits for its client. 5 s.
    pub close_timeout: Duration,
    /// Items that an upload may be ahead of the method that reads it. 10.
    pub upload_buffer_items: usize,
    /// Streams, uploads and sources that one connection may have open, each. 100.
    pub max_streams: usize,
    /// Connections at a time, negotiated ones included; more are refused with 503. 65 536.
    pub max_connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            client_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(15),
            max_message_bytes: 32_768,
            detailed_errors: false,
            transports: Transports::default(),
            stateful_reconnect: true,
            stateful_buffer_bytes: 100_000,
            outgoing_buffer_bytes: 65_536,
            outgoing_bytes_max: 1_048_576,
            incoming_buffer_bytes: 65_536,
            send_timeout: Duration::from_secs(10),
            disconnect_timeout: Duration::from_secs(15),
            poll_timeout: Duration::from_secs(90),
            close_timeout: Duration::from_secs(5),
            upload_buffer_items: 10,
            max_streams: 100,
            max_connections: 65_536,
        }
    }
}

/// Which transports are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transports {
    /// WebSockets.
    pub web_sockets: bool,
    /// Server-Sent Events.
    pub server_sent_events: bool,
    /// Long polling.
    pub long_polling: bool,
}

impl Default for Transports {
    fn default() -> Self {
        Self { web_sockets: true, server_sent_events: true, long_polling: true }
    }
}

impl Transports {
    pub(crate) fn offers(self, transport: Transport) -> bool {
        match transport {
            Transport::WebSockets => self.web_sockets,
            Transport::ServerSentEvents => self.server_sent_events,
            Transport::LongPolling => self.long_polling,
        }
    }
}

/// How bytes reach a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One socket for both directions.
    WebSockets,
    /// An endless answer for what the server says, a POST for what the client says. Text only.
    ServerSentEvents,
    /// One request for each time that the server has something to say.
    LongPolling,
}

impl Transport {
    /// The name in the negotiation, in order of preference.
    pub(crate) const ALL: [Self; 3] = [Self::WebSockets, Self::ServerSentEvents, Self::LongPolling];

    /// The name in the negotiation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "WebSockets",
            Self::ServerSentEvents => "ServerSentEvents",
            Self::LongPolling => "LongPolling",
        }
    }

    /// The value of the attribute `signalr.transport` in OpenTelemetry's conventions.
    #[must_use]
    pub fn metric_name(self) -> &'static str {
        match self {
            Self::WebSockets => "web_sockets",
            Self::ServerSentEvents => "server_sent_events",
            Self::LongPolling => "long_polling",
        }
    }

    pub(crate) fn is_binary(self) -> bool {
        self != Self::ServerSentEvents
    }
}
