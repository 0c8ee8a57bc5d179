//! The disk is full, the disk breaks, the server is killed at work: what was acknowledged stays, and everybody is told the truth.

#![allow(clippy::unwrap_used)] // all of it is a test

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use milepost_tests::api::{eventually, expect, expect_problem, header, in_short};
use milepost_tests::git::{GitServer, Repository};
use milepost_tests::{Api, Events, Server};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// What the server acknowledged: sequences by event id.
#[derive(Default)]
struct Acknowledged(BTreeMap<String, u64>);

impl Acknowledged {
    /// Publishes an event of some size, and remembers it if it was taken.
    async fn publish(&mut self, api: &Api, id: &str) -> Option<Response> {
        let event = json!({"id": id, "type": "x.a", "data": "x".repeat(50_000)});
        let answer = api.post("/runs/r/events", event).await;
        if answer.status() != 200 {
            return Some(answer);
        }
        let seq = expect(answer, 200).await["events"][0]["seq"].as_u64().unwrap();
        self.0.insert(id.to_owned(), seq);
        None
    }

    /// Nothing of it is missing, there twice, or elsewhere, and there is no gap.
    async fn check(&self, api: &Api) {
        let log = api.log("r").await;
        let sequences: Vec<u64> = log.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(sequences, (1..=log.len() as u64).collect::<Vec<_>>());
        for (id, seq) in &self.0 {
            let places: Vec<u64> = log
                .iter()
                .filter(|event| event["id"] == id.as_str())
                .map(|event| event["seq"].as_u64().unwrap())
                .collect();
            assert_eq!(places, [*seq], "{id} was acknowledged");
        }
    }
}

async fn status(server: &Server, path: &str) -> u16 {
    server.api().client().get(server.url(path)).send().await.unwrap().status().as_u16()
}

/// Waits until `/readyz` says so: its answer may be a second old.
async fn until_ready_is(server: &Server, expect: u16) {
    let waiting = async {
        while status(server, "/readyz").await != expect {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap_or_else(|_| panic!("/readyz is never {expect}"));
}

/// A server whose data is on a disk of 24 MiB, which only it sees. None where that is not allowed.
async fn on_a_small_disk() -> Option<Server> {
    let mount = r#"mount -t tmpfs -o size=24m tmpfs "$0" && exec "$@""#;
    let mut server = Server::prepare(&[], &[]);
    let directory = server.data_dir().to_str().unwrap().to_owned();
    let tried = Command::new("unshare").args(["-rm", "sh", "-c", mount, &directory, "true"]).output();
    match tried {
        Ok(output) if output.status.success() => {}
        other => {
            println!("SKIPPED: a disk of its own needs user and mount namespaces, and `unshare -rm` says {other:?}");
            return None;
        }
    }
    server.wrap(&["unshare", "-rm", "sh", "-c", mount, &directory]);
    server.start_again().await;
    Some(server)
}

/// The data directory as the server sees it.
fn inside(server: &Server) -> PathBuf {
    let outside = server.data_dir().strip_prefix("/").unwrap();
    Path::new("/proc").join(server.pid().to_string()).join("root").join(outside)
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let Some(server) = on_a_small_disk().await else { return };
    let (api, mut acknowledged) = (server.api(), Acknowledged::default());
    api.running("r", "job").await;
    for number in 0..20 {
        assert!(acknowledged.publish(&api, &format!("before-{number}")).await.is_none());
    }
    let ballast = inside(&server).join("ballast");
    // As much as fits.
    std::fs::write(&ballast, vec![1; 64 << 20]).unwrap_err();
    let mut refused = None;
    for number in 0..1_000 {
        refused = acknowledged.publish(&api, &format!("into-the-wall-{number}")).await.map(|answer| (number, answer));
        if refused.is_some() {
            break;
        }
    }
    let (number, refused) = refused.expect("the disk is full some time");
    assert!(!header(&refused, "retry-after").is_empty());
    expect_problem(refused, 503, "store_unavailable").await;
    until_ready_is(&server, 503).await;
    assert_eq!(status(&server, "/healthz").await, 200, "it is alive");
    acknowledged.check(&api).await;
    expect_problem(api.post("/runs", json!({"id": "new", "kind": "job"})).await, 503, "store_unavailable").await;
    let upload = api.send(Method::PUT, "/runs/r/artifacts/a", &[], vec![1; 1 << 20]).await;
    assert!([503, 507].contains(&upload.status().as_u16()), "{}", upload.status());
    assert_eq!(header(&upload, "content-type"), "application/problem+json");
    let body = json!({"repository": "/none", "job_id": "j"}).to_string();
    let ingest = api.client().post(server.url("/api/v1/ingest/github?stream=true")).body(body).send().await.unwrap();
    let end = Events::of(ingest).rest().await.pop().unwrap().data;
    assert_eq!((&end["stage"], end["error"]["code"].is_string()), (&json!("Failed"), true), "{end}");

    std::fs::remove_file(&ballast).unwrap();
    until_ready_is(&server, 200).await;
    // What was refused is tried again, and taken, by itself.
    for number in number..number + 20 {
        assert!(acknowledged.publish(&api, &format!("into-the-wall-{number}")).await.is_none());
    }
    expect(api.send(Method::PUT, "/runs/r/artifacts/a", &[], vec![1; 1 << 20]).await, 201).await;
    expect_problem(api.get("/runs/new").await, 404, "run_not_found").await;
    acknowledged.check(&api).await;
}

#[tokio::test]
async fn a_failed_fsync_stops_everything_until_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (shim, trigger) = (directory.path().join("fsync.so"), directory.path().join("broken"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fault/fsync.c");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(&source).arg("-ldl").status().unwrap();
    assert!(compiled.success());
    let environment = [("LD_PRELOAD", shim.to_str().unwrap()), ("FSYNC_FAILS_WHILE", trigger.to_str().unwrap())];
    let mut server = Server::start_with(&[], &environment).await;
    let (api, mut acknowledged) = (server.api(), Acknowledged::default());
    api.running("r", "job").await;
    for number in 0..10 {
        assert!(acknowledged.publish(&api, &format!("before-{number}")).await.is_none());
    }
    let mut viewer = api.follow("r", "?after=12").await;
    viewer.until("caught_up").await;

    std::fs::write(&trigger, "").unwrap();
    let refused = acknowledged.publish(&api, "lost").await.expect("nothing is durable");
    expect_problem(refused, 503, "store_unavailable").await;
    // The disk says that it is well again, which proves nothing about what it was given.
    std::fs::remove_file(&trigger).unwrap();
    let refused = acknowledged.publish(&api, "after").await.expect("the store is poisoned");
    expect_problem(refused, 503, "store_unavailable").await;
    expect_problem(api.get("/runs/r/events?after=0").await, 503, "store_unavailable").await;
    expect_problem(api.post("/runs", json!({"id": "new", "kind": "job"})).await, 503, "store_unavailable").await;
    until_ready_is(&server, 503).await;
    assert_eq!(status(&server, "/healthz").await, 200);

    server.kill().await;
    server.unset_environment("LD_PRELOAD");
    server.start_again().await;
    let api = server.api();
    acknowledged.check(&api).await;
    let log = api.log("r").await;
    assert!(log.len() == 12 || log.len() == 13 && log[12]["id"] == "lost", "{:?}", in_short(&log));
    // Whether what was refused is there is not known, so it is sent again: then it is there once.
    for id in ["lost", "after"] {
        assert!(acknowledged.publish(&api, id).await.is_none());
    }
    acknowledged.check(&api).await;
    assert_eq!(api.log("r").await.len(), 14);
    let mut resumed = api.resume("r", &viewer.last_event_id).await;
    let seen: Vec<String> = resumed.until("caught_up").await.iter().map(|frame| frame.in_short()).collect();
    assert_eq!(seen, ["13", "14", "caught_up@14"], "the viewer was shown nothing that is not there");
}

#[tokio::test]
async fn a_job_that_is_killed_is_failed_and_those_who_watch_are_told() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("code"));
    for number in 0..300_u64 {
        let noise: String = (0..20).map(|line| format!("{:x}\n", (number * 20 + line) * 2_654_435_761)).collect();
        repository.write(format!("file{number}.txt"), noise);
    }
    repository.commit();
    let (remote, mut server) = (GitServer::start(root.path()), Server::start().await);
    let body = json!({"repository": remote.url("stall/code/.git"), "job_id": "j"}).to_string();
    let begun = server.api().client().post(server.url("/api/v1/ingest/github?stream=true")).body(body.clone()).send();
    let mut viewer = Events::of(begun.await.unwrap());
    while viewer.next().await.unwrap().data["percentage"] == 0 {}
    let mut native = server.api().follow("j", "?from=start").await;
    native.until("caught_up").await;
    server.kill().await;
    while viewer.next().await.is_some() {}
    let mut sequences = vec![];
    while let Some(frame) = native.next().await {
        sequences.push(frame.seq());
    }

    server.start_again().await;
    let api = server.api();
    let url = server.url("/api/v1/ingest/j/events");
    let frames = Events::get(api.client(), &url, Some(&viewer.last_event_id)).await.rest().await;
    let end = &frames.last().unwrap().data;
    assert_eq!((&end["stage"], &end["error"]["code"]), (&json!("Failed"), &json!("interrupted")));
    assert!(end["percentage"].as_u64().unwrap() < 50, "it did not come far: {end}");
    let rest = api.resume("j", &native.last_event_id).await.rest().await;
    assert_eq!(rest.last().unwrap().name, "end");
    let last_seen: u64 = native.last_event_id.rsplit('-').next().unwrap().parse().unwrap();
    let resumed: Vec<u64> = rest.iter().filter(|frame| frame.name == "message").map(|frame| frame.seq()).collect();
    assert_eq!(resumed, (last_seen + 1..=api.log("j").await.len() as u64).collect::<Vec<_>>(), "without a gap");
    let runs = api.snapshot("j").await["runs"].clone();
    let states: Vec<&Value> = runs.as_array().unwrap().iter().map(|run| &run["state"]).collect();
    assert_eq!(states, ["failed", "cancelled", "cancelled", "cancelled"]);
    let work = server.data_dir().join("work");
    eventually("the clone is gone", || std::fs::read_dir(&work).unwrap().count() == 0).await;
    let again = api.client().post(server.url("/api/v1/ingest/github")).body(body).send().await.unwrap();
    assert_eq!(expect(again, 202).await["status"], "failed", "the same id is the same job, and that is over");
}

#[tokio::test]
async fn a_campaign_outlasts_a_full_disk() {
    let Some(server) = on_a_small_disk().await else { return };
    let api = server.api();
    let ballast = inside(&server).join("ballast");
    let body = json!({"campaign_id": "c1", "business_description": "A bakery with good bread.", "objective": "More guests", "post_count": 50});
    let accepted =
        api.client().post(server.url("/api/v1/content/generate-with-progress")).json(&body).send().await.unwrap();
    expect(accepted, 202).await;
    // As much as fits.
    std::fs::write(&ballast, vec![1; 64 << 20]).unwrap_err();
    until_ready_is(&server, 503).await;
    let during = api.snapshot("c1").await;
    std::fs::remove_file(&ballast).unwrap();
    until_ready_is(&server, 200).await;
    let over = |snapshot: &Value| snapshot["state"] == "completed" && snapshot["runs"][0]["audit"] == "completed";
    let snapshot = api.until("c1", over).await;
    assert_eq!(during["state"], "running", "it was not over before the disk was full");
    let artifacts = snapshot["artifacts"].as_array().unwrap();
    assert!(artifacts.iter().all(|artifact| artifact["state"] == "ready"), "{artifacts:#?}");
    for artifact in artifacts {
        let bytes = api
            .client()
            .get(server.url(artifact["url"].as_str().unwrap()))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(bytes.len() as u64, artifact["size"].as_u64().unwrap(), "nothing is half there");
    }
    assert_eq!(snapshot["runs"][0]["verdict"], "passed");
}
