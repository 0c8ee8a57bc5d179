//! One hub for each way to set one up.

use std::sync::Mutex;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use milepost_signalr::{ConnectionInfo, Hub, HubBuilder, HubError, Options, SourceKey, Transports};
use serde_json::{Value, json};

use crate::{methods, streams};

/// What a connection remembers.
#[derive(Default)]
pub(crate) struct Connection {
    pub(crate) sources: Mutex<Vec<SourceKey>>,
    /// What `Note` was called with.
    pub(crate) notes: Mutex<Vec<u64>>,
}

/// What requests say that methods ask for.
#[derive(Clone)]
pub(crate) struct RequestHeaders(pub(crate) HeaderMap);

pub(crate) fn detailed() -> Hub {
    hub(Options { detailed_errors: true, ..options() }).build()
}

pub(crate) fn plain() -> Hub {
    hub(options()).build()
}

pub(crate) fn without_websockets() -> Hub {
    let transports = Transports { web_sockets: false, ..Transports::default() };
    hub(Options { transports, ..options() }).build()
}

pub(crate) fn stateless() -> Hub {
    hub(Options { stateful_reconnect: false, ..options() }).build()
}

/// A hub that hurries, so that tests need not wait for its timers.
pub(crate) fn impatient() -> Hub {
    let options = Options {
        keep_alive: Duration::from_millis(200),
        client_timeout: Duration::from_millis(600),
        handshake_timeout: Duration::from_millis(600),
        disconnect_timeout: Duration::from_millis(600),
        poll_timeout: Duration::from_millis(600),
        send_timeout: Duration::from_millis(600),
        ..options()
    };
    hub(options).build()
}

pub(crate) fn restartable() -> Hub {
    hub(options()).build()
}

/// A hub that wants a token.
pub(crate) fn authorized() -> Hub {
    let decide = |parts: &Parts| {
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let query = parts.uri.query().unwrap_or_default();
        if bearer == Some("Bearer let-me-in") || query.contains("access_token=let-me-in") {
            remember(parts)
        } else {
            Err((StatusCode::UNAUTHORIZED, "a token is needed"))
        }
    };
    hub(options()).authorize(decide).build()
}

/// A hub on which nobody connects.
pub(crate) fn uncreatable() -> Hub {
    hub(options()).on_connected(|_| async { Err(HubError::internal("no hub today")) }).build()
}

/// Sends clients elsewhere, with a token.
pub(crate) fn redirect(url: &str) -> Value {
    json!({ "url": format!("{url}?numRedirects=1"), "accessToken": "redirected" })
}

fn options() -> Options {
    Options { max_message_bytes: 102_400, stateful_buffer_bytes: 400_000, ..Options::default() }
}

fn hub(options: Options) -> HubBuilder<Connection> {
    let builder = Hub::builder(|_: &ConnectionInfo| Connection::default()).options(options).authorize(remember);
    streams::add(methods::add(builder))
}

fn remember(parts: &Parts) -> Result<Extensions, (StatusCode, &'static str)> {
    let mut extensions = Extensions::new();
    extensions.insert(RequestHeaders(parts.headers.clone()));
    extensions.insert(parts.uri.clone());
    Ok(extensions)
}
