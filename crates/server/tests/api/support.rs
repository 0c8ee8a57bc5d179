//! A real server in this process, and a client that says what it expects.

use milepost_server::{Config, Running, Server};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Milepost {
    running: Running,
    directory: TempDir,
    pub(crate) http: reqwest::Client,
}

impl Milepost {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::local(directory.path()).unwrap();
        change(&mut config);
        let running = Server::start(config).await.unwrap();
        Self { running, directory, http: reqwest::Client::new() }
    }

    /// Stops, and starts again on the same data.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same, with other settings.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let Self { running, directory, http } = self;
        running.shutdown().await;
        let mut config = Config::local(directory.path()).unwrap();
        change(&mut config);
        let running = Server::start(config).await.unwrap();
        Self { running, directory, http }
    }

    /// Stops, and leaves the data for as long as the answer lives.
    pub(crate) async fn stop(self) -> TempDir {
        self.running.shutdown().await;
        self.directory
    }

    pub(crate) fn data_dir(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let base = format!("http://{}", self.running.address());
        if path.starts_with("/v1")
            || !path.starts_with("/runs") && !path.starts_with("/claims") && !path.starts_with("/events")
        {
            return base + path;
        }
        format!("{base}/v1/projects/p{path}")
    }

    /// A request; paths that begin with `/runs`, `/claims` or `/events` are those of the project `p`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    pub(crate) fn put(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::PUT, path).body(body)
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Creates a run of kind `work`.
    pub(crate) async fn run(&self, id: &str) -> Value {
        let body = serde_json::json!({"id": id, "kind": "work", "state": "running"});
        json(self.post("/runs", &body), 201).await
    }

    pub(crate) async fn publish(&self, run: &str, events: Value) -> Value {
        json(self.post(&format!("/runs/{run}/events"), &events), 200).await
    }

    pub(crate) async fn snapshot(&self, run: &str) -> Value {
        json(self.get(&format!("/runs/{run}")), 200).await
    }
}

impl Milepost {
    /// Sends bytes as they are on a connection of their own, and reads until the server closes it.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.running.address()).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// Sends, and expects `status`.
pub(crate) async fn send(request: RequestBuilder, status: u16) -> Response {
    let response = request.send().await.unwrap();
    if response.status().as_u16() != status {
        let (found, text) = (response.status(), response.text().await.unwrap());
        panic!("{found} instead of {status}: {text}");
    }
    response
}

/// Sends, and expects JSON with `status`.
pub(crate) async fn json(request: RequestBuilder, status: u16) -> Value {
    let response = send(request, status).await;
    assert_eq!(header(&response, "content-type"), "application/json");
    response.json().await.unwrap()
}

/// Sends, and expects a problem of the catalogue.
pub(crate) async fn problem(request: RequestBuilder, code: &str) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    assert_eq!(header(&response, "content-type"), "application/problem+json", "{status}, expected {code}");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status.as_u16(), "{problem}");
    assert_eq!(problem["type"], format!("urn:milepost:problem:{code}"));
    let known: milepost_core::Code = code.parse().unwrap();
    assert_eq!(status, StatusCode::from_u16(known.status()).unwrap());
    problem
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
