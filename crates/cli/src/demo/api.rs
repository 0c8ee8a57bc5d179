//! The calls of the HTTP API that the demo makes, as any program would.

use std::path::Path;
use std::time::Duration;

use milepost_wire::native::Problem;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::failure::Failure;

/// How long a call may take; the longest is the first search, which unpacks the index.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server of the demo.
pub(super) struct Api {
    http: Client,
    url: String,
}

impl Api {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        // It is on this machine, whatever proxy leads elsewhere.
        let http = Client::builder().no_proxy().timeout(PATIENCE).build();
        let http = http.map_err(|error| Failure::new(format!("the HTTP client cannot be made: {error}")))?;
        Ok(Self { http, url: url.to_owned() })
    }

    /// Starts the job.
    pub(super) async fn ingest(&self, repository: &Path, job: &str) -> Result<(), Failure> {
        self.post("/api/v1/ingest/github", &json!({"repository": repository, "job_id": job})).await
    }

    /// Sends JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<(), Failure> {
        send(self.http.post(format!("{}{path}", self.url)).json(body)).await.map(drop)
    }

    /// The media type and the length of what is there.
    pub(super) async fn head(&self, path: &str) -> Result<(String, u64), Failure> {
        let response = self.http.head(format!("{}{path}", self.url)).send().await.map_err(unreachable)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok((header("content-type").to_owned(), header("content-length").parse().unwrap_or_default()))
    }

    /// Gets JSON.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let text = self.text(path, query).await?;
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("{path} did not answer JSON: {error}")))
    }

    /// Gets text.
    pub(super) async fn text(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Failure> {
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", self.url), query);
        let url = url.map_err(|error| Failure::new(format!("{path}: {error}")))?;
        send(self.http.get(url)).await
    }
}

async fn send(request: RequestBuilder) -> Result<String, Failure> {
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let text = response.text().await.map_err(unreachable)?;
    if status.is_success() {
        return Ok(text);
    }
    let problem = serde_json::from_str::<Problem>(&text);
    Err(Failure::new(
        problem.map_or_else(|_| status.to_string(), |problem| format!("{} ({})", problem.detail, problem.code)),
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn unreachable(error: reqwest::Error) -> Failure {
    Failure::new(format!("the server of the demo does not answer: {error}"))
}
