//! The native API, spoken by hand.

use std::time::Duration;

use reqwest::{Body, Client, Method, Response};
use serde_json::{Value, json};

use crate::events::Events;
use crate::server::PATIENCE;

/// How long a client waits before it asks again. No test depends on how long that is.
const BACK_OFF: Duration = Duration::from_millis(10);

/// Calls of one project. Every call says what it expects, so that a test reads like a story.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: String,
    project: String,
}

impl Api {
    pub fn new(base: &str, project: &str) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { client, base: base.trim_end_matches('/').to_owned(), project: project.to_owned() }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/v1/projects/{}{path}", self.base, self.project)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.client.post(self.url(path)).json(&body).send().await.unwrap()
    }

    /// Any call, with headers and a body as they are.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
        let mut request = self.client.request(method, self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Creates a child and starts it.
    pub async fn running_child(&self, id: &str, parent: &str) -> Value {
        let body = json!({"id": id, "kind": "part", "parent": parent, "state": "running"});
        expect(self.post("/runs", body).await, 201).await
    }

    /// Creates a run and starts it.
    pub async fn running(&self, id: &str, kind: &str) -> Value {
        let body = json!({"id": id, "kind": kind, "state": "running"});
        expect(self.post("/runs", body).await, 201).await
    }

    /// Publishes events, which have to be taken.
    pub async fn publish(&self, run: &str, events: Value) -> Value {
        expect(self.post(&format!("/runs/{run}/events"), events).await, 200).await
    }

    pub async fn snapshot(&self, run: &str) -> Value {
        expect(self.get(&format!("/runs/{run}")).await, 200).await
    }

    /// The cursor at which a run stands.
    pub async fn cursor(&self, run: &str) -> String {
        self.snapshot(run).await["cursor"].as_str().unwrap().to_owned()
    }

    /// Asks for a run again and again until `is_so`.
    pub async fn until(&self, run: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let snapshot = self.snapshot(run).await;
                if is_so(&snapshot) {
                    return snapshot;
                }
                tokio::time::sleep(BACK_OFF).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{run} never got there"))
    }

    /// The whole log of a stream, page by page.
    pub async fn log(&self, run: &str) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let mut page = expect(self.get(&format!("/runs/{run}/events?after={after}&limit=500")).await, 200).await;
            let Value::Array(more) = page["events"].take() else { panic!("a page has events: {page}") };
            if more.is_empty() {
                return events;
            }
            events.extend(more);
            after = page["next"].as_str().unwrap().to_owned();
        }
    }

    /// Follows a run over SSE; `query` begins with `?` or is empty.
    pub async fn follow(&self, run: &str, query: &str) -> Events {
        Events::get(&self.client, &self.url(&format!("/runs/{run}/events{query}")), None).await
    }

    /// Follows a run from where a former connection ended.
    pub async fn resume(&self, run: &str, last_event_id: &str) -> Events {
        Events::get(&self.client, &self.url(&format!("/runs/{run}/events")), Some(last_event_id)).await
    }
}

/// The JSON body of an answer that has to have this status.
pub async fn expect(response: Response, status: u16) -> Value {
    let (found, url) = (response.status().as_u16(), response.url().clone());
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{url}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// An answer that has to be a refusal: problem+json with this status and code.
pub async fn expect_problem(response: Response, status: u16, code: &str) -> Value {
    let media_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let problem = expect(response, status).await;
    assert_eq!(media_type.as_deref(), Some("application/problem+json"), "{problem}");
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status, "{problem}");
    problem
}

/// Looks again and again until `is_so`.
pub async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(BACK_OFF).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what}: never"));
}

/// What happened, in short: `1 run.created a`.
pub fn in_short(log: &[Value]) -> Vec<String> {
    let text = |event: &Value, member: &str| event[member].as_str().unwrap().to_owned();
    log.iter().map(|event| format!("{} {} {}", event["seq"], text(event, "type"), text(event, "run"))).collect()
}

/// A header of an answer; empty where absent.
pub fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}
