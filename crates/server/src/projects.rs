//! What happens in a project, over `WebSocket`: `/api/stream/projects/{project}`, the dialect of `milepost_wire::dialects::project` over
//! ordinary runs. One socket for each job or run, one for all of a project; they only listen.

#![expect(unused_qualifications, reason = "in the code that utoipa writes for query parameters")]

mod frames;
mod source;
mod viewer;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use milepost_core::{Code, Cursor, Project, RunId};
use milepost_wire::dialects::project::{Family, NameFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::query::{Query, parsed};
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;
use crate::transport::ws;
use source::Source;
use viewer::Viewer;

/// Bytes of one incoming message. Nothing that a client says here has a meaning; some send words to stay alive.
const MESSAGE_BYTES: usize = 16 * 1024;

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Whoever asks, or why nobody may: told on the socket, because a browser does not show the status of a refused upgrade.
type Asking = Result<Principal, <Principal as FromRequestParts<App>>::Rejection>;

/// Where to begin, and what to leave out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunQuery {
    /// A sequence or a cursor: begins strictly after it, without a snapshot.
    after: Option<String>,
    /// Only these frames: `ingest.job.*,agent.message.appended`. The snapshot comes in any case.
    types: Option<String>,
}

/// Follows an ingest job: first `snapshot`, then a frame for each event.
#[utoipa::path(
    get, path = "/api/stream/projects/{project}/ingest/{job}", operation_id = "streamIngestJob", tag = "projects",
    params(RunQuery), responses((status = 101, description = "A WebSocket from here on"))
)]
pub(crate) async fn ingest(
    State(app): State<App>,
    principal: Asking,
    Path(names): Path<(String, String)>,
    Query(query): Query<RunQuery>,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    follow(app, principal, names, &query, Family::Ingest, upgrade).await
}

/// Follows an agent run: first `snapshot`, then a frame for each event.
#[utoipa::path(
    get, path = "/api/stream/projects/{project}/agent-runs/{run}", operation_id = "streamAgentRun", tag = "projects",
    params(RunQuery), responses((status = 101, description = "A WebSocket from here on"))
)]
pub(crate) async fn agent(
    State(app): State<App>,
    principal: Asking,
    Path(names): Path<(String, String)>,
    Query(query): Query<RunQuery>,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    follow(app, principal, names, &query, Family::Agent, upgrade).await
}

/// Follows a workflow run: first `snapshot`, then a frame for each event.
#[utoipa::path(
    get, path = "/api/stream/projects/{project}/workflows/runs/{run}", operation_id = "streamWorkflowRun",
    tag = "projects", params(RunQuery), responses((status = 101, description = "A WebSocket from here on"))
)]
pub(crate) async fn workflow(
    State(app): State<App>,
    principal: Asking,
    Path(names): Path<(String, String)>,
    Query(query): Query<RunQuery>,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    follow(app, principal, names, &query, Family::Workflow, upgrade).await
}

/// Follows all jobs and runs of a project: first `snapshot`, the list of open ones, then a frame for each event of any of them.
#[utoipa::path(
    get, path = "/api/stream/projects/{project}", operation_id = "streamProject", tag = "projects",
    params(("types" = Option<String>, Query, description = "Only these frames")),
    responses((status = 101, description = "A WebSocket from here on"))
)]
pub(crate) async fn project(
    State(app): State<App>,
    principal: Asking,
    Path(name): Path<String>,
    Query(query): Query<RunQuery>,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    let upgrade = ws::asked(upgrade)?;
    if query.after.is_some() {
        let why =
            "all of a project has no `after`: its streams have sequences of their own, and it begins with a snapshot";
        return Err(Refusal::new(Code::InvalidQuery, why));
    }
    let names = types(&query)?;
    let source = whole(&app, principal, &name).await;
    Ok(respond(app, name, source, names, upgrade))
}

async fn follow(
    app: App,
    principal: Asking,
    (project, run): (String, String),
    query: &RunQuery,
    family: Family,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    let upgrade = ws::asked(upgrade)?;
    let after = query.after.as_deref().filter(|after| !after.is_empty());
    let after: Option<Cursor> = parsed("after", after)?;
    let names = types(query)?;
    let source = one(&app, principal, (&project, &run), family, after).await;
    Ok(respond(app, project, source, names, upgrade))
}

fn types(query: &RunQuery) -> Result<Option<NameFilter>, Refusal> {
    parsed("types", query.types.as_deref())
}

async fn one(
    app: &App,
    principal: Asking,
    (project, run): (&str, &str),
    family: Family,
    after: Option<Cursor>,
) -> Result<Source, Refusal> {
    let (principal, project) = (principal?, name::<Project>(project)?);
    principal.may(Action::Subscribe, &project)?;
    Source::run(app, &project, &name::<RunId>(run)?, family, after).await
}

async fn whole(app: &App, principal: Asking, project: &str) -> Result<Source, Refusal> {
    let (principal, project) = (principal?, name::<Project>(project)?);
    principal.may(Action::Subscribe, &project)?;
    Source::project(app, project).await
}

/// A name of the path. What cannot be a name is the name of nothing.
fn name<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| source::not_found(text))
}

fn respond(
    app: App,
    project: String,
    source: Result<Source, Refusal>,
    names: Option<NameFilter>,
    upgrade: WebSocketUpgrade,
) -> Response {
    ws::upgrade(&app.clone(), upgrade, MESSAGE_BYTES, move |socket| async move {
        match source {
            Ok(source) => Viewer::new(app, project, socket, source, names).run().await,
            Err(refusal) => viewer::refuse(&app, &project, socket, &refusal).await,
        }
    })
}
