//! Campaigns over HTTP: `/api/v1/content`, a dialect of its own over ordinary runs of kind `campaign`.

mod follow;
mod keeper;
mod outcome;
mod request;
mod views;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use milepost_core::{Code, Cursor, Kind, Project, RunId};
use milepost_jobs::campaign::job_id;
use milepost_wire::dialects::content::{self, Job, Status};
use serde::{Deserialize, Serialize};

use crate::api::body::Payload;
use crate::api::query::Query;
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;
use crate::transport::sse::HEADERS;
pub(crate) use keeper::Campaigns;
use request::Request;

/// The kinds of jobs, whose rows the database shows as `generation_jobs`.
pub(crate) fn job_kinds() -> Vec<Kind> {
    let kind = |word: &&str| Kind::new(word).unwrap_or_else(|_| unreachable!("{word} is a valid name"));
    content::JOB_TYPES.iter().map(kind).collect()
}

#[derive(Deserialize)]
pub(crate) struct ProjectQuery {
    project: Option<Project>,
}

/// The answer to a start: the campaign as it was accepted, each time it is asked for.
#[derive(Serialize)]
struct Accepted {
    campaign_id: RunId,
    status: &'static str,
    jobs: Vec<AcceptedJob>,
    progress_endpoint: String,
}

#[derive(Serialize)]
struct AcceptedJob {
    id: RunId,
    r#type: &'static str,
    status: Status,
    progress: f64,
    message: &'static str,
}

/// `POST /api/v1/content/generate-with-progress`: accepts a campaign, and answers before anything of it is made.
pub(crate) async fn generate(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<ProjectQuery>,
    Payload(body): Payload,
) -> Result<Response, Refusal> {
    let request = Request::parse(&body, query.project)?;
    principal.may(Action::Publish, &request.project)?;
    app.campaigns().begin(&app, &request).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted(&request))).into_response())
}

/// `GET /api/v1/content/progress/{campaign_id}`: how far the jobs are, again and again until all are over.
pub(crate) async fn progress(
    State(app): State<App>,
    principal: Principal,
    Path(campaign): Path<String>,
    Query(query): Query<ProjectQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let project = query.project.unwrap_or_else(Project::default_project);
    let campaign = RunId::new(&campaign).map_err(|error| Refusal::new(Code::InvalidId, error.to_string()))?;
    principal.may(Action::Subscribe, &project)?;
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").parse::<Cursor>());
    let last = last.transpose().map_err(|error| Refusal::new(Code::InvalidCursor, error.to_string()))?;
    let shown = app.hub().snapshot(&project, &campaign).await?;
    let root = shown.snapshot().runs.first();
    if root.is_none_or(|root| root.kind.as_str() != content::CAMPAIGN || root.parent.is_some()) {
        return Err(Refusal::new(Code::RunNotFound, format!("there is no campaign `{campaign}`")));
    }
    if let Some(last) = last
        && content::is_over(shown.snapshot())
        && follow::saw_the_end(&app, &project, shown.snapshot(), last).await?
    {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let view = app.campaigns().views().of(&project, &campaign);
    Ok((HEADERS, Body::from_stream(follow::frames(&app, view))).into_response())
}

fn accepted(request: &Request) -> Accepted {
    let job = |job| AcceptedJob {
        id: job_id(&request.campaign, job),
        r#type: job.as_str(),
        status: Status::Queued,
        progress: 0.0,
        message: Job::QUEUED,
    };
    let Request { campaign, project, brief, .. } = request;
    let suffix = if *project == Project::default_project() { String::new() } else { format!("?project={project}") };
    Accepted {
        campaign_id: campaign.clone(),
        status: "processing",
        jobs: brief.jobs().iter().copied().map(job).collect(),
        progress_endpoint: format!("/api/v1/content/progress/{campaign}{suffix}"),
    }
}
