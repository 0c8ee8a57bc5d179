//! Request bodies, bounded in size and in time.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;
use milepost_core::Code;
use tokio::time::timeout;

use crate::app::App;
use crate::caps::{BODY_BYTES, BODY_TIMEOUT, DISCARDED_BYTES};
use crate::problem::Refusal;

/// The whole body, of at most [`BODY_BYTES`].
pub(crate) struct Payload(pub(crate) Bytes);

impl FromRequest<App> for Payload {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        read_all(&parts.headers, body).await.map(Self)
    }
}

/// Reads the whole body, of at most [`BODY_BYTES`].
pub(crate) async fn read_all(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    as_it_is(headers)?;
    if length(headers).is_some_and(|length| length > BODY_BYTES as u64) {
        return Err(refuse(headers, body, too_large()).await);
    }
    match timeout(BODY_TIMEOUT, collect(body)).await {
        Ok(collected) => collected,
        Err(_) => Err(Refusal::new(Code::TimedOut, "the body did not arrive in time")),
    }
}

/// A body that comes in one piece, as nearly all do, is not copied.
async fn collect(mut body: Body) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let piece = match next(&mut body).await? {
            Some(piece) => piece,
            None if all.is_empty() => return Ok(first),
            None => return Ok(all.freeze()),
        };
        if first.len().max(all.len()) + piece.len() > BODY_BYTES {
            discard(body).await;
            return Err(too_large());
        }
        if first.is_empty() {
            first = piece;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&piece);
        }
    }
}

/// The next piece of data; none at the end.
pub(crate) async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        // The client is gone, or what it sends is not HTTP: nobody reads the answer.
        let frame =
            frame.map_err(|error| Refusal::new(Code::InvalidRequest, format!("the body broke off: {error}")))?;
        // Trailers say nothing that is of interest here.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn too_large() -> Refusal {
    Refusal::new(Code::BodyTooLarge, format!("this call takes at most {BODY_BYTES} bytes"))
}

/// Bodies are taken as they are: a compressed one could be a thousand times as large as it looks.
///
/// # Errors
/// `unsupported_media_type`.
pub(crate) fn as_it_is(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            Err(Refusal::new(Code::UnsupportedMediaType, "bodies are taken as they are, without a `Content-Encoding`"))
        }
        _ => Ok(()),
    }
}

/// What `Content-Length` says.
pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Sees to it that a client that sends a body in vain gets to read why. One that asks before sending (`Expect`) is answered
/// before sending.
pub(crate) async fn refuse(headers: &HeaderMap, body: Body, refusal: Refusal) -> Refusal {
    if !headers.contains_key(EXPECT) {
        discard(body).await;
    }
    refusal
}

/// Reads and drops what is left of a body that is refused, within bounds.
pub(crate) async fn discard(mut body: Body) {
    let mut left = DISCARDED_BYTES;
    let discarding = async {
        while let Ok(Some(piece)) = next(&mut body).await
            && left > 0
        {
            left = left.saturating_sub(piece.len());
        }
    };
    // However far it got, the refusal goes out now.
    drop(timeout(BODY_TIMEOUT, discarding).await);
}
