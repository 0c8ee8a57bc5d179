//! The answer that never ends.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::PollSender;

use crate::connection::SseEnd;

/// A comment: browsers call a stream open when its first byte arrives.
const HELLO: &[u8] = b":\r\n";

/// The answer, and the connection's end of it.
pub(super) fn open() -> (Response, SseEnd) {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let (here, gone) = oneshot::channel::<()>();
    // What the client has not taken is bounded: one chunk waits here, the rest where it comes from.
    let chunks =
        stream::unfold((Some(Bytes::from_static(HELLO)), receiver, here), |(first, mut receiver, here)| async {
            let chunk = match first {
                Some(first) => first,
                None => receiver.recv().await?,
            };
            Some((Ok::<_, std::convert::Infallible>(chunk), (None, receiver, here)))
        });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache,no-store"),
        (header::PRAGMA, "no-cache"),
        (header::CONTENT_ENCODING, "identity"),
    ];
    ((headers, Body::from_stream(chunks)).into_response(), SseEnd { chunks: PollSender::new(sender), gone })
}
