//! Asking for the cancellation of a run.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use milepost_core::{Project, RunId};
use milepost_wire::native::answers::CancelAccepted;
use milepost_wire::native::requests::CancelRequest;

use super::body::Payload;
use super::path::OfRun;
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;

/// Asks for the cancellation of a run and of everything below it. Asked again, the answer is the same.
#[utoipa::path(
    post, path = "/v1/projects/{project}/runs/{run}/cancel", operation_id = "cancelRun", tag = "runs",
    request_body = Option<CancelRequest>,
    responses((status = 202, description = "Asked for", body = CancelAccepted))
)]
pub(crate) async fn request(
    State(app): State<App>,
    principal: Principal,
    OfRun { project, run }: OfRun,
    Payload(body): Payload,
) -> Result<Response, Refusal> {
    let request = CancelRequest::parse(&body)?;
    let accepted = cancel(&app, &principal, &project, &run, request).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

/// The same, whichever way it was asked for.
pub(crate) async fn cancel(
    app: &App,
    principal: &Principal,
    project: &Project,
    run: &RunId,
    request: CancelRequest,
) -> Result<CancelAccepted, Refusal> {
    principal.may(Action::Cancel, project)?;
    let by = principal.name().map(|name| name.to_string());
    let answer = app.hub().cancel(project, run, by, request.reason, request.grace_seconds).await?;
    Ok(CancelAccepted { run: answer.run, cancel: (*answer.cancel).clone() })
}
