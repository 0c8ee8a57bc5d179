//! `PUT /runs/{run}/artifacts/{artifact}`.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use milepost_core::event::ArtifactReady;
use milepost_core::run::Artifact;
use milepost_core::{Body as EventBody, Code, Draft, EventId, caps as domain};
use milepost_hub::{HubError, Publish};
use milepost_wire::native::answers::ArtifactStored;
use object_store::GetOptions;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use utoipa::IntoParams;

use super::{Found, failed};
use crate::api::body::{as_it_is, discard, length, next, refuse};
use crate::api::control::lease;
use crate::api::path::OfArtifact;
use crate::api::query::Query;
use crate::app::App;
use crate::artifacts::{Key, Staged, hex};
use crate::caps::{ARTIFACT_BYTES, BODY_TIMEOUT};
use crate::principal::{Action, Principal};
use crate::problem::Refusal;

/// What the artifact is. What is absent stays as `artifact.pending` said.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StoreQuery {
    /// What sort of thing it is, in words of the producer.
    #[serde(rename = "type")]
    artifact_type: Option<String>,
    /// What to call it, and to save it as.
    name: Option<String>,
    /// Stronger than `Content-Type`.
    media_type: Option<String>,
}

/// Stores the bytes of an artifact, and publishes `artifact.ready` once they are durable.
#[utoipa::path(
    put, path = "/v1/projects/{project}/runs/{run}/artifacts/{artifact}", operation_id = "putArtifact", tag = "artifacts",
    params(
        StoreQuery, ("Milepost-Lease" = Option<String>, Header, description = "The lease of a worker that claimed the run")
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "Durable, and published", body = ArtifactStored),
        (status = 200, description = "It was there, with the same bytes", body = ArtifactStored)
    )
)]
pub(crate) async fn store(
    State(app): State<App>,
    principal: Principal,
    path: OfArtifact,
    Query(query): Query<StoreQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    principal.may(Action::Publish, &path.project)?;
    let upload = match Wanted::of(&app, &path, query, &headers).await {
        Ok(upload) => upload,
        Err(refusal) => return Err(refuse(&headers, body, refusal).await),
    };
    match upload {
        Wanted::New(new) => new.receive(&app, body).await,
        Wanted::Again { ready, query, lease, key } => {
            let sha256 = hash(body).await?;
            if ready.sha256.as_deref() != Some(&sha256) {
                return Err(Refusal::new(Code::ArtifactExists, "the artifact is ready, with other bytes"));
            }
            let new = New { key, query, lease };
            let stored = new.publish(&app, &sha256, ready.size.unwrap_or(0)).await?;
            Ok((StatusCode::OK, Json(stored)).into_response())
        }
    }
}

/// What an upload is, found out before its body is looked at.
enum Wanted {
    New(New),
    /// The artifact is ready: if these are its bytes, the answer to the first upload was lost.
    Again {
        ready: Box<Artifact>,
        query: StoreQuery,
        lease: Option<String>,
        key: Key,
    },
}

impl Wanted {
    async fn of(app: &App, path: &OfArtifact, query: StoreQuery, headers: &HeaderMap) -> Result<Self, Refusal> {
        let query = described(query, headers)?;
        as_it_is(headers)?;
        if headers.contains_key(CONTENT_RANGE) {
            return Err(Refusal::new(Code::InvalidHeader, "an artifact is sent whole, without a `Content-Range`"));
        }
        if length(headers).is_some_and(|length| length > ARTIFACT_BYTES) {
            return Err(too_large());
        }
        let lease = lease(headers)?;
        let found = Found::at(app, path).await?;
        if let Some(ready) = found.ready() {
            return Self::again(app, ready, found.key.clone(), query, lease).await;
        }
        if found.run.state.is_terminal() {
            let (run, state) = (found.run.id.clone(), found.run.state);
            return Err(HubError::from(milepost_core::Refusal::Terminal { run, state }).into());
        }
        if let Some(answer) = app.hub().control(&path.project, &path.run, Duration::ZERO).await? {
            let (run, cancel) = (answer.run, answer.cancel);
            return Err(HubError::from(milepost_core::Refusal::Cancelling { run, cancel }).into());
        }
        Ok(Self::New(New { key: found.key, query, lease }))
    }

    async fn again(
        app: &App,
        ready: &Artifact,
        key: Key,
        query: StoreQuery,
        lease: Option<String>,
    ) -> Result<Self, Refusal> {
        let sha256 = ready.sha256.as_deref().unwrap_or_default();
        let here = app.artifacts().read(&key, sha256, GetOptions::new().with_head(true)).await;
        if here.map_err(|error| failed(&error))?.is_none() {
            return Err(Refusal::new(Code::ArtifactExists, "the artifact is ready, and its bytes are not kept here"));
        }
        Ok(Self::Again { ready: Box::new(ready.clone()), query, lease, key })
    }
}

/// Checks what the artifact is said to be before gigabytes of it are taken.
fn described(mut query: StoreQuery, headers: &HeaderMap) -> Result<StoreQuery, Refusal> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // This is what curl says of any body when nothing else is said.
    let said = content_type.filter(|said| !said.starts_with("application/x-www-form-urlencoded"));
    query.media_type = query.media_type.or_else(|| said.map(str::to_owned));
    let labels = [&query.artifact_type, &query.name, &query.media_type];
    if labels.into_iter().flatten().any(|label| label.chars().count() > domain::LABEL_CHARS) {
        let detail = format!("`type`, `name` and the media type have at most {} characters", domain::LABEL_CHARS);
        return Err(Refusal::new(Code::LimitExceeded, detail));
    }
    let is_one = |text: &String| text.contains('/') && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if query.media_type.as_ref().is_some_and(|text| !is_one(text)) {
        return Err(Refusal::new(Code::InvalidHeader, "the media type is none"));
    }
    Ok(query)
}

/// An artifact that is not ready yet.
struct New {
    key: Key,
    query: StoreQuery,
    lease: Option<String>,
}

impl New {
    async fn receive(self, app: &App, mut body: Body) -> Result<Response, Refusal> {
        let mut upload = app.artifacts().upload().await.map_err(|error| failed(&error))?;
        while let Some(bytes) = piece(&mut body).await? {
            if upload.size() + bytes.len() as u64 > ARTIFACT_BYTES {
                discard(body).await;
                return Err(too_large());
            }
            if let Err(error) = upload.push(bytes).await {
                discard(body).await;
                return Err(failed(&error));
            }
        }
        let staged = upload.complete().await.map_err(|error| failed(&error))?;
        // From here on it does not matter whether the client still listens.
        let app = app.clone();
        let keeping = app.tasks().spawn({
            let app = app.clone();
            async move { self.keep(&app, staged).await }
        });
        let stored =
            keeping.await.map_err(|_| Refusal::new(Code::Internal, "a bug in the server; it was logged"))??;
        let location = [(LOCATION, stored.url.clone())];
        Ok((StatusCode::CREATED, location, Json(stored)).into_response())
    }

    /// Puts the bytes in their place, and lets the log decide whether they stay there.
    async fn keep(self, app: &App, staged: Staged) -> Result<ArtifactStored, Refusal> {
        let (sha256, size) = (staged.sha256().to_owned(), staged.size());
        let _deciding = app.artifacts().decide(&self.key.project, &self.key.stream).await;
        app.artifacts().keep(staged, &self.key).await.map_err(|error| failed(&error))?;
        let published = self.publish(app, &sha256, size).await;
        if let Err(refusal) = &published
            && !refusal.may_have_happened()
            && let Err(error) = app.artifacts().forget(&self.key, &sha256).await
        {
            tracing::warn!(%error, "refused bytes stay on the disk until the run is deleted");
        }
        published
    }

    async fn publish(&self, app: &App, sha256: &str, size: u64) -> Result<ArtifactStored, Refusal> {
        let Key { project, run, artifact, .. } = &self.key;
        let url = format!("/v1/projects/{project}/runs/{run}/artifacts/{artifact}");
        let StoreQuery { artifact_type, name, media_type } = self.query.clone();
        let ready = ArtifactReady {
            artifact: artifact.clone(),
            artifact_type,
            name,
            media_type,
            size: Some(size),
            sha256: Some(sha256.to_owned()),
            url: Some(url.clone()),
        };
        let draft = Draft {
            run: run.clone(),
            id: Some(self.event_id(sha256)?),
            time: None,
            body: EventBody::ArtifactReady(ready),
        };
        let publish = Publish { drafts: vec![draft], if_match: None, lease: self.lease.clone() };
        let published = app.hub().publish(project, run, publish).await?;
        let event = published.events.first();
        app.metrics().appended(event.iter().filter(|event| !event.duplicate).count());
        let seq = event.map_or(published.seq, |event| event.seq);
        Ok(ArtifactStored { run: run.clone(), artifact: artifact.clone(), seq, size, sha256: sha256.to_owned(), url })
    }

    /// The same bytes of the same artifact are the same event, so that they can be sent again.
    fn event_id(&self, sha256: &str) -> Result<EventId, Refusal> {
        let names = format!("{}/{}/{sha256}", self.key.run, self.key.artifact);
        let id = format!("artifact:{}", hex(&Sha256::digest(names)));
        EventId::new(&id).map_err(|error| Refusal::new(Code::Internal, error.to_string()))
    }
}

async fn hash(mut body: Body) -> Result<String, Refusal> {
    let (mut hasher, mut size) = (Sha256::new(), 0);
    while let Some(bytes) = piece(&mut body).await? {
        size += bytes.len() as u64;
        if size > ARTIFACT_BYTES {
            return Err(too_large());
        }
        hasher.update(&bytes);
    }
    Ok(hex(&hasher.finalize()))
}

async fn piece(body: &mut Body) -> Result<Option<bytes::Bytes>, Refusal> {
    match timeout(BODY_TIMEOUT, next(body)).await {
        Ok(piece) => piece,
        Err(_) => Err(Refusal::new(Code::TimedOut, "the bytes stopped coming")),
    }
}

fn too_large() -> Refusal {
    Refusal::new(Code::BodyTooLarge, format!("an artifact has at most {ARTIFACT_BYTES} bytes"))
}
