//! `{hub}`: attaching transports, receiving what clients send, ending connections.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use super::{query, sse};
use crate::connection::{Command, PollAnswer};
use crate::options::Transport;
use crate::server::{Conflict, Endpoint, Secret, Server};

/// Bytes read from a WebSocket at once. The library's default of 128 KiB would be most of what an idle connection costs.
const READ_BUFFER_BYTES: usize = 1024;

/// Bytes that the WebSocket library collects before it writes by itself; we flush after every turn.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// Hub messages of the maximum size that one WebSocket message may carry.
const BATCH: usize = 4;

pub(super) async fn serve(server: Arc<Server>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let get = parts.method == Method::GET;
    if !get && parts.method != Method::POST && parts.method != Method::DELETE {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let extensions = match (server.authorize)(&parts) {
        Ok(extensions) => extensions,
        Err(refusal) => return *refusal,
    };
    let wanted = get.then(|| transport(&parts.headers));
    let id = query::value(&parts.uri, "id").filter(|id| !id.is_empty());
    let endpoint = match id {
        Some(id) => match server.endpoint(&id) {
            Some(endpoint) => endpoint,
            None => return (StatusCode::NOT_FOUND, "No Connection with that ID").into_response(),
        },
        None if wanted == Some(Transport::WebSockets) => return straight(&server, parts, extensions).await,
        None => return (StatusCode::BAD_REQUEST, "Connection ID required").into_response(),
    };
    let Some(transport) = wanted else {
        return if parts.method == Method::POST {
            receive(&endpoint, body).await
        } else {
            delete(&server, &endpoint).await
        };
    };
    if let Some(refusal) = disabled(&server, transport) {
        return refusal;
    }
    match transport {
        Transport::WebSockets => upgrade(&server, endpoint, &mut parts, extensions).await,
        Transport::ServerSentEvents => stream(&endpoint, extensions).await,
        Transport::LongPolling => poll(&endpoint, extensions).await,
    }
}

/// Which transport a GET asks for.
fn transport(headers: &HeaderMap) -> Transport {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    if upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Transport::WebSockets;
    }
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next());
    match types.any(|name| name.trim().eq_ignore_ascii_case("text/event-stream")) {
        true => Transport::ServerSentEvents,
        // Whatever else is accepted: some clients send what is no media type.
        false => Transport::LongPolling,
    }
}

fn disabled(server: &Server, transport: Transport) -> Option<Response> {
    let text = format!("{} transport not supported by this end point type", transport.name());
    (!server.options.transports.offers(transport)).then(|| (StatusCode::NOT_FOUND, text).into_response())
}

fn conflict(conflict: Conflict) -> Response {
    match conflict {
        Conflict::Transport => (StatusCode::BAD_REQUEST, "Cannot change transports mid-connection").into_response(),
        Conflict::Attached => StatusCode::CONFLICT.into_response(),
    }
}

/// There are too many connections, or the hub is shutting down. Clients may try elsewhere, or later.
pub(super) fn no_room() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "The server takes no more connections")
        .into_response()
}

/// A WebSocket without a negotiation.
async fn straight(server: &Arc<Server>, mut parts: Parts, extensions: http::Extensions) -> Response {
    if let Some(refusal) = disabled(server, Transport::WebSockets) {
        return refusal;
    }
    // Looked at before anything begins, so that a bad request leaves nothing behind.
    let socket = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(socket) => socket,
        Err(rejection) => return rejection.into_response(),
    };
    let Some(endpoint) = server.begin(Secret::Separate, false) else { return no_room() };
    open(server, endpoint, socket, extensions)
}

async fn upgrade(
    server: &Arc<Server>,
    endpoint: Arc<Endpoint>,
    parts: &mut Parts,
    extensions: http::Extensions,
) -> Response {
    match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(socket) => open(server, endpoint, socket, extensions),
        Err(rejection) => rejection.into_response(),
    }
}

fn open(
    server: &Arc<Server>,
    endpoint: Arc<Endpoint>,
    socket: WebSocketUpgrade,
    extensions: http::Extensions,
) -> Response {
    if let Err(why) = endpoint.attach(Transport::WebSockets) {
        return conflict(why);
    }
    // Several messages may come in one. A larger one is refused while it is read.
    let most = server.options.max_message_bytes.saturating_mul(BATCH);
    socket
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |socket| async move {
            // When the connection has ended meanwhile, the socket ends with this.
            drop(endpoint.mailbox.send(Command::WebSocket(Box::new((socket, extensions)))).await);
        })
}

async fn stream(endpoint: &Endpoint, extensions: http::Extensions) -> Response {
    if let Err(why) = endpoint.attach(Transport::ServerSentEvents) {
        return conflict(why);
    }
    let (response, end) = sse::open();
    match endpoint.mailbox.send(Command::Sse(Box::new((end, extensions)))).await {
        Ok(()) => response,
        Err(_) => gone(),
    }
}

async fn poll(endpoint: &Endpoint, extensions: http::Extensions) -> Response {
    if let Err(why) = endpoint.attach(Transport::LongPolling) {
        return conflict(why);
    }
    let (answer, answered) = oneshot::channel();
    let no_cache = [
        (header::CACHE_CONTROL, "no-cache, no-store"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ];
    // A connection that has ended answers no poll.
    drop(endpoint.mailbox.send(Command::Poll(Box::new((answer, extensions)))).await);
    match answered.await {
        Ok(PollAnswer::Data(bytes)) => {
            (no_cache, [(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
        }
        Ok(PollAnswer::Gone) | Err(_) => (StatusCode::NO_CONTENT, no_cache).into_response(),
    }
}

/// Takes what a client sends: a stream of bytes, whatever the requests that they come in.
async fn receive(endpoint: &Endpoint, body: Body) -> Response {
    if endpoint.transport() == Some(Transport::WebSockets) {
        let text = "POST requests are not allowed for WebSocket connections.";
        return (StatusCode::METHOD_NOT_ALLOWED, text).into_response();
    }
    let _turn = endpoint.posting.lock().await;
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return StatusCode::BAD_REQUEST.into_response() };
        let Ok(bytes) = frame.into_data() else { continue };
        let (done, taken) = oneshot::channel();
        let sent = endpoint.mailbox.send(Command::Data(Box::new((bytes, done)))).await;
        if sent.is_err() || taken.await.is_err() {
            return gone();
        }
    }
    ([(header::CONTENT_TYPE, "text/plain")], Body::empty()).into_response()
}

async fn delete(server: &Server, endpoint: &Endpoint) -> Response {
    if endpoint.transport() != Some(Transport::LongPolling) {
        let text = "Cannot terminate this connection using the DELETE endpoint.";
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    // What the client sends after this finds nothing.
    server.forget(endpoint);
    drop(endpoint.mailbox.send(Command::Delete).await);
    StatusCode::ACCEPTED.into_response()
}

fn gone() -> Response {
    (StatusCode::NOT_FOUND, "No Connection with that ID").into_response()
}
