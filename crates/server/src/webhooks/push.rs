//! `POST /api/v1/webhooks/progress`: Google Cloud Pub/Sub tells how the jobs of campaigns go.
//!
//! Pub/Sub takes any status but 2xx for "again later", for as long as it keeps the message, or until its dead-letter policy takes
//! it away. So an answer is 2xx once what the message says is durable, or has been said before, or is overtaken; 5xx when it may
//! work later; and 4xx when it never will.

use axum::Json;
use axum::extract::{Request, State};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use milepost_core::{Code, Project, RunId, Snapshot};
use milepost_hub::{HubError, Publish};
use milepost_wire::pubsub::{Action as Todo, Push};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::body::{read_all, refuse};
use crate::api::query::Query;
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;

/// How often a message is looked at again because the job changed meanwhile. A job changes its state a handful of times.
const TRIES: usize = 4;

/// Which project the campaign is in.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PushQuery {
    /// `default` when absent.
    #[param(value_type = Option<String>)]
    project: Option<Project>,
}

/// What became of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushAnswer {
    /// The job that it is about.
    #[schema(value_type = String)]
    job_id: RunId,
    /// `applied`, `duplicate`, or `ignored` when it came too late to change anything.
    #[schema(value_type = String)]
    outcome: &'static str,
    /// Where the campaign's stream stands.
    seq: u64,
}

/// Takes a push of Google Cloud Pub/Sub about a job of a campaign.
///
/// Wrapped (`{message: {data, messageId}}`) or not (`x-goog-pubsub-message-id`, or CloudEvents in the binary mode). The data is
/// `{campaign_id, job_id | job_type, progress?, message?, status?, content_id?, result?}`. A message is applied once, whatever
/// the number of its deliveries.
#[utoipa::path(
    post, path = "/api/v1/webhooks/progress", operation_id = "pushProgress", tag = "webhooks",
    params(PushQuery, ("Authorization" = Option<String>, Header, description = "The OIDC token of the subscription, where \
        `pubsub.push` is configured")),
    request_body(content_type = "application/json", content = Object),
    responses((status = 200, description = "Durable", body = PushAnswer))
)]
pub(crate) async fn progress(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<PushQuery>,
    request: Request,
) -> Result<Json<PushAnswer>, Refusal> {
    let project = query.project.unwrap_or_else(Project::default_project);
    let (parts, body) = request.into_parts();
    if let Err(refusal) = allowed(&app, &principal, &project, &parts.headers).await {
        return Err(refuse(&parts.headers, body, refusal).await);
    }
    let body = read_all(&parts.headers, body).await?;
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let push = Push::parse(header, &body)?;
    apply(&app, &project, &push).await.map(Json)
}

/// With tokens configured, a token decides; else whoever may publish may push.
async fn allowed(app: &App, principal: &Principal, project: &Project, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(verifier) = app.push_verifier() else { return principal.may(Action::Publish, project) };
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let missing = || Refusal::new(Code::Unauthorized, "send `Authorization: Bearer` with an OIDC token of the issuer");
    verifier.verify(bearer.ok_or_else(missing)?).await
}

/// The scheme is case-insensitive (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn apply(app: &App, project: &Project, push: &Push) -> Result<PushAnswer, Refusal> {
    let (campaign, ids) = (&push.progress.campaign, push.event_ids());
    let mut tries = 0;
    loop {
        tries += 1;
        let shown = app.hub().snapshot(project, campaign).await?;
        let snapshot = shown.snapshot();
        let job = push.job(snapshot)?;
        let answer = |outcome, seq| PushAnswer { job_id: job.id.clone(), outcome, seq };
        if !ids.is_empty() && app.hub().knows(project, campaign, ids.clone()).await? {
            return Ok(answer("duplicate", snapshot.seq));
        }
        let Todo::Publish(drafts) = push.action(job, is_cancelling(snapshot, &job.id))? else {
            return Ok(answer("ignored", snapshot.seq));
        };
        match app.hub().publish(project, campaign, Publish { drafts, ..Publish::default() }).await {
            Ok(published) => {
                // Another delivery of it may have been faster.
                let new = published.events.iter().filter(|event| !event.duplicate).count();
                app.metrics().appended(new);
                return Ok(answer(if new > 0 { "applied" } else { "duplicate" }, published.seq));
            }
            // It was true of the state that was looked at; by now there may be another.
            Err(HubError::Refused(_)) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether cancellation of the job, or of its campaign, was asked for. Both are in the snapshot, and open.
fn is_cancelling(snapshot: &Snapshot, job: &RunId) -> bool {
    let above = snapshot.runs.iter().filter(|run| run.parent.is_none() || run.id == *job);
    above.into_iter().any(|run| run.cancel.is_some() && !run.state.is_terminal())
}
