//! Runs: create, list, look at, delete.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, StatusCode};
use milepost_core::{Code, Cursor, Project, RunId, RunState};
use milepost_hub::{ListRuns, NewRun, Shown};
use milepost_wire::native::answers::{Created, RunsPage};
use milepost_wire::native::requests::{CreateRun, InitialState};
use milepost_wire::openapi::{RunStateSchema, RunsPageSchema, SnapshotSchema};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::Payload;
use super::conditions::NoneMatch;
use super::control::lease;
use super::path::{InProject, OfRun};
use super::query::{Query, limit, parsed};
use super::wait::{unless_stopping, wait};
use crate::app::App;
use crate::caps::RUNS_PAGE;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;
use crate::transport::encode::snapshot_json;

/// Creates a run.
///
/// The same id and the same kind and place again get the same answer with status 200, whatever else differs.
#[utoipa::path(
    post, path = "/v1/projects/{project}/runs", operation_id = "createRun", tag = "runs",
    params(("Milepost-Lease" = Option<String>, Header, description = "The lease of a worker, for a run below the one that it claimed")),
    request_body = CreateRun,
    responses((status = 201, description = "Created", body = Created), (status = 200, description = "It was there", body = Created))
)]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    InProject(project): InProject,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Result<Response, Refusal> {
    principal.may(Action::Publish, &project)?;
    let request = CreateRun::parse(&body)?;
    let run = match &request.id {
        Some(id) => id.clone(),
        None => new_id()?,
    };
    let started = request.state == InitialState::Running;
    let new = NewRun { run: run.clone(), created: request.created(), started, lease: lease(&headers)? };
    let created = app.hub().create(&project, new).await?;
    let status = if created.existed { StatusCode::OK } else { StatusCode::CREATED };
    let location = format!("/v1/projects/{project}/runs/{run}");
    let answer = Created { run, stream: created.stream, seq: created.seq, cursor: created.cursor };
    Ok((status, [(LOCATION, location)], Json(answer)).into_response())
}

/// Ids of our own sort by the time at which they were made.
fn new_id() -> Result<RunId, Refusal> {
    RunId::new(&uuid::Uuid::now_v7().to_string()).map_err(|error| Refusal::new(Code::Internal, error.to_string()))
}

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only of this kind.
    kind: Option<String>,
    /// Only in this state.
    #[param(value_type = Option<RunStateSchema>)]
    state: Option<RunState>,
    /// The children of this run; roots when absent.
    parent: Option<String>,
    /// 1 to 500; 50 when absent.
    limit: Option<usize>,
    /// The `next_page` of the page before.
    page: Option<String>,
}

/// Lists runs, newest first.
#[utoipa::path(
    get, path = "/v1/projects/{project}/runs", operation_id = "listRuns", tag = "runs",
    params(ListQuery),
    responses((status = 200, description = "One page", body = RunsPageSchema))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    InProject(project): InProject,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    principal.may(Action::Subscribe, &project)?;
    let query = ListRuns {
        kind: parsed("kind", query.kind.as_deref())?,
        state: query.state,
        parent: parsed("parent", query.parent.as_deref())?,
        limit: limit(query.limit, RUNS_PAGE)?,
        before: query.page.as_deref().map(read_page).transpose()?,
    };
    let page = app.hub().list(&project, &query).await?;
    let answer = RunsPage { runs: page.runs, next_page: page.next.map(write_page) };
    Ok(([(CACHE_CONTROL, "no-cache")], Json(answer)).into_response())
}

/// A page is named by a position of the projection. That is nobody's business, hence the letter: it may change its meaning.
fn write_page(before: u64) -> String {
    format!("a{before:x}")
}

fn read_page(page: &str) -> Result<u64, Refusal> {
    let position = page.strip_prefix('a').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    position
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .filter(|position| i64::try_from(*position).is_ok())
        .ok_or_else(|| Refusal::new(Code::InvalidQuery, "`page` is the `next_page` of the page before"))
}

/// How to look at a run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SnapshotQuery {
    /// Seconds to wait for something newer than `If-None-Match`, at most 60.
    wait: Option<u64>,
}

/// A run and everything below it, as it stands.
#[utoipa::path(
    get, path = "/v1/projects/{project}/runs/{run}", operation_id = "getRun", tag = "runs",
    params(SnapshotQuery, ("If-None-Match" = Option<String>, Header, description = "Cursors that the client has")),
    responses(
        (status = 200, description = "The snapshot; `ETag` is its cursor", body = SnapshotSchema),
        (status = 304, description = "Nothing newer, in that time")
    )
)]
pub(crate) async fn snapshot(
    State(app): State<App>,
    principal: Principal,
    OfRun { project, run }: OfRun,
    Query(query): Query<SnapshotQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    principal.may(Action::Subscribe, &project)?;
    let (known, wait) = (NoneMatch::of(&headers)?, wait(query.wait)?);
    let is_known = |shown: &Shown| known.as_ref().is_some_and(|known| known.has(&shown.snapshot().cursor.to_string()));

    let mut shown = app.hub().snapshot(&project, &run).await?;
    if is_known(&shown) && !wait.is_zero() {
        let moved = app.hub().moved(&project, &run, shown.snapshot().seq, wait);
        // When the server stops, the client is told what it knows and asks again.
        unless_stopping(&app, moved).await.transpose()?;
        let before = shown.snapshot().cursor;
        shown = app.hub().snapshot(&project, &run).await?;
        if shown.snapshot().cursor != before {
            return Ok(show(&shown));
        }
    }
    if is_known(&shown) {
        return Ok((StatusCode::NOT_MODIFIED, etag(shown.snapshot().cursor)).into_response());
    }
    Ok(show(&shown))
}

fn show(shown: &Shown) -> Response {
    let body = snapshot_json(shown);
    (etag(shown.snapshot().cursor), [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// `no-cache` means: keep it, but ask before using it.
fn etag(cursor: Cursor) -> [(http::HeaderName, String); 2] {
    [(ETAG, format!("\"{cursor}\"")), (CACHE_CONTROL, "no-cache".to_owned())]
}

/// Deletes a root run that is over: its log, everything below it, its artifacts.
#[utoipa::path(
    delete, path = "/v1/projects/{project}/runs/{run}", operation_id = "deleteRun", tag = "runs",
    responses((status = 204, description = "Gone"))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    principal: Principal,
    OfRun { project, run }: OfRun,
) -> Result<StatusCode, Refusal> {
    principal.may(Action::Admin, &project)?;
    // Once begun it is done, whether the client still listens or not.
    let deleting = app.tasks().spawn({
        let app = app.clone();
        async move { delete_all(&app, &project, &run).await }
    });
    deleting.await.map_err(|_| Refusal::new(Code::Internal, "a bug in the server; it was logged"))??;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_all(app: &App, project: &Project, run: &RunId) -> Result<(), Refusal> {
    let _deciding = app.artifacts().decide(project, run).await;
    let shown = app.hub().snapshot(project, run).await?;
    app.hub().delete(project, run).await?;
    // The run is gone by now, and nobody can get at what it leaves behind: a failure costs space and nothing else.
    if let Err(error) = app.artifacts().delete(project, run).await {
        tracing::warn!(%project, %run, %error, "artifacts of a deleted run stay on the disk");
    }
    app.ingest().forget(shown.snapshot());
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::{app, testing};

    #[tokio::test]
    async fn a_deletion_waits_for_uploads_of_its_stream() {
        let (app, _directory) = testing::app().await;
        let router = app::router(app.clone());
        let send = async |method: &str, path: &str, body: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
            router.clone().oneshot(request).await.unwrap().status()
        };
        const RUN: &str = "/v1/projects/p/runs/c1";
        send("POST", "/v1/projects/p/runs", r#"{"id":"c1","kind":"work","state":"running"}"#).await;
        send("POST", &format!("{RUN}/events"), r#"{"type":"run.completed"}"#).await;

        let (project, run) = ("p".parse().unwrap(), "c1".parse().unwrap());
        let upload = app.artifacts().decide(&project, &run).await;
        let looking = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let found = send("GET", RUN, "").await;
            drop(upload);
            found
        };
        let (deleted, found) = tokio::join!(send("DELETE", RUN, ""), looking);
        assert_eq!((found, deleted), (StatusCode::OK, StatusCode::NO_CONTENT));
        assert_eq!(send("GET", RUN, "").await, StatusCode::NOT_FOUND);
    }
}
