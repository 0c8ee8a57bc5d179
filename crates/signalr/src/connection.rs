//! One connection: a single task that reads, calls, streams and writes, whatever the transport.

mod calls;
pub(crate) mod carrier;
mod driver;
mod ending;
mod input;
pub(crate) mod link;
mod output;
mod replay;
mod sources;
mod timers;

use axum::extract::ws::WebSocket;
use bytes::Bytes;
use http::Extensions;
use tokio::sync::{mpsc, oneshot};

pub(crate) use carrier::{PollAnswer, SseEnd};
pub(crate) use driver::Driver;

/// What requests ask of a connection. Boxed, because a queue reserves room for dozens, and most connections need one.
pub(crate) enum Command {
    /// A WebSocket was opened.
    WebSocket(Box<(WebSocket, Extensions)>),
    /// An event stream was opened.
    Sse(Box<(SseEnd, Extensions)>),
    /// A poll waits for its answer.
    Poll(Box<(oneshot::Sender<PollAnswer>, Extensions)>),
    /// Bytes arrived with a POST; answered when there is room for more.
    Data(Box<(Bytes, oneshot::Sender<()>)>),
    /// The client is done.
    Delete,
}

/// Commands that may wait. Requests wait themselves beyond that.
pub(crate) const COMMANDS: usize = 8;

pub(crate) type Mailbox = mpsc::Sender<Command>;
