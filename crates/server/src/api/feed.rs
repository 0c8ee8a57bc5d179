//! The feed of a project.

use axum::extract::State;
use axum::response::Response;

use super::path::InProject;
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;
use crate::transport::feed;

/// Follows all streams of a project: first `snapshot`, the list of open runs, then every event.
#[utoipa::path(
    get, path = "/v1/projects/{project}/events", operation_id = "followProject", tag = "events",
    responses((status = 200, description = "A live stream", content((String = "text/event-stream"))))
)]
pub(crate) async fn follow(
    State(app): State<App>,
    principal: Principal,
    InProject(project): InProject,
) -> Result<Response, Refusal> {
    principal.may(Action::Subscribe, &project)?;
    let joined = app.hub().feed(&project).await?;
    Ok(feed::respond(&app, joined, &project))
}
