//! The transport over HTTP.

mod answer;
mod stream;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use milepost_core::{ArtifactId, Project, RunId, Snapshot};
use milepost_wire::Start;
use milepost_wire::native::answers::{
    ArtifactStored, CancelAccepted, CancelCommand, Claimed, Commands, Created, Heartbeat, Published, RunsPage,
};
use milepost_wire::native::requests::{CancelRequest, ClaimRequest, CreateRun, InputEvent};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_NONE_MATCH};
use reqwest::{Body, Method, RequestBuilder, StatusCode, Url};

use crate::caps::{CALL_TIMEOUT, CONNECT_TIMEOUT};
use crate::error::ClientError;
use crate::transport::{ArtifactBytes, ByteStream, Items, ListRuns, NewArtifact, NewerThan, Transport};
use answer::{checked, read, send};
pub use stream::decode_items;

/// Reaches a server over HTTP, with a pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    http: reqwest::Client,
    base: Url,
    project: Project,
    authorization: Option<HeaderValue>,
}

impl HttpTransport {
    /// Reaches `project` of the server at `base_url`, which may have a path when the server is behind a proxy.
    /// `token` is sent as `Authorization: Bearer`.
    ///
    /// # Errors
    /// [`ClientError::Local`] when the URL or the token cannot be used.
    pub fn new(base_url: &str, project: Project, token: Option<&str>) -> Result<Self, ClientError> {
        let local = |what: &str, why: &dyn std::fmt::Display| ClientError::Local(format!("{what}: {why}"));
        let base: Url = base_url.parse().map_err(|error| local("the server's URL", &error))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(local("the server's URL", &"it begins with http:// or https://"));
        }
        let authorization = token.map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                // The error would repeat the token.
                .map_err(|_| local("the token", &"it has characters that no header can carry"))?;
            value.set_sensitive(true);
            Ok::<_, ClientError>(value)
        });
        let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
        if is_here(&base) {
            // A proxy has another idea of what "here" is.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| local("the HTTP client", &error))?;
        Ok(Self { http, base, project, authorization: authorization.transpose()? })
    }

    /// A request to `path` below the project, with a query.
    fn request(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> Result<RequestBuilder, ClientError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "projects", self.project.as_str()]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        Ok(match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        })
    }

    /// A call that answers soon, after `wait` at the latest.
    fn call(&self, method: Method, path: &[&str], wait: Option<Duration>) -> Result<RequestBuilder, ClientError> {
        let query: Vec<(&str, String)> = wait.iter().map(|wait| ("wait", wait.as_secs().to_string())).collect();
        Ok(self.request(method, path, &query)?.timeout(CALL_TIMEOUT + wait.unwrap_or_default()))
    }
}

/// Whether the server is on this machine.
fn is_here(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn leased(request: RequestBuilder, lease: Option<&str>) -> RequestBuilder {
    match lease {
        Some(lease) => request.header("Milepost-Lease", lease),
        None => request,
    }
}

#[async_trait]
impl Transport for HttpTransport {
    fn project(&self) -> &Project {
        &self.project
    }

    async fn create_run(&self, request: &CreateRun) -> Result<Created, ClientError> {
        read(self.call(Method::POST, &["runs"], None)?.json(request)).await
    }

    async fn publish(&self, run: &RunId, events: &[InputEvent], lease: Option<&str>) -> Result<Published, ClientError> {
        let call = self.call(Method::POST, &["runs", run.as_str(), "events"], None)?;
        read(leased(call, lease).json(events)).await
    }

    async fn cancel(&self, run: &RunId, request: &CancelRequest) -> Result<CancelAccepted, ClientError> {
        read(self.call(Method::POST, &["runs", run.as_str(), "cancel"], None)?.json(request)).await
    }

    async fn snapshot(&self, run: &RunId, newer_than: Option<NewerThan>) -> Result<Option<Snapshot>, ClientError> {
        let mut call = self.call(Method::GET, &["runs", run.as_str()], newer_than.map(|newer| newer.wait))?;
        if let Some(newer) = newer_than {
            call = call.header(IF_NONE_MATCH, format!("\"{}\"", newer.cursor));
        }
        let response = send(call).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        answer::body(checked(response).await?).await.map(Some)
    }

    async fn list(&self, query: &ListRuns) -> Result<RunsPage, ClientError> {
        let members = [
            ("kind", query.kind.as_ref().map(ToString::to_string)),
            ("state", query.state.map(|state| state.as_str().to_owned())),
            ("parent", query.parent.as_ref().map(ToString::to_string)),
            ("limit", query.limit.map(|limit| limit.to_string())),
            ("page", query.page.clone()),
        ];
        let given: Vec<_> = members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        read(self.request(Method::GET, &["runs"], &given)?.timeout(CALL_TIMEOUT)).await
    }

    async fn heartbeat(&self, run: &RunId, lease: Option<&str>) -> Result<Heartbeat, ClientError> {
        read(leased(self.call(Method::POST, &["runs", run.as_str(), "heartbeat"], None)?, lease)).await
    }

    async fn release(&self, run: &RunId, lease: Option<&str>) -> Result<(), ClientError> {
        let call = self.call(Method::POST, &["runs", run.as_str(), "release"], None)?;
        checked(send(leased(call, lease)).await?).await.map(drop)
    }

    async fn control(&self, run: &RunId, wait: Duration) -> Result<Vec<CancelCommand>, ClientError> {
        let call = self.call(Method::GET, &["runs", run.as_str(), "control"], Some(wait))?;
        let response = checked(send(call).await?).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        Ok(answer::body::<Commands>(response).await?.cancels())
    }

    async fn put_artifact(
        &self,
        run: &RunId,
        artifact: &NewArtifact,
        bytes: ByteStream,
        lease: Option<&str>,
    ) -> Result<ArtifactStored, ClientError> {
        let described = [("type", &artifact.artifact_type), ("name", &artifact.name)];
        let query: Vec<_> = described.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        let path = ["runs", run.as_str(), "artifacts", artifact.artifact.as_str()];
        let media_type = artifact.media_type.as_deref().unwrap_or("application/octet-stream");
        // No timeout: how long it takes depends on the size. A dead connection is noticed by its writes.
        let request = self.request(Method::PUT, &path, &query)?.header(CONTENT_TYPE, media_type);
        read(leased(request, lease).body(Body::wrap_stream(bytes))).await
    }

    async fn get_artifact(&self, run: &RunId, artifact: &ArtifactId) -> Result<ArtifactBytes, ClientError> {
        let path = ["runs", run.as_str(), "artifacts", artifact.as_str()];
        let response = checked(send(self.request(Method::GET, &path, &[])?).await?).await?;
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let size = response.content_length();
        let bytes = response.bytes_stream().map(|chunk| chunk.map_err(std::io::Error::other)).boxed();
        Ok(ArtifactBytes { media_type, size, bytes })
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Option<Claimed>, ClientError> {
        let wait = Duration::from_secs(request.wait.unwrap_or(0).into());
        let call = self.request(Method::POST, &["claims"], &[])?.timeout(CALL_TIMEOUT + wait);
        let response = checked(send(call.json(request)).await?).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        answer::body(response).await.map(Some)
    }

    async fn delete(&self, run: &RunId) -> Result<(), ClientError> {
        checked(send(self.call(Method::DELETE, &["runs", run.as_str()], None)?).await?).await.map(drop)
    }

    async fn events(&self, run: &RunId, start: Start) -> Result<Items, ClientError> {
        let query = match start {
            Start::Snapshot => None,
            Start::Beginning => Some(("from", "start".to_owned())),
            Start::After(cursor) => Some(("after", cursor.to_string())),
        };
        let path = ["runs", run.as_str(), "events"];
        let request = self.request(Method::GET, &path, query.as_slice())?.header(ACCEPT, "text/event-stream");
        stream::open(request).await
    }
}

#[cfg(test)]
mod tests;
