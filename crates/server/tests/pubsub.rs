//! The bridge to Pub/Sub, against the official emulator: the one at `PUBSUB_EMULATOR_HOST`, or one of our own where it is
//! installed. Where it is not, the tests say so and are skipped.

#![expect(clippy::unwrap_used, reason = "what a test does not expect is a failure of it")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use milepost_server::config::Bridge;
use milepost_server::{Config, Running, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

const TOPIC: &str = "projects/p/topics/events";

/// How long anything may take before a test is called broken.
const PATIENCE: Duration = Duration::from_secs(60);

struct Emulator {
    base: String,
    http: reqwest::Client,
    child: Option<Child>,
}

impl Emulator {
    /// None where it is not installed.
    async fn start() -> Option<Self> {
        let http = reqwest::Client::new();
        let (host, child) = match std::env::var("PUBSUB_EMULATOR_HOST") {
            Ok(host) => (host, None),
            Err(_) => {
                let Some(jar) = jar() else {
                    eprintln!(
                        "SKIPPED: the Pub/Sub emulator is not installed (google-cloud-cli-pubsub-emulator), and PUBSUB_EMULATOR_HOST is not set"
                    );
                    return None;
                };
                let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
                let mut java = Command::new("java");
                java.arg("-jar").arg(jar).args(["--host=127.0.0.1", &format!("--port={port}")]);
                let child = java.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                (format!("127.0.0.1:{port}"), Some(child))
            }
        };
        let emulator = Self { base: format!("http://{host}"), http, child };
        let up = async {
            while emulator.http.get(&emulator.base).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.expect("the emulator does not start");
        Some(emulator)
    }

    async fn put(&self, path: &str, body: Value) {
        let answer = self.http.put(format!("{}/v1/{path}", self.base)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success() || answer.status() == 409, "{answer:?}");
    }

    /// Messages until there are so many, as they come.
    async fn pull(&self, subscription: &str, count: usize) -> Vec<Value> {
        let url = format!("{}/v1/{subscription}", self.base);
        let mut all = Vec::new();
        let pulling = async {
            while all.len() < count {
                let request = self.http.post(format!("{url}:pull")).json(&json!({"maxMessages": 100}));
                let answer: Value = request.send().await.unwrap().json().await.unwrap();
                let got = answer["receivedMessages"].as_array().cloned().unwrap_or_default();
                let ids: Vec<_> = got.iter().map(|message| message["ackId"].clone()).collect();
                if !ids.is_empty() {
                    self.http.post(format!("{url}:acknowledge")).json(&json!({"ackIds": ids})).send().await.unwrap();
                }
                all.extend(got.into_iter().map(|mut message| message["message"].take()));
            }
        };
        let pulled = tokio::time::timeout(PATIENCE, pulling).await;
        assert!(pulled.is_ok(), "{} of {count} messages", all.len());
        all
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// Where the package of the Google Cloud CLI puts it, or where `PUBSUB_EMULATOR_JAR` says.
fn jar() -> Option<PathBuf> {
    if let Some(jar) = std::env::var_os("PUBSUB_EMULATOR_JAR") {
        return Some(jar.into());
    }
    let directory = std::fs::read_dir("/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib").ok()?;
    let mut jars = directory.flatten().map(|entry| entry.path());
    jars.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-all.jar")))
}

/// A server that passes on what happens in the project `shop`.
async fn server(directory: &TempDir, emulator: &Emulator) -> Running {
    let mut config = Config::local(directory.path()).unwrap();
    let endpoint = Some(emulator.base.parse().unwrap());
    config.bridge = Some(Bridge { topic: TOPIC.to_owned(), projects: vec!["shop".parse().unwrap()], endpoint });
    Server::start(config).await.unwrap()
}

async fn post(server: &Running, path: &str, body: Value) {
    let url = format!("http://{}/v1/projects/{path}", server.address());
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_published_in_the_order_of_its_stream_over_a_restart() {
    let Some(emulator) = Emulator::start().await else { return };
    let directory = tempfile::tempdir().unwrap();
    // The topic is not there yet: nothing is lost by that.
    let running = server(&directory, &emulator).await;
    for run in ["a", "b"] {
        post(&running, "shop/runs", json!({"id": run, "kind": "k", "state": "running"})).await;
    }
    post(&running, "other/runs", json!({"id": "c", "kind": "k"})).await;
    let events: Vec<Value> = (0..150).map(|n| json!({"type": "x.sold", "data": {"n": n}})).collect();
    post(&running, "shop/runs/a/events", json!(events)).await;
    emulator.put(TOPIC, json!({})).await;
    let subscription = "projects/p/subscriptions/all";
    emulator.put(subscription, json!({"topic": TOPIC, "enableMessageOrdering": true, "ackDeadlineSeconds": 60})).await;
    let mut messages = emulator.pull(subscription, 154).await;
    running.shutdown().await;

    let running = server(&directory, &emulator).await;
    post(&running, "shop/runs/b/events", json!([{"type": "run.completed"}])).await;
    messages.extend(emulator.pull(subscription, 1).await);
    running.shutdown().await;

    for (stream, count) in [("a", 152), ("b", 3)] {
        let of_stream: Vec<_> = messages
            .iter()
            .filter(|message| message["orderingKey"] == stream || data(message)["stream"] == stream)
            .collect();
        let seqs: Vec<_> = of_stream.iter().map(|message| data(message)["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=count).collect::<Vec<_>>(), "{stream}");
    }
    let last = messages.last().unwrap();
    let attributes = &last["attributes"];
    assert_eq!((&attributes["ce-type"], &attributes["ce-subject"]), (&json!("io.milepost.run.completed"), &json!("b")));
    assert_eq!(attributes["ce-source"], "/v1/projects/shop/runs/b");
    assert!(attributes["ce-id"].as_str().unwrap().ends_with("-3"), "{attributes}");
}

fn data(message: &Value) -> Value {
    serde_json::from_slice(&STANDARD.decode(message["data"].as_str().unwrap()).unwrap()).unwrap()
}
