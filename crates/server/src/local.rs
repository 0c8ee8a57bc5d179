//! The client's transport without a network: the same router, called in the same process.
//!
//! Built-in jobs are ordinary producers. Going through the router gives them the same rules, refusals and bounds as everybody
//! else, and there is no second way in that could differ.

use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::{ACCEPT, CONTENT_TYPE, IF_NONE_MATCH};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use milepost_client::{
    ArtifactBytes, ByteStream, ClientError, Item, Items, ListRuns, NewArtifact, NewerThan, Transport, decode_items,
};
use milepost_core::{ArtifactId, Project, RunId, Snapshot};
use milepost_wire::Start;
use milepost_wire::native::Problem;
use milepost_wire::native::answers::{
    ArtifactStored, CancelAccepted, CancelCommand, Claimed, Commands, Created, Heartbeat, Published, RunsPage,
};
use milepost_wire::native::requests::{CancelRequest, ClaimRequest, CreateRun, InputEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

/// Reaches one project of the server that this process is.
pub(crate) struct LocalTransport {
    router: Router,
    project: Project,
}

impl LocalTransport {
    pub(crate) fn new(router: Router, project: Project) -> Self {
        Self { router, project }
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("/v1/projects/{}{path}", self.project))
    }

    async fn send(&self, request: http::request::Builder, body: Body) -> Result<Response<Body>, ClientError> {
        // Names have no character that would have to be escaped, so every request is one.
        let request = request.body(body).map_err(|error| ClientError::Local(error.to_string()))?;
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let problem: Problem = read(response).await?;
        Err(problem.into())
    }

    /// Sends a value as JSON and reads the answer.
    async fn call<T: DeserializeOwned>(
        &self,
        request: http::request::Builder,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Local(error.to_string()))?;
        let request = request.header(CONTENT_TYPE, "application/json");
        read(self.send(request, body.into()).await?).await
    }
}

async fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T, ClientError> {
    let unintelligible = |error: &dyn std::fmt::Display| ClientError::Unintelligible(error.to_string());
    let body = response.into_body().collect().await.map_err(|error| unintelligible(&error))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| unintelligible(&error))
}

fn leased(request: http::request::Builder, lease: Option<&str>) -> http::request::Builder {
    match lease {
        Some(lease) => request.header("milepost-lease", lease),
        None => request,
    }
}

#[async_trait]
impl Transport for LocalTransport {
    fn project(&self) -> &Project {
        &self.project
    }

    async fn create_run(&self, request: &CreateRun) -> Result<Created, ClientError> {
        self.call(self.request(Method::POST, "/runs"), request).await
    }

    async fn publish(&self, run: &RunId, events: &[InputEvent], lease: Option<&str>) -> Result<Published, ClientError> {
        self.call(leased(self.request(Method::POST, &format!("/runs/{run}/events")), lease), &events).await
    }

    async fn cancel(&self, run: &RunId, request: &CancelRequest) -> Result<CancelAccepted, ClientError> {
        self.call(self.request(Method::POST, &format!("/runs/{run}/cancel")), request).await
    }

    async fn snapshot(&self, run: &RunId, newer_than: Option<NewerThan>) -> Result<Option<Snapshot>, ClientError> {
        let wait = newer_than.map(|newer| newer.wait.as_secs()).unwrap_or_default();
        let mut request = self.request(Method::GET, &format!("/runs/{run}?wait={wait}"));
        if let Some(newer) = newer_than {
            request = request.header(IF_NONE_MATCH, format!("\"{}\"", newer.cursor));
        }
        let response = self.send(request, Body::empty()).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        read(response).await.map(Some)
    }

    async fn list(&self, query: &ListRuns) -> Result<RunsPage, ClientError> {
        let ListRuns { kind, state, parent, limit, page } = query.clone();
        let given = [
            kind.map(|kind| format!("kind={kind}")),
            state.map(|state| format!("state={}", state.as_str())),
            parent.map(|parent| format!("parent={parent}")),
            limit.map(|limit| format!("limit={limit}")),
            page.map(|page| format!("page={page}")),
        ];
        let query: Vec<_> = given.into_iter().flatten().collect();
        let request = self.request(Method::GET, &format!("/runs?{}", query.join("&")));
        read(self.send(request, Body::empty()).await?).await
    }

    async fn heartbeat(&self, run: &RunId, lease: Option<&str>) -> Result<Heartbeat, ClientError> {
        let request = leased(self.request(Method::POST, &format!("/runs/{run}/heartbeat")), lease);
        read(self.send(request, Body::empty()).await?).await
    }

    async fn release(&self, run: &RunId, lease: Option<&str>) -> Result<(), ClientError> {
        let request = leased(self.request(Method::POST, &format!("/runs/{run}/release")), lease);
        self.send(request, Body::empty()).await.map(drop)
    }

    async fn control(&self, run: &RunId, wait: Duration) -> Result<Vec<CancelCommand>, ClientError> {
        let request = self.request(Method::GET, &format!("/runs/{run}/control?wait={}", wait.as_secs()));
        let response = self.send(request, Body::empty()).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        Ok(read::<Commands>(response).await?.cancels())
    }

    async fn put_artifact(
        &self,
        run: &RunId,
        artifact: &NewArtifact,
        bytes: ByteStream,
        lease: Option<&str>,
    ) -> Result<ArtifactStored, ClientError> {
        let NewArtifact { artifact, artifact_type, name, media_type } = artifact;
        let given = [("type", artifact_type), ("name", name)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        let request = self.request(Method::PUT, &format!("/runs/{run}/artifacts/{artifact}?{query}"));
        let media_type = media_type.as_deref().unwrap_or("application/octet-stream");
        let request = leased(request.header(CONTENT_TYPE, media_type), lease);
        read(self.send(request, Body::from_stream(bytes)).await?).await
    }

    async fn get_artifact(&self, run: &RunId, artifact: &ArtifactId) -> Result<ArtifactBytes, ClientError> {
        let request = self.request(Method::GET, &format!("/runs/{run}/artifacts/{artifact}"));
        let response = self.send(request, Body::empty()).await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let media_type = header(CONTENT_TYPE);
        let size = header(http::header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let bytes = TryStreamExt::map_err(response.into_body().into_data_stream(), std::io::Error::other).boxed();
        Ok(ArtifactBytes { media_type, size, bytes })
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Option<Claimed>, ClientError> {
        let body = serde_json::to_vec(request).map_err(|error| ClientError::Local(error.to_string()))?;
        let response = self.send(self.request(Method::POST, "/claims"), body.into()).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        read(response).await.map(Some)
    }

    async fn delete(&self, run: &RunId) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, &format!("/runs/{run}")), Body::empty()).await.map(drop)
    }

    async fn events(&self, run: &RunId, start: Start) -> Result<Items, ClientError> {
        let query = match start {
            Start::Snapshot => String::new(),
            Start::Beginning => "?from=start".to_owned(),
            Start::After(cursor) => format!("?after={cursor}"),
        };
        let request = self.request(Method::GET, &format!("/runs/{run}/events{query}"));
        let response = self.send(request.header(ACCEPT, "text/event-stream"), Body::empty()).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(stream::iter([Ok(Item::End { cursor: None })]).boxed());
        }
        let chunks = response.into_body().into_data_stream();
        let broken = |error: axum::Error| ClientError::Unreachable(error.to_string());
        Ok(decode_items(chunks.map(move |chunk: Result<Bytes, _>| chunk.map_err(broken)).boxed()))
    }
}
