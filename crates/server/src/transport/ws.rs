//! `/v1/ws`: one WebSocket (RFC 6455), many subscriptions, publishing and cancelling; and what it shares with other sockets.

mod connection;
mod deliveries;
mod socket;

use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;

use crate::app::App;
use crate::principal::Principal;
use connection::Connection;
pub(crate) use socket::{Close, Socket, asked, upgrade};

/// Bytes of one incoming message; the same as of an HTTP body with events.
const MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that the library collects before it writes by itself; we flush after every turn.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// Bytes that may wait for a slow socket, besides one message, before the turn that writes them has to wait too.
const WRITE_BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes read at once. The library's default of 128 KiB would be most of what an idle connection costs.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Subscriptions of one socket; each is polled when any of them wakes it.
const SUBSCRIPTIONS: usize = 256;

/// Publications of one socket that are not answered yet. Beyond that it is not read from.
const PUBLICATIONS: usize = 1_024;

/// Messages taken in one turn before anything is written.
const TURN: usize = 256;

/// How long a reader may take to read what waits for it.
const SLOW_AFTER: Duration = Duration::from_secs(30);

/// How long a client may take to answer that we close. Less than what a shutdown waits for.
const CLOSING: Duration = Duration::from_secs(1);

/// Answers a request for `/v1/ws`.
pub(crate) fn respond(app: App, principal: Principal, asked: WebSocketUpgrade) -> Response {
    upgrade(&app.clone(), asked, MESSAGE_BYTES, move |socket| Connection::new(app, principal, socket).run())
}
