//! Repository ingestion over HTTP: `/api/v1/ingest`, a dialect of its own over ordinary runs of kind `ingest`.

mod follow;
mod indices;
mod jobs;
mod request;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use milepost_core::{Code, Cursor, Project, RunId, Snapshot};
use milepost_hub::{From as Beginning, SessionOptions};
use milepost_jobs::ingest::search::Answer;
use milepost_wire::dialects::ingest::{Job, Progress};
use serde::{Deserialize, Serialize};

use crate::api::body::Payload;
use crate::api::query::Query;
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::{Refusal, problem_of};
use crate::transport::sse::HEADERS;
use follow::{Follow, Join};
use jobs::Begun;
pub(crate) use jobs::{Jobs, client};
use request::{Request, Worker};

/// Hits of a search where the caller does not say.
const HITS: usize = 20;

/// The artifact that holds the index of a finished job.
const INDEX: &str = "index.tar";

#[derive(Deserialize)]
pub(crate) struct StartQuery {
    #[serde(default)]
    stream: bool,
}

#[derive(Deserialize)]
pub(crate) struct JobQuery {
    project: Option<Project>,
}

#[derive(Deserialize)]
pub(crate) struct SearchQuery {
    project: Option<Project>,
    q: Option<String>,
    limit: Option<usize>,
}

/// The answer to a start without `stream=true`.
#[derive(Serialize)]
struct Started {
    job_id: RunId,
    status: milepost_core::RunState,
    events_url: String,
    cancel_url: String,
}

/// `POST /api/v1/ingest/github`: begins a job, or joins the one of that id. Closing the stream does not cancel it.
pub(crate) async fn start(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<StartQuery>,
    Payload(body): Payload,
) -> Result<Response, Refusal> {
    let request = Request::parse(&body)?;
    principal.may(Action::Publish, &request.project)?;
    let job = request.job_id.clone().unwrap_or_else(jobs::new_id);
    let begun = match request.plan(&app.config().ingest) {
        Ok(plan) => match request.worker {
            Worker::BuiltIn => app.ingest().begin(&app, &request.project, &job, plan).await,
            Worker::External => app.ingest().queue(&app, &request.project, &job, plan).await,
        },
        Err(error) => Err(refused(&error)),
    };
    match begun {
        Ok(_) if !query.stream => started(&app, &request.project, &job).await,
        Ok(Begun::Anew) => follow(&app, &request.project, &job, Join::Start).await,
        Ok(Begun::Before) => follow(&app, &request.project, &job, Join::Now).await,
        // Whoever asked for a stream gets the failure as its one frame.
        Err(refusal) if query.stream => Ok(only_frame(&app, job, &refusal)),
        Err(refusal) => Err(refusal),
    }
}

/// `GET /api/v1/ingest/{job_id}/events`: joins, or resumes after `Last-Event-ID`.
pub(crate) async fn events(
    State(app): State<App>,
    principal: Principal,
    Path(job): Path<String>,
    Query(query): Query<JobQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (project, job) = named(query.project, &job)?;
    principal.may(Action::Subscribe, &project)?;
    snapshot(&app, &project, &job).await?;
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").parse::<Cursor>());
    let last = last.transpose().map_err(|error| Refusal::new(Code::InvalidCursor, error.to_string()))?;
    follow(&app, &project, &job, last.map_or(Join::Now, Join::After)).await
}

/// `GET /api/v1/ingest/{job_id}`: the state of the job.
pub(crate) async fn state(
    State(app): State<App>,
    principal: Principal,
    Path(job): Path<String>,
    Query(query): Query<JobQuery>,
) -> Result<Json<Job>, Refusal> {
    let (project, job) = named(query.project, &job)?;
    principal.may(Action::Subscribe, &project)?;
    let shown = snapshot(&app, &project, &job).await?;
    Job::of(&shown).map(Json).ok_or_else(|| not_a_job(&job))
}

/// `POST /api/v1/ingest/{job_id}/cancel`: asks for cancellation; the answer is that of the native call.
pub(crate) async fn cancel(
    State(app): State<App>,
    principal: Principal,
    Path(job): Path<String>,
    Query(query): Query<JobQuery>,
) -> Result<Response, Refusal> {
    let (project, job) = named(query.project, &job)?;
    principal.may(Action::Cancel, &project)?;
    snapshot(&app, &project, &job).await?;
    let accepted = crate::api::cancel::cancel(&app, &principal, &project, &job, Default::default()).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

/// `GET /api/v1/ingest/{job_id}/search?q=`: searches what a finished job indexed.
pub(crate) async fn search(
    State(app): State<App>,
    principal: Principal,
    Path(job): Path<String>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Answer>, Refusal> {
    let (project, job) = named(query.project, &job)?;
    principal.may(Action::Subscribe, &project)?;
    let shown = snapshot(&app, &project, &job).await?;
    let artifact = shown.artifacts.iter().find(|artifact| artifact.run == job && artifact.artifact.as_str() == INDEX);
    let sha256 = artifact.and_then(|artifact| artifact.sha256.clone());
    let Some(sha256) = sha256 else {
        let over = shown.state.is_terminal();
        let (code, detail) = if over {
            (Code::ArtifactNotFound, "the job ended without an index")
        } else {
            (Code::RunNotTerminal, "the index is there once the job is complete")
        };
        return Err(Refusal::new(code, detail));
    };
    let (question, limit) = (query.q.unwrap_or_default(), query.limit.unwrap_or(HITS));
    app.ingest().search(&app, &project, &job, &sha256, question, limit).await.map(Json)
}

async fn started(app: &App, project: &Project, job: &RunId) -> Result<Response, Refusal> {
    let status = snapshot(app, project, job).await?.state;
    let suffix = if *project == Project::default_project() { String::new() } else { format!("?project={project}") };
    let events_url = format!("/api/v1/ingest/{job}/events{suffix}");
    let cancel_url = format!("/api/v1/ingest/{job}/cancel{suffix}");
    let answer = Started { job_id: job.clone(), status, events_url, cancel_url };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

async fn follow(app: &App, project: &Project, job: &RunId, join: Join) -> Result<Response, Refusal> {
    let join = match join {
        Join::After(cursor) => {
            let probe = app.hub().subscribe(project, job, Beginning::After(cursor), SessionOptions::default()).await?;
            if probe.is_at_end() {
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
            // A cursor of a former job, or from the future, says nothing: the viewer gets where the job stands.
            if probe.knows(cursor) { join } else { Join::Now }
        }
        other => other,
    };
    // The body has a pace of its own, and needs every event for it.
    let everything = SessionOptions { coalesce_ms: Some(0), ..SessionOptions::default() };
    let session = app.hub().subscribe(project, job, Beginning::Start, everything).await?;
    let interval = app.config().ingest.frame_interval;
    let body = Follow::new(session, join, interval, app.hub().clone(), app.metrics().session("ingest"));
    Ok((HEADERS, Body::new(body)).into_response())
}

fn only_frame(app: &App, job: RunId, refusal: &Refusal) -> Response {
    let problem = problem_of(refusal);
    let code = problem.known_code().unwrap_or(Code::Internal);
    let frame: Bytes = Progress::refused(job, code, problem.detail, app.hub().now()).frame(None);
    (HEADERS, frame).into_response()
}

fn named(project: Option<Project>, job: &str) -> Result<(Project, RunId), Refusal> {
    let job = RunId::new(job).map_err(|error| Refusal::new(Code::InvalidId, error.to_string()))?;
    Ok((project.unwrap_or_else(Project::default_project), job))
}

/// The job's tree; a run of another kind is no job.
async fn snapshot(app: &App, project: &Project, job: &RunId) -> Result<Snapshot, Refusal> {
    let shown = app.hub().snapshot(project, job).await?;
    let is_job =
        shown.snapshot().runs.first().is_some_and(|run| run.kind.as_str() == jobs::KIND && run.parent.is_none());
    if is_job { Ok(shown.snapshot().clone()) } else { Err(not_a_job(job)) }
}

fn not_a_job(job: &RunId) -> Refusal {
    Refusal::new(Code::RunNotFound, format!("there is no ingest job `{job}`"))
}

fn refused(error: &milepost_jobs::ingest::IngestError) -> Refusal {
    Refusal::new(error.code().parse().unwrap_or(Code::Internal), error.to_string())
}
