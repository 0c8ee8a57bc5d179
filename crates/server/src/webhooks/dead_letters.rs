//! Events that an endpoint did not take: looked at, tried again, forgotten.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use milepost_core::{Code, Project, Time};
use milepost_hub::DeadLetter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::path::InProject;
use crate::api::query::{Query, limit};
use crate::app::App;
use crate::outbox::Autopsy;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;

/// Dead letters on a page: by default, and at most.
const PAGE: (usize, usize) = (50, 500);

/// Which dead letters to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// 1 to 500; 50 when absent.
    limit: Option<usize>,
    /// The `next_page` of the page before.
    page: Option<u64>,
}

/// A page of dead letters, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetters {
    dead_letters: Vec<Letter>,
    /// Null when this is the last one.
    next_page: Option<String>,
}

/// An event that a receiver did not take.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Letter {
    id: u64,
    /// The name of the receiver.
    endpoint: String,
    stream: String,
    run: String,
    seq: u64,
    #[serde(rename = "type")]
    event_type: String,
    attempts: u32,
    #[schema(value_type = String)]
    first_tried_at: Time,
    #[schema(value_type = String)]
    buried_at: Time,
    /// Why it was not taken the last time.
    error: String,
}

/// Lists what receivers outside did not take, newest first.
#[utoipa::path(
    get, path = "/v1/projects/{project}/webhooks/dead-letters", operation_id = "listDeadLetters", tag = "webhooks",
    params(ListQuery),
    responses((status = 200, description = "One page", body = DeadLetters))
)]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    InProject(project): InProject,
    Query(query): Query<ListQuery>,
) -> Result<Json<DeadLetters>, Refusal> {
    principal.may(Action::Admin, &project)?;
    let limit = limit(query.limit, PAGE)?;
    // One more than is wanted tells whether there is another page.
    let mut letters = app.hub().dead_letters(&project, query.page, limit + 1).await?;
    let more = letters.len() > limit;
    letters.truncate(limit);
    let next_page = letters.last().filter(|_| more).map(|letter| letter.id.to_string());
    let dead_letters = letters.into_iter().filter_map(shown).collect();
    Ok(Json(DeadLetters { dead_letters, next_page }))
}

/// Tries once more to deliver a dead letter, now. When the receiver takes it, it is gone from the list.
#[utoipa::path(
    post, path = "/v1/projects/{project}/webhooks/dead-letters/{id}/retry", operation_id = "retryDeadLetter",
    tag = "webhooks", responses((status = 204, description = "Delivered"))
)]
pub(crate) async fn retry(
    State(app): State<App>,
    principal: Principal,
    Path((project, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let letter = find(&app, &principal, &project, &id).await?;
    let gone = |what: String| Refusal::new(Code::NotFound, what);
    let sink =
        app.outbox().sink(&letter.sink).ok_or_else(|| gone(format!("no receiver is called {:?}", letter.sink)))?;
    let entry = app.hub().entry(&letter).await?.ok_or_else(|| gone("the event was deleted with its run".to_owned()))?;
    if let Err(undelivered) = sink.deliver(&[entry]).await {
        return Err(Refusal::new(Code::DeliveryFailed, undelivered.reason));
    }
    app.hub().exhume(letter.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a dead letter.
#[utoipa::path(
    delete, path = "/v1/projects/{project}/webhooks/dead-letters/{id}", operation_id = "deleteDeadLetter",
    tag = "webhooks", responses((status = 204, description = "Gone"))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path((project, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let letter = find(&app, &principal, &project, &id).await?;
    app.hub().exhume(letter.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, principal: &Principal, project: &str, id: &str) -> Result<DeadLetter, Refusal> {
    let project = Project::new(project).map_err(|error| Refusal::new(Code::InvalidId, error.to_string()))?;
    principal.may(Action::Admin, &project)?;
    let missing = || Refusal::new(Code::NotFound, format!("there is no dead letter {id:?}"));
    let id: u64 = id.parse().map_err(|_| missing())?;
    let found = app.hub().dead_letters(&project, Some(id.saturating_add(1)), 1).await?;
    found.into_iter().find(|letter| letter.id == id).ok_or_else(missing)
}

fn shown(letter: DeadLetter) -> Option<Letter> {
    // Whatever is in the table was written by us.
    let Autopsy { event_type, run, attempts, first_tried_at, buried_at, error } =
        serde_json::from_str(&letter.body).ok()?;
    let DeadLetter { id, sink: endpoint, stream, seq, .. } = letter;
    let stream = stream.to_string();
    Some(Letter { id, endpoint, stream, run, seq, event_type, attempts, first_tried_at, buried_at, error })
}
