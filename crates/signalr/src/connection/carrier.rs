//! The transports, as the connection sees them: something that takes whole hub messages, and perhaps gives bytes.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use std::pin::Pin;
use tokio::sync::oneshot;
use tokio_util::sync::PollSender;

use crate::options::Transport;
use crate::protocol::Protocol;

/// What a poll is answered with.
pub(crate) enum PollAnswer {
    /// Hub messages, or nothing when the poll took too long.
    Data(Bytes),
    /// There will be nothing more, or another poll has taken over.
    Gone,
}

/// The connection's end of an event stream.
pub(crate) struct SseEnd {
    pub(crate) chunks: PollSender<Bytes>,
    /// Resolves when the client is gone.
    pub(crate) gone: oneshot::Receiver<()>,
}

/// What carries the bytes at the moment.
pub(crate) enum Carrier {
    /// Nothing yet, or nothing any more.
    None,
    WebSocket {
        socket: Box<WebSocket>,
        flushed: bool,
    },
    Sse(SseEnd),
    /// With the poll that waits.
    LongPolling {
        poll: Option<oneshot::Sender<PollAnswer>>,
    },
}

/// What reading has found.
pub(crate) enum Read {
    Bytes(Bytes),
    /// The client closed properly.
    Closed,
    /// The transport broke.
    Lost,
    /// The client sent more in one piece than is acceptable.
    TooLarge,
    /// The client has broken off its poll, and may come back with another.
    Unpolled,
}

/// What writing has found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// So many messages were handed over; nothing waits.
    All(usize),
    /// So many messages were handed over, then the client had to read first.
    Blocked(usize),
    Lost,
}

impl Carrier {
    pub(crate) fn transport(&self) -> Option<Transport> {
        match self {
            Self::None => None,
            Self::WebSocket { .. } => Some(Transport::WebSockets),
            Self::Sse(_) => Some(Transport::ServerSentEvents),
            Self::LongPolling { .. } => Some(Transport::LongPolling),
        }
    }

    /// Reads the next bytes. `wanted` is false while nothing more may be read.
    pub(crate) fn poll_read(&mut self, context: &mut Context<'_>, wanted: bool) -> Poll<Read> {
        match self {
            Self::None => Poll::Pending,
            Self::WebSocket { socket, .. } => {
                if !wanted {
                    return Poll::Pending;
                }
                loop {
                    let Poll::Ready(message) = Pin::new(&mut **socket).poll_next(context) else { return Poll::Pending };
                    return Poll::Ready(match message {
                        Some(Ok(Message::Text(text))) => Read::Bytes(text.into()),
                        Some(Ok(Message::Binary(bytes))) => Read::Bytes(bytes),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(_))) => Read::Closed,
                        Some(Err(error)) if is_too_large(&error) => Read::TooLarge,
                        Some(Err(_)) | None => Read::Lost,
                    });
                }
            }
            Self::Sse(end) => end.gone.poll_unpin(context).map(|_| Read::Lost),
            Self::LongPolling { poll } => {
                if poll.as_mut().is_some_and(|poll| poll.poll_closed(context).is_ready()) {
                    *poll = None;
                    return Poll::Ready(Read::Unpolled);
                }
                Poll::Pending
            }
        }
    }

    /// Hands over what is in `batch`, as much as is taken.
    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        protocol: Option<Protocol>,
        batch: &mut VecDeque<Bytes>,
    ) -> Wrote {
        match self {
            Self::None => Wrote::Blocked(0),
            Self::WebSocket { socket, flushed } => write_socket(socket, flushed, context, protocol, batch),
            Self::Sse(end) => {
                if batch.is_empty() {
                    return Wrote::All(0);
                }
                match end.chunks.poll_reserve(context) {
                    Poll::Pending => Wrote::Blocked(0),
                    Poll::Ready(Err(_)) => Wrote::Lost,
                    Poll::Ready(Ok(())) => {
                        let count = batch.len();
                        match end.chunks.send_item(events(batch)) {
                            Ok(()) => Wrote::All(count),
                            Err(_) => Wrote::Lost,
                        }
                    }
                }
            }
            Self::LongPolling { poll } => {
                if batch.is_empty() {
                    return Wrote::All(0);
                }
                let Some(poll) = poll.take() else { return Wrote::Blocked(0) };
                if poll.is_closed() {
                    return Wrote::Blocked(0);
                }
                let count = batch.len();
                // Should the client have gone this moment, then what it was sent is lost, as it is on any wire.
                drop(poll.send(PollAnswer::Data(join(batch))));
                Wrote::All(count)
            }
        }
    }

    /// Tells the client that nothing follows. `failed` means that it was the server's fault.
    pub(crate) async fn close(&mut self, failed: bool) {
        match self {
            Self::None => {}
            Self::WebSocket { socket, .. } => {
                let (code, reason) = if failed {
                    (1011, Utf8Bytes::from_static("Internal error"))
                } else {
                    (1000, Utf8Bytes::default())
                };
                drop(socket.send(Message::Close(Some(CloseFrame { code, reason }))).await);
                // The client's half of the closing handshake; hanging up before could destroy what it has not read yet.
                while let Some(Ok(_)) = socket.next().await {}
            }
            Self::Sse(end) => {
                end.chunks.close();
                drop((&mut end.gone).await);
            }
            Self::LongPolling { poll } => {
                if let Some(poll) = poll.take() {
                    drop(poll.send(PollAnswer::Gone));
                }
            }
        }
    }
}

fn write_socket(
    socket: &mut WebSocket,
    flushed: &mut bool,
    context: &mut Context<'_>,
    protocol: Option<Protocol>,
    batch: &mut VecDeque<Bytes>,
) -> Wrote {
    let mut socket = Pin::new(socket);
    let mut count = 0;
    while !batch.is_empty() {
        match socket.as_mut().poll_ready(context) {
            Poll::Pending => return Wrote::Blocked(count),
            Poll::Ready(Err(_)) => return Wrote::Lost,
            Poll::Ready(Ok(())) => {}
        }
        let Some(bytes) = batch.pop_front() else { break };
        let message = match protocol {
            Some(Protocol::MessagePack) => Message::Binary(bytes),
            // Everything here was encoded by us, from text.
            Some(Protocol::Json) | None => Message::Text(Utf8Bytes::try_from(bytes).unwrap_or_default()),
        };
        if socket.as_mut().start_send(message).is_err() {
            return Wrote::Lost;
        }
        *flushed = false;
        count += 1;
    }
    if !*flushed {
        match socket.poll_flush(context) {
            Poll::Pending => return Wrote::Blocked(count),
            Poll::Ready(Err(_)) => return Wrote::Lost,
            Poll::Ready(Ok(())) => *flushed = true,
        }
    }
    Wrote::All(count)
}

/// Whether the WebSocket library refused a message for its size.
fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("too long"))
}

/// One event for each message: some clients read one message of an event only.
fn events(batch: &mut VecDeque<Bytes>) -> Bytes {
    let bytes: usize = batch.iter().map(|message| message.len() + 10).sum();
    let mut out = BytesMut::with_capacity(bytes);
    for message in batch.drain(..) {
        // Values that were encoded elsewhere may have lines.
        for line in message.split(|byte| *byte == b'\n') {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
    out.freeze()
}

fn join(batch: &mut VecDeque<Bytes>) -> Bytes {
    if batch.len() == 1 {
        return batch.pop_front().unwrap_or_default();
    }
    let mut out = BytesMut::with_capacity(batch.iter().map(Bytes::len).sum());
    batch.drain(..).for_each(|message| out.extend_from_slice(&message));
    out.freeze()
}
