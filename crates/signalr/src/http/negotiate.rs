//! `POST {hub}/negotiate`: where a connection begins, unless a client goes straight to a WebSocket.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::query;
use crate::options::Transport;
use crate::server::{Secret, Server};

/// The newest version of the negotiation. Clients that ask for more get this one.
const VERSION_MAX: i64 = 1;

pub(super) fn negotiate(server: &Arc<Server>, request: &Parts) -> Response {
    if request.method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if let Err(refusal) = (server.authorize)(request) {
        return *refusal;
    }
    let version = match version(query::value(&request.uri, "negotiateVersion").as_deref()) {
        Ok(version) => version,
        // Clients read errors of the negotiation from a successful answer.
        Err(error) => return Json(json!({ "error": error })).into_response(),
    };
    let stateful = server.options.stateful_reconnect
        && server.options.transports.web_sockets
        && query::value(&request.uri, "useStatefulReconnect").is_some_and(|asked| asked.eq_ignore_ascii_case("true"));
    let secret = if version == 0 { Secret::None } else { Secret::Separate };
    let Some(endpoint) = server.begin(secret, stateful) else { return super::endpoint::no_room() };
    let mut answer = json!({ "negotiateVersion": version, "connectionId": endpoint.link.id() });
    if secret == Secret::Separate {
        answer["connectionToken"] = json!(endpoint.token);
    }
    if stateful {
        answer["useStatefulReconnect"] = json!(true);
    }
    answer["availableTransports"] = Transport::ALL
        .into_iter()
        .filter(|transport| server.options.transports.offers(*transport))
        .map(offer)
        .collect();
    Json(answer).into_response()
}

fn version(asked: Option<&str>) -> Result<i64, String> {
    let Some(asked) = asked else { return Ok(0) };
    match asked.trim().parse::<i64>() {
        Ok(version) if version < 0 => {
            Err(format!("The client requested version '{version}', but the server does not support this version."))
        }
        Ok(version) => Ok(version.min(VERSION_MAX)),
        Err(_) => Err("The client requested a non-integer protocol version.".to_owned()),
    }
}

fn offer(transport: Transport) -> Value {
    let formats: &[_] = if transport.is_binary() { &["Text", "Binary"] } else { &["Text"] };
    json!({ "transport": transport.name(), "transferFormats": formats })
}
