//! Leases, heartbeats, and workers that claim what is queued.

use milepost_tests::api::{expect, expect_problem, in_short};
use milepost_tests::{Api, Server};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn types(api: &Api, run: &str) -> Vec<String> {
    api.log(run).await.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

async fn heartbeat(api: &Api, run: &str) -> Value {
    expect(api.send(Method::POST, &format!("/runs/{run}/heartbeat"), &[], "").await, 200).await
}

#[tokio::test]
async fn a_run_stalls_when_nobody_speaks_and_recovers_when_somebody_does() {
    let server = Server::start().await;
    let api = server.api();
    let leased = json!({"id": "r", "kind": "job", "state": "running", "lease_seconds": 1});
    expect(api.post("/runs", leased).await, 201).await;
    api.running_child("c", "r").await;
    let stalled = |snapshot: &Value| snapshot["runs"][0]["stalled"] == true;
    for word in ["heartbeat", "event", "a child's event"] {
        assert_eq!(api.until("r", stalled).await["state"], "running", "stalled is no state");
        match word {
            "heartbeat" => assert!(heartbeat(&api, "r").await["lease_expires_at"].is_string()),
            "event" => drop(api.publish("r", json!({"type": "x.a"})).await),
            _ => drop(api.publish("c", json!({"type": "x.b"})).await),
        }
        assert!(!stalled(&api.snapshot("r").await), "{word}");
    }
    api.publish("r", json!({"type": "run.completed"})).await;
    let (pause, wake) = ("run.stalled", "run.recovered");
    let created = ["run.created", "run.started", "run.created", "run.started"];
    let then = [pause, wake, pause, wake, "x.a", pause, wake, "x.b", "run.cancelled", "run.completed"];
    assert_eq!(types(&api, "r").await, [created.as_slice(), then.as_slice()].concat());
    for reserved in ["run.stalled", "run.recovered", "run.cancel_requested"] {
        expect_problem(api.post("/runs/r/events", json!({"type": reserved})).await, 422, "event_type_reserved").await;
    }
}

/// Its producer promised a word, too.
#[tokio::test]
async fn a_queued_run_with_a_lease_stalls_like_any_other() {
    let server = Server::start().await;
    let api = server.api();
    expect(api.post("/runs", json!({"id": "r", "kind": "job", "lease_seconds": 1})).await, 201).await;
    let stalled = api.until("r", |snapshot| snapshot["runs"][0]["stalled"] == true).await;
    assert_eq!(stalled["state"], "queued");
    heartbeat(&api, "r").await;
    let claimed = expect(claim(&api, json!({"kinds": ["job"], "lease_seconds": 60})).await, 200).await;
    assert_eq!((&claimed["run"]["attempt"], &claimed["run"]["stalled"]), (&json!(1), &json!(false)));
    assert_eq!(types(&api, "r").await, ["run.created", "run.stalled", "run.recovered", "run.started"]);
}

#[tokio::test]
async fn a_heartbeat_keeps_a_run_from_stalling() {
    let server = Server::start().await;
    let api = server.api();
    let leased = json!({"id": "r", "kind": "job", "state": "running", "lease_seconds": 2});
    expect(api.post("/runs", leased).await, 201).await;
    let created = api.snapshot("r").await["runs"][0]["lease_expires_at"].clone();
    // For longer than the lease: the clock is the server's own, a second run's.
    expect(api.post("/runs", json!({"id": "clock", "kind": "job", "state": "running", "lease_seconds": 3})).await, 201)
        .await;
    while api.snapshot("clock").await["runs"][0]["stalled"] == false {
        heartbeat(&api, "r").await;
    }
    assert_eq!(types(&api, "r").await, ["run.created", "run.started"], "a heartbeat is no event");
    assert!(api.snapshot("r").await["runs"][0]["lease_expires_at"].as_str() > created.as_str());
    api.running("free", "job").await;
    assert_eq!(heartbeat(&api, "free").await, json!({"lease_expires_at": null}), "there is no lease to renew");
    api.publish("r", json!({"type": "run.completed"})).await;
    expect_problem(api.send(Method::POST, "/runs/r/heartbeat", &[], "").await, 409, "run_terminal").await;
    expect_problem(api.send(Method::POST, "/runs/none/heartbeat", &[], "").await, 404, "run_not_found").await;
}

async fn claim(api: &Api, body: Value) -> Response {
    api.post("/claims", body).await
}

#[tokio::test]
async fn a_queued_run_goes_to_one_worker_and_the_oldest_first() {
    let server = Server::start().await;
    let api = server.api();
    let one = json!({"kinds": ["image", "video"], "lease_seconds": 30});
    assert_eq!(claim(&api, one.clone()).await.status(), 204);
    for (id, kind) in [("i1", "image"), ("t1", "text"), ("v1", "video")] {
        expect(api.post("/runs", json!({"id": id, "kind": kind})).await, 201).await;
    }
    api.running("busy", "image").await;
    let (first, second) = tokio::join!(claim(&api, one.clone()), claim(&api, one.clone()));
    let mut claimed = [expect(first, 200).await, expect(second, 200).await];
    claimed.sort_by_key(|claimed| claimed["stream"].as_str().unwrap().to_owned());
    for (claimed, id) in claimed.iter().zip(["i1", "v1"]) {
        assert_eq!((&claimed["stream"], &claimed["run"]["id"]), (&json!(id), &json!(id)));
        assert_eq!((&claimed["run"]["state"], &claimed["run"]["attempt"]), (&json!("running"), &json!(1)));
        assert_eq!(claimed["lease_expires_at"], claimed["run"]["lease_expires_at"]);
        assert_eq!(claimed["cursor"], api.cursor(id).await);
        assert!(claimed["lease"].is_string());
    }
    assert_eq!(claim(&api, one.clone()).await.status(), 204, "everything is taken");
    let waiting = json!({"kinds": ["image"], "lease_seconds": 30, "wait": 60});
    let (waited, _) =
        tokio::join!(claim(&api, waiting), api.post("/runs", json!({"id": "i2", "kind": "image", "parent": "busy"})));
    let waited = expect(waited, 200).await;
    assert_eq!((&waited["run"]["id"], &waited["stream"]), (&json!("i2"), &json!("busy")), "a child, too");
    assert_eq!(claim(&api, json!({"kinds": ["image"], "lease_seconds": 1, "wait": 1})).await.status(), 204);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_cannot_write() {
    let server = Server::start().await;
    let api = server.api();
    expect(api.post("/runs", json!({"id": "r", "kind": "image"})).await, 201).await;
    let old = expect(claim(&api, json!({"kinds": ["image"], "lease_seconds": 1})).await, 200).await;
    let old = old["lease"].as_str().unwrap();
    let write = |lease: String| {
        let api = api.clone();
        async move {
            let headers = [("milepost-lease", lease.as_str()), ("content-type", "application/json")];
            api.send(Method::POST, "/runs/r/events", &headers, r#"{"type":"x.a"}"#).await
        }
    };
    expect(write(old.to_owned()).await, 200).await;
    // It falls silent; somebody else gets the run.
    let new = expect(claim(&api, json!({"kinds": ["image"], "lease_seconds": 60, "wait": 30})).await, 200).await;
    assert_eq!((&new["run"]["attempt"], &new["run"]["stalled"]), (&json!(2), &json!(false)));
    for lease in [old, "nonsense"] {
        let headers = [("milepost-lease", lease)];
        let calls = [
            (Method::POST, "/runs/r/heartbeat"),
            (Method::POST, "/runs/r/release"),
            (Method::PUT, "/runs/r/artifacts/a"),
        ];
        for (method, path) in calls {
            expect_problem(api.send(method, path, &headers, "bytes").await, 409, "lease_lost").await;
        }
        expect_problem(write(lease.to_owned()).await, 409, "lease_lost").await;
        let headers = [("milepost-lease", lease), ("content-type", "application/json")];
        let below = api.send(Method::POST, "/runs", &headers, r#"{"kind":"step","parent":"r"}"#).await;
        expect_problem(below, 409, "lease_lost").await;
    }
    let new = new["lease"].as_str().unwrap();
    expect(write(new.to_owned()).await, 200).await;
    expect(api.send(Method::PUT, "/runs/r/artifacts/a", &[("milepost-lease", new)], "bytes").await, 201).await;
    let expect_log = [
        "1 run.created r",
        "2 run.started r",
        "3 x.a r",
        "4 run.stalled r",
        "5 run.recovered r",
        "6 run.started r",
        "7 x.a r",
        "8 artifact.ready r",
    ];
    assert_eq!(in_short(&api.log("r").await), expect_log);
}

#[tokio::test]
async fn a_restart_renews_leases_because_nobody_could_speak_meanwhile() {
    let mut server = Server::start().await;
    let api = server.api();
    let leased = json!({"id": "r", "kind": "job", "state": "running", "lease_seconds": 1});
    expect(api.post("/runs", leased).await, 201).await;
    server.kill().await;
    server.start_again().await;
    let api = server.api();
    assert_eq!(api.snapshot("r").await["runs"][0]["stalled"], false);
    api.until("r", |snapshot| snapshot["runs"][0]["stalled"] == true).await;
    assert_eq!(types(&api, "r").await, ["run.created", "run.started", "run.stalled"]);
}
