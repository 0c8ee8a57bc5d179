//! What a worker hears and says while it works: commands, and that it is still there.

use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use http::{HeaderMap, StatusCode};
use milepost_core::{Code, TypeFilter};
use milepost_hub::{From, Item, SessionOptions};
use milepost_wire::native::answers::{CancelCommand, CancelInfo, Command, Commands, Heartbeat};
use serde::Deserialize;
use utoipa::IntoParams;

use super::negotiate::Form;
use super::path::OfRun;
use super::query::Query;
use super::wait::{unless_stopping, wait};
use crate::app::App;
use crate::metrics::SessionGuard;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;

/// How often a silent stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long one stream of commands waits at most; then the worker connects again.
const STREAM_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The lease that a worker shows with what it writes.
///
/// # Errors
/// `invalid_header` when it is not text.
pub(super) fn lease(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(lease) = headers.get("milepost-lease") else { return Ok(None) };
    match lease.to_str() {
        Ok(lease) => Ok(Some(lease.to_owned())),
        Err(_) => Err(Refusal::new(Code::InvalidHeader, "`Milepost-Lease` is not text")),
    }
}

/// Renews the lease of a run. There is no body.
#[utoipa::path(
    post, path = "/v1/projects/{project}/runs/{run}/heartbeat", operation_id = "heartbeat", tag = "workers",
    params(("Milepost-Lease" = Option<String>, Header, description = "The lease of a worker that claimed the run")),
    responses((status = 200, description = "Renewed", body = Heartbeat))
)]
pub(crate) async fn heartbeat(
    State(app): State<App>,
    principal: Principal,
    OfRun { project, run }: OfRun,
    headers: HeaderMap,
) -> Result<Json<Heartbeat>, Refusal> {
    principal.may(Action::Publish, &project)?;
    let renewed = app.hub().heartbeat(&project, &run, lease(&headers)?).await?;
    let cancel = renewed.cancel.map(|answer| CancelInfo::of(&answer.run, &answer.cancel));
    Ok(Json(Heartbeat { lease_expires_at: renewed.lease_expires_at, cancel }))
}

/// Gives a claimed run back: it is stalled at once, and another worker may claim it. There is no body.
#[utoipa::path(
    post, path = "/v1/projects/{project}/runs/{run}/release", operation_id = "release", tag = "workers",
    params(("Milepost-Lease" = String, Header, description = "The lease that the claim gave")),
    responses((status = 204, description = "Given back"))
)]
pub(crate) async fn release(
    State(app): State<App>,
    principal: Principal,
    OfRun { project, run }: OfRun,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    principal.may(Action::Publish, &project)?;
    let missing =
        || Refusal::new(Code::InvalidHeader, "`Milepost-Lease` is missing: only who claimed a run gives it back");
    let lease = lease(&headers)?.ok_or_else(missing)?;
    app.hub().release(&project, &run, lease).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ControlQuery {
    /// Seconds, at most 60.
    wait: Option<u64>,
}

/// Commands for the worker of a run: a long poll, or a stream (`event: cancel`) if that is what is accepted.
#[utoipa::path(
    get, path = "/v1/projects/{project}/runs/{run}/control", operation_id = "control", tag = "workers",
    params(ControlQuery),
    responses(
        (status = 200, description = "Commands, or a live stream of them", content(
            (Commands = "application/json"), (String = "text/event-stream")
        )),
        (status = 204, description = "None, in that time, or the run is over")
    )
)]
pub(crate) async fn control(
    State(app): State<App>,
    principal: Principal,
    path: OfRun,
    Query(query): Query<ControlQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    principal.may(Action::Publish, &path.project)?;
    if Form::of(&headers) == Form::EventStream {
        return follow(app, path).await;
    }
    Ok(match command(&app, &path, wait(query.wait)?).await? {
        Some(cancel) => Json(Commands { commands: vec![Command::Cancel(cancel)] }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// The command for the worker of a run, as soon as there is one. None when the time is up, or the run is over.
async fn command(app: &App, path: &OfRun, wait: Duration) -> Result<Option<CancelCommand>, Refusal> {
    let asked = app.hub().control(&path.project, &path.run, wait);
    let answer = unless_stopping(app, asked).await.transpose()?.flatten();
    Ok(answer.map(|answer| CancelInfo::of(&answer.run, &answer.cancel).into()))
}

async fn follow(app: App, path: OfRun) -> Result<Response, Refusal> {
    let shown = app.hub().snapshot(&path.project, &path.run).await?;
    if shown.snapshot().state.is_terminal() {
        // A worker that connects again after the end has nothing to wait for.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let guard = app.metrics().session("control");
    let worker = Worker { app, path, told: false, _guard: guard };
    let mut response = Sse::new(worker.commands()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    response.headers_mut().insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    Ok(response)
}

/// A worker that listens. It is told once, and the stream stays open until the run is over: a browser's `EventSource`
/// would connect again at once, and be told again, if it were closed.
struct Worker {
    app: App,
    path: OfRun,
    told: bool,
    _guard: SessionGuard,
}

impl Worker {
    fn commands(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut worker| async move {
            if worker.told {
                unless_stopping(&worker.app, worker.until_over()).await;
                return None;
            }
            let cancel = command(&worker.app, &worker.path, STREAM_MAX).await.ok()??;
            worker.told = true;
            let event = Event::default().event("cancel").json_data(cancel).ok()?;
            Some((Ok(event), worker))
        })
    }

    /// Waits until the run is over, or its stream goes away.
    async fn until_over(&self) {
        let OfRun { project, run } = &self.path;
        let types: Option<TypeFilter> = "run.completed,run.failed,run.cancelled".parse().ok();
        let options = SessionOptions { types, ..SessionOptions::default() };
        let Ok(mut session) = self.app.hub().subscribe(project, run, From::Now, options).await else { return };
        let mut items = Vec::new();
        while !session.is_done() {
            if poll_fn(|context| session.poll(context, &mut items)).await.is_err() {
                return;
            }
            let over = items.drain(..).any(|item| match item {
                Item::Snapshot(shown) => shown.snapshot().state.is_terminal(),
                Item::Event { frame, .. } => frame.record().run == *run,
                Item::CaughtUp(_) | Item::Reset(_) => false,
                Item::End(_) | Item::Closed => true,
            });
            if over {
                return;
            }
        }
    }
}
