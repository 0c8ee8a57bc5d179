//! Events of a run: publish, read a page, follow.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use milepost_core::{Code, Cursor, TypeFilter};
use milepost_hub::{From, Publish, SessionOptions};
use milepost_wire::native::answers::{CancelInfo, Published, PublishedEvent};
use milepost_wire::openapi::EventsPageSchema;
use milepost_wire::{Start, publish as wire};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::body::read_all;
use super::conditions::if_match;
use super::control::lease;
use super::negotiate::Form;
use super::page::{self, Page};
use super::path::OfRun;
use super::query::{Query, limit, parsed};
use super::wait::wait;
use crate::app::App;
use crate::caps::{COALESCE_MS_MAX, EVENTS_PAGE};
use crate::openapi::EventOrEvents;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;
use crate::transport::{ndjson, sse};

/// Publishes events, all or nothing; when it answers they are durable.
///
/// One event or an array of them as JSON, or one per line (`application/x-ndjson`), or CloudEvents 1.0 in the structured,
/// batched or binary mode.
#[utoipa::path(
    post, path = "/v1/projects/{project}/runs/{run}/events", operation_id = "publishEvents", tag = "events",
    params(
        ("If-Match" = Option<String>, Header, description = "Only if the stream stands at this cursor"),
        ("Milepost-Lease" = Option<String>, Header, description = "The lease of a worker that claimed the run")
    ),
    request_body(content(
        (EventOrEvents = "application/json"), (String = "application/x-ndjson"),
        (Object = "application/cloudevents+json"), (Vec<Object> = "application/cloudevents-batch+json")
    )),
    responses((status = 200, description = "Durable", body = Published))
)]
pub(crate) async fn publish(
    State(app): State<App>,
    principal: Principal,
    OfRun { project, run }: OfRun,
    request: Request,
) -> Result<Response, Refusal> {
    principal.may(Action::Publish, &project)?;
    // This is the busiest call: its headers are looked at where they are.
    let (Parts { headers, .. }, body) = request.into_parts();
    let body = read_all(&headers, body).await?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let drafts = wire::parse(header, &body, &run)?;
    let publish = Publish { drafts, if_match: if_match(&headers)?, lease: lease(&headers)? };
    let asked = Instant::now();
    let published = app.hub().publish(&project, &run, publish).await?;
    app.metrics().append_took(asked.elapsed());
    Ok(Json(answer(&app, published)).into_response())
}

/// What a producer is told; the same whichever way it published.
pub(crate) fn answer(app: &App, published: milepost_hub::Published) -> Published {
    let milepost_hub::Published { stream, seq, events, cancel } = published;
    let told = |event: milepost_hub::PublishedEvent| {
        let milepost_hub::PublishedEvent { id, seq, duplicate } = event;
        PublishedEvent { id, seq, duplicate, coalesced: false }
    };
    let events: Vec<_> = events.into_iter().map(told).collect();
    app.metrics().appended(events.iter().filter(|event| !event.duplicate).count());
    let cancel = cancel.map(|answer| CancelInfo::of(&answer.run, &answer.cancel));
    Published { stream, seq, events, cancel }
}

/// Where to begin, and what to leave out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Strictly after this cursor. A page begins with the first event without it, a stream with a snapshot.
    after: Option<String>,
    /// `start`: a stream begins with the first event.
    from: Option<String>,
    /// Of a page: 1 to 1000; 100 when absent.
    limit: Option<usize>,
    /// Of a page: seconds to wait while it would be empty, at most 60.
    wait: Option<u64>,
    /// Only these types: `run.*,artifact.ready`. The cursor moves over the others.
    types: Option<String>,
    /// Of a stream: at most one progress frame per run in so many milliseconds.
    coalesce_ms: Option<u64>,
}

impl EventsQuery {
    /// Where to begin. An empty `after` is what a client that knows no cursor yet may well send.
    fn start(&self) -> Result<Start, Refusal> {
        let after = self.after.as_deref().filter(|cursor| !cursor.is_empty());
        Ok(Start::parse(after, self.from.as_deref())?)
    }

    fn types(&self) -> Result<Option<TypeFilter>, Refusal> {
        parsed("types", self.types.as_deref())
    }
}

/// Events of a run and of everything below it: a page, or a live stream if that is what is accepted.
#[utoipa::path(
    get, path = "/v1/projects/{project}/runs/{run}/events", operation_id = "readEvents", tag = "events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "Of a stream: as `after`, and stronger")),
    responses(
        (status = 200, description = "A page, or a live stream", content(
            (EventsPageSchema = "application/json"), (String = "text/event-stream"), (String = "application/x-ndjson")
        )),
        (status = 204, description = "The stream is finished, and the client has all of it")
    )
)]
pub(crate) async fn read(
    State(app): State<App>,
    principal: Principal,
    path: OfRun,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    principal.may(Action::Subscribe, &path.project)?;
    match Form::of(&headers) {
        Form::Json => page(&app, &path, &query).await,
        form => follow(&app, &path, &query, &headers, form).await,
    }
}

async fn page(app: &App, path: &OfRun, query: &EventsQuery) -> Result<Response, Refusal> {
    let after = match query.start()? {
        Start::Snapshot | Start::Beginning => Cursor { epoch: None, seq: 0 },
        Start::After(cursor) => cursor,
    };
    let asked = page::Asked { after, limit: limit(query.limit, EVENTS_PAGE)?, types: query.types()? };
    let page = Page::read(app, path, asked, Instant::now() + wait(query.wait)?).await?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((headers, page.into_json()).into_response())
}

async fn follow(
    app: &App,
    path: &OfRun,
    query: &EventsQuery,
    headers: &HeaderMap,
    form: Form,
) -> Result<Response, Refusal> {
    let from = match last_event_id(headers)? {
        // A browser that reconnects repeats the query of the beginning; the header is newer.
        Some(cursor) => From::After(cursor),
        None => match query.start()? {
            Start::Snapshot => From::Now,
            Start::Beginning => From::Start,
            Start::After(cursor) => From::After(cursor),
        },
    };
    if query.coalesce_ms.is_some_and(|ms| ms > COALESCE_MS_MAX) {
        return Err(Refusal::new(Code::InvalidQuery, format!("`coalesce_ms` is at most {COALESCE_MS_MAX}")));
    }
    let options = SessionOptions { coalesce_ms: query.coalesce_ms, types: query.types()?, ..Default::default() };
    let session = app.hub().subscribe(&path.project, &path.run, from, options).await?;
    if session.is_at_end() {
        // This stops the `EventSource` of a browser, which would connect for ever otherwise.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(match form {
        Form::Lines => ndjson::respond(app, session),
        Form::EventStream | Form::Json => sse::respond(app, session),
    })
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Cursor>, Refusal> {
    let Some(id) = headers.get("last-event-id").filter(|id| !id.is_empty()) else { return Ok(None) };
    let cursor = id.to_str().ok().and_then(|id| id.trim().parse().ok());
    let wrong = || Refusal::new(Code::InvalidCursor, "`Last-Event-ID` is no cursor");
    cursor.map(Some).ok_or_else(wrong)
}
