//! `/v1/ws`.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;

use crate::app::App;
use crate::principal::Principal;
use crate::problem::Refusal;
use crate::transport::ws;

/// Many subscriptions, publishing and cancelling over one WebSocket (RFC 6455).
#[utoipa::path(
    get, path = "/v1/ws", operation_id = "socket", tag = "events",
    responses((status = 101, description = "A WebSocket from here on"))
)]
pub(crate) async fn upgrade(
    State(app): State<App>,
    principal: Principal,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    Ok(ws::respond(app, principal, ws::asked(socket)?))
}
