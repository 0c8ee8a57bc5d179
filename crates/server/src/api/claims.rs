//! Workers that ask for something to do.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use milepost_wire::native::answers::Claimed;
use milepost_wire::native::requests::ClaimRequest;

use super::body::Payload;
use super::path::InProject;
use super::wait::{unless_stopping, wait};
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;

/// Gives a queued run to a worker, the oldest first.
#[utoipa::path(
    post, path = "/v1/projects/{project}/claims", operation_id = "claim", tag = "workers",
    request_body = ClaimRequest,
    responses(
        (status = 200, description = "The run, running now", body = Claimed),
        (status = 204, description = "None, in that time")
    )
)]
pub(crate) async fn claim(
    State(app): State<App>,
    principal: Principal,
    InProject(project): InProject,
    Payload(body): Payload,
) -> Result<Response, Refusal> {
    principal.may(Action::Publish, &project)?;
    let request = ClaimRequest::parse(&body)?;
    let wait = wait(request.wait.map(u64::from))?;
    let claim = app.hub().claim(&project, &request.kinds, request.lease_seconds, wait);
    let Some(claimed) = unless_stopping(&app, claim).await.transpose()?.flatten() else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let milepost_hub::Claimed { run, cursor, lease, waited_ms } = claimed;
    app.metrics().claimed_after(Duration::from_millis(waited_ms));
    // A claim always sets a lease; its end is known to the run.
    let expected = app.hub().now().plus_seconds(request.lease_seconds);
    let lease_expires_at = run.lease_expires_at.unwrap_or(expected);
    Ok(Json(Claimed { stream: run.stream.clone(), run, cursor, lease, lease_expires_at }).into_response())
}
