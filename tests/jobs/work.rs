//! `milepost work`: workers on other machines.

use std::time::Instant;

use milepost_tests::api::expect;
use milepost_tests::git::{GitServer, some_hundred_files};
use milepost_tests::{Api, Server, Worker};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Repositories that a worker can be made to wait for in the middle.
struct Fixture {
    _root: TempDir,
    git: GitServer,
    server: Server,
    api: Api,
}

impl Fixture {
    async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        some_hundred_files(root.path());
        let git = GitServer::start(root.path());
        let server = Server::start().await;
        let api = server.api();
        Self { _root: root, git, server, api }
    }

    fn worker(&self, flags: &[&str]) -> Worker {
        Worker::start(&self.server, &[&["--kinds", "ingest", "--allow-private"], flags].concat())
    }

    /// Queues an ingestion; `how` the git server is to behave.
    async fn queue(&self, id: &str, how: &str) {
        let repository = self.git.url(&format!("{how}/code/.git"));
        let job = json!({"repository": repository, "job_id": id, "worker": "external"});
        let start = self.api.client().post(self.server.url("/api/v1/ingest/github")).json(&job);
        assert_eq!(expect(start.send().await.unwrap(), 202).await["status"], "queued");
    }

    /// Waits until `id` is in the given state, as this attempt.
    async fn until(&self, id: &str, state: &str, attempt: u64) -> Value {
        let is_so = |snapshot: &Value| root(snapshot)["state"] == state && root(snapshot)["attempt"] == attempt;
        self.api.until(id, is_so).await
    }

    /// Waits until a worker is in the middle of the clone of `id`, as this attempt.
    async fn until_cloning(&self, id: &str, attempt: u64) {
        let is_so =
            |snapshot: &Value| root(snapshot)["attempt"] == attempt && snapshot["runs"][1]["attempt"] == attempt;
        self.api.until(id, is_so).await;
    }

    /// What happened to the run itself, but for progress.
    async fn story(&self, id: &str) -> Vec<String> {
        let log = self.api.log(id).await;
        let own = log.iter().filter(|event| event["run"] == id && event["type"] != "run.progressed");
        own.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

fn root(snapshot: &Value) -> &Value {
    &snapshot["runs"][0]
}

const DONE: [&str; 5] = ["state.updated", "artifact.ready", "artifact.ready", "artifact.ready", "run.completed"];

#[tokio::test]
async fn a_worker_does_what_is_queued() {
    let fixture = Fixture::new().await;
    let worker = fixture.worker(&["--concurrency", "2"]);
    let another = fixture.worker(&["--concurrency", "2"]);
    for id in ["a", "b", "c"] {
        fixture.queue(id, "smart").await;
    }
    for id in ["a", "b", "c"] {
        let snapshot = fixture.until(id, "completed", 1).await;
        assert_eq!(root(&snapshot)["result"]["files"], 301);
        assert_eq!(fixture.story(id).await, [&["run.created", "run.started"][..], &DONE].concat());
    }
    let found = fixture.api.client().get(fixture.server.url("/api/v1/ingest/a/search?q=needle")).send().await.unwrap();
    assert_eq!(expect(found, 200).await["hits"][0]["path"], "README.md");
    for worker in [worker, another] {
        worker.ask_to_stop().await;
        assert!(worker.exited().await.success());
    }
}

#[tokio::test]
async fn the_run_of_a_killed_worker_is_the_next_attempt_of_another() {
    let fixture = Fixture::new().await;
    fixture.queue("r", "held").await;
    let first = fixture.worker(&["--lease", "2"]);
    fixture.until_cloning("r", 1).await;
    first.kill().await;
    let second = fixture.worker(&["--lease", "2"]);
    fixture.until_cloning("r", 2).await;
    fixture.git.let_go();
    let snapshot = fixture.until("r", "completed", 2).await;
    assert_eq!((&root(&snapshot)["stalled"], &root(&snapshot)["progress"]["fraction"]), (&json!(false), &json!(1.0)));
    let begin = ["run.created", "run.started", "run.stalled", "run.recovered", "run.started"];
    assert_eq!(fixture.story("r").await, [&begin[..], &DONE].concat());
    drop(second);
}

#[tokio::test]
async fn a_worker_obeys_a_cancellation() {
    let fixture = Fixture::new().await;
    fixture.queue("r", "stall").await;
    let _worker = fixture.worker(&[]);
    fixture.until_cloning("r", 1).await;
    let asked = Instant::now();
    expect(fixture.api.post("/runs/r/cancel", json!({})).await, 202).await;
    let snapshot = fixture.until("r", "cancelled", 1).await;
    assert_eq!(root(&snapshot)["cancel"]["acknowledged"], true);
    // A second is what is promised; the machine of a test may be busy with other things.
    assert!(asked.elapsed().as_secs() < 5, "{:?}", asked.elapsed());
    // It is free for the next one.
    fixture.queue("next", "smart").await;
    fixture.until("next", "completed", 1).await;
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_finishes_what_it_has() {
    let fixture = Fixture::new().await;
    fixture.queue("r", "held").await;
    let worker = fixture.worker(&["--drain", "60"]);
    fixture.until_cloning("r", 1).await;
    worker.ask_to_stop().await;
    fixture.queue("later", "smart").await;
    fixture.git.let_go();
    assert!(worker.exited().await.success());
    let story = fixture.story("r").await;
    assert_eq!(story.last().unwrap(), "run.completed");
    assert_eq!(root(&fixture.api.snapshot("later").await)["state"], "queued");
}

#[tokio::test]
async fn what_a_worker_cannot_finish_in_time_it_gives_back() {
    let fixture = Fixture::new().await;
    fixture.queue("r", "held").await;
    // The lease is long: without giving it back nobody would have the run for an hour.
    let first = fixture.worker(&["--lease", "3600", "--drain", "0"]);
    fixture.until_cloning("r", 1).await;
    first.ask_to_stop().await;
    assert!(first.exited().await.success());
    assert_eq!(root(&fixture.api.snapshot("r").await)["stalled"], true);
    let _second = fixture.worker(&[]);
    fixture.until_cloning("r", 2).await;
    fixture.git.let_go();
    fixture.until("r", "completed", 2).await;
}

#[tokio::test]
async fn a_restart_of_the_server_costs_a_worker_nothing() {
    let mut fixture = Fixture::new().await;
    fixture.queue("r", "held").await;
    let _worker = fixture.worker(&["--lease", "20"]);
    fixture.until_cloning("r", 1).await;
    fixture.server.kill().await;
    fixture.git.let_go();
    fixture.server.start_again().await;
    fixture.until("r", "completed", 1).await;
    assert_eq!(fixture.story("r").await, [&["run.created", "run.started"][..], &DONE].concat());
    // And an idle worker finds the server again, too.
    fixture.server.kill().await;
    fixture.server.start_again().await;
    fixture.queue("next", "smart").await;
    fixture.until("next", "completed", 1).await;
}

#[tokio::test]
async fn a_worker_does_not_read_what_it_may_not() {
    let fixture = Fixture::new().await;
    let _worker = Worker::start(&fixture.server, &["--kinds", "ingest"]);
    fixture.queue("private", "smart").await;
    expect(fixture.api.post("/runs", json!({"id": "nothing", "kind": "ingest"})).await, 201).await;
    for (id, code) in [("private", "url_not_allowed"), ("nothing", "invalid_url")] {
        let snapshot = fixture.until(id, "failed", 1).await;
        assert_eq!(root(&snapshot)["error"]["code"], code, "{snapshot}");
    }
}

#[tokio::test]
async fn the_metrics_say_how_many_workers_are_needed() {
    let fixture = Fixture::new().await;
    for id in ["a", "b"] {
        expect(fixture.api.post("/runs", json!({"id": id, "kind": "render"})).await, 201).await;
    }
    let metrics = async || {
        let response = fixture.api.client().get(fixture.server.url("/metrics")).send().await.unwrap();
        response.text().await.unwrap()
    };
    let text = metrics().await;
    for line in ["milepost_queued_runs{kind=\"render\"} 2", "milepost_leases 0", "milepost_claim_seconds_count 0"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let claim = json!({"kinds": ["render"], "lease_seconds": 60});
    expect(fixture.api.post("/claims", claim.clone()).await, 200).await;
    let text = metrics().await;
    for line in ["milepost_queued_runs{kind=\"render\"} 1", "milepost_leases 1", "milepost_claim_seconds_count 1"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    expect(fixture.api.post("/claims", claim).await, 200).await;
    assert!(!metrics().await.contains("milepost_queued_runs{"), "a queue that is empty is none");
}
