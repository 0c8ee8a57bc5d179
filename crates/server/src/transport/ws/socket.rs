//! A WebSocket as all of ours use it: small buffers, one write for what is waiting, and an end that says why.

use std::ops::ControlFlow;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use milepost_core::Code;
use tokio::time::timeout;

use super::{CLOSING, READ_BUFFER_BYTES, SLOW_AFTER, WRITE_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX};
use crate::app::App;
use crate::problem::Refusal;

/// Why a socket is closed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// The client went away, or closed.
    Gone,
    /// Everything is said.
    Finished,
    /// The server is shutting down.
    GoingAway,
    /// The client does not read.
    TooSlow,
    /// The client may not have what it asked for, or it cannot be had.
    Refused(Code),
}

/// One WebSocket.
pub(crate) struct Socket {
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
}

/// The upgrade that a request asks for.
///
/// # Errors
/// `invalid_header` for a request that asks for none.
pub(crate) fn asked(upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Result<WebSocketUpgrade, Refusal> {
    let not_one = |rejection: WebSocketUpgradeRejection| {
        Refusal::new(Code::InvalidHeader, format!("this address speaks WebSocket: {}", rejection.body_text()))
    };
    upgrade.map_err(not_one)
}

/// Answers an upgrade request, and lets `serve` have the socket. `message_bytes` bounds what the client may say at once.
pub(crate) fn upgrade<S, F>(app: &App, upgrade: WebSocketUpgrade, message_bytes: usize, serve: S) -> Response
where
    S: FnOnce(Socket) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let tasks = app.tasks().clone();
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        // The library refuses messages above its bound, and a snapshot may be longer than what should wait: we count.
        .max_write_buffer_size(usize::MAX)
        .max_message_size(message_bytes)
        .max_frame_size(message_bytes)
        // Tracked, because axum spawns it by itself and the server waits for what it tracks.
        .on_upgrade(move |socket| {
            let (sink, stream) = socket.split();
            tasks.track_future(serve(Socket { sink, stream }))
        })
}

impl Socket {
    /// The next message of the client; breaks when there is none to come.
    pub(crate) async fn hear(&mut self) -> ControlFlow<Close, Message> {
        heard(self.stream.next().await)
    }

    /// The same, if it is there already.
    pub(crate) fn hear_now(&mut self) -> Option<ControlFlow<Close, Message>> {
        self.stream.next().now_or_never().map(heard)
    }

    /// Writes `texts` in one go.
    pub(crate) async fn write(&mut self, texts: impl Iterator<Item = Utf8Bytes>) -> ControlFlow<Close> {
        let sink = &mut self.sink;
        let writing = async {
            let mut waiting = 0;
            for text in texts {
                waiting += text.len();
                sink.feed(Message::Text(text)).await?;
                if waiting > WRITE_BUFFER_BYTES_MAX {
                    sink.flush().await?;
                    waiting = 0;
                }
            }
            sink.flush().await
        };
        match timeout(SLOW_AFTER, writing).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) => ControlFlow::Break(Close::Gone),
            Err(_) => ControlFlow::Break(Close::TooSlow),
        }
    }

    /// Puts a ping in line, for the next write.
    pub(crate) async fn ping(&mut self) -> ControlFlow<Close> {
        match self.sink.feed(Message::Ping(Bytes::new())).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(Close::Gone),
        }
    }

    /// Ends the socket, and says why.
    pub(crate) async fn close(mut self, close: Close) {
        let (code, reason) = match close {
            // The library has its half of the closing handshake ready (RFC 6455, section 5.5.1); closing sends it.
            Close::Gone => return drop(timeout(SLOW_AFTER, self.sink.close()).await),
            Close::Finished => (1000, "finished"),
            Close::GoingAway => (1001, "going away"),
            Close::TooSlow => (Code::TooSlow.close_code(), "too slow"),
            Close::Refused(code) => (code.close_code(), code.as_str()),
        };
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        // A slow client gets this behind everything that waits for it already.
        let said = timeout(SLOW_AFTER, self.sink.send(Message::Close(Some(frame)))).await;
        if matches!(said, Ok(Ok(()))) {
            // A connection that is closed with unread data is reset, and the client would not see the last frames.
            let answered = async { while self.stream.next().await.is_some_and(|heard| heard.is_ok()) {} };
            drop(timeout(CLOSING, answered).await);
        }
    }
}

fn heard(message: Option<Result<Message, axum::Error>>) -> ControlFlow<Close, Message> {
    match message {
        Some(Ok(Message::Close(_)) | Err(_)) | None => ControlFlow::Break(Close::Gone),
        Some(Ok(message)) => ControlFlow::Continue(message),
    }
}
