//! Workers: claims, leases, commands, and how a cancellation goes.

use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use crate::support::{Milepost, header, json as ask, problem, send};

#[tokio::test]
async fn a_queued_run_goes_to_one_worker() {
    let milepost = Milepost::start().await;
    let claim = |wait: u32| milepost.post("/claims", &json!({"kinds": ["render"], "lease_seconds": 60, "wait": wait}));
    send(claim(0), 204).await;
    let new = json!({"id": "r1", "kind": "render"});
    let (claimed, _) = tokio::join!(ask(claim(60), 200), send(milepost.post("/runs", &new), 201));
    assert_eq!((&claimed["run"]["id"], &claimed["run"]["state"]), (&json!("r1"), &json!("running")));
    assert_eq!((&claimed["stream"], claimed["run"]["attempt"].as_u64()), (&json!("r1"), Some(1)));
    assert!(claimed["lease_expires_at"].is_string() && claimed["cursor"].is_string());
    send(claim(0), 204).await;

    let lease = claimed["lease"].as_str().unwrap();
    let event = json!({"type": "run.progressed", "data": {"current": 1, "total": 2}});
    ask(milepost.post("/runs/r1/events", &event).header("milepost-lease", lease), 200).await;
    let beat = ask(milepost.post("/runs/r1/heartbeat", &json!({})).header("milepost-lease", lease), 200).await;
    assert!(beat["lease_expires_at"].is_string() && beat.get("cancel").is_none());
    problem(milepost.post("/runs/r1/events", &event).header("milepost-lease", "r1/1/9"), "lease_lost").await;
}

#[tokio::test]
async fn a_cancellation_is_asked_for_told_and_acknowledged() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    send(milepost.post("/runs", &json!({"id": "kid", "kind": "step", "parent": "c1"})), 201).await;
    send(milepost.get("/runs/kid/control"), 204).await;
    let ask_for = milepost.post("/runs/c1/cancel", &json!({"reason": "enough", "grace_seconds": 600}));
    // The worker of a part is told what is asked of the whole.
    let (told, accepted) = tokio::join!(ask(milepost.get("/runs/kid/control?wait=60"), 200), ask(ask_for, 202));
    assert_eq!((&accepted["run"], &accepted["cancel"]["acknowledged"]), (&json!("c1"), &Value::Null));
    let cancel = &accepted["cancel"];
    let command = json!({"command": "cancel", "run": "c1", "reason": "enough", "deadline": cancel["deadline"]});
    assert_eq!(told, json!({"commands": [command]}));
    assert_eq!(cancel["by"], Value::Null);

    // Asked again, differently, or late: the same.
    let again = ask(milepost.post("/runs/c1/cancel", &json!({"grace_seconds": 1})), 202).await;
    assert_eq!(again, accepted);
    assert_eq!(ask(milepost.get("/runs/c1/control"), 200).await, told);
    let beat = ask(milepost.post("/runs/kid/heartbeat", &json!({})), 200).await;
    assert_eq!(beat["cancel"]["run"], "c1");

    milepost.publish("c1", json!({"type": "run.cancelled"})).await;
    let snapshot = milepost.snapshot("c1").await;
    assert_eq!(
        (&snapshot["runs"][0]["state"], &snapshot["runs"][1]["state"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    assert_eq!(snapshot["runs"][0]["cancel"]["acknowledged"], true);
    send(milepost.get("/runs/c1/control?wait=60"), 204).await;
    problem(milepost.post("/runs/c1/cancel", &json!({})), "run_terminal").await;
}

#[tokio::test]
async fn a_worker_that_follows_is_told_once() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let mut stream = send(milepost.get("/runs/c1/control").header(ACCEPT, "text/event-stream"), 200).await;
    assert_eq!(header(&stream, "content-type"), "text/event-stream");
    let asked = milepost.request(reqwest::Method::POST, "/runs/c1/cancel"); // no body at all
    let accepted = ask(asked, 202).await;
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    let data = text.strip_prefix("event: cancel\ndata: ").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data, json!({"run": "c1", "reason": null, "deadline": accepted["cancel"]["deadline"]}));
    // It stays open until the run is over, and a late one is sent away.
    milepost.publish("c1", json!({"type": "run.cancelled"})).await;
    while let Some(rest) = stream.chunk().await.unwrap() {
        assert!(rest.starts_with(b":"), "{rest:?}");
    }
    send(milepost.get("/runs/c1/control").header(ACCEPT, "text/event-stream"), 204).await;
}

#[tokio::test]
async fn a_deadline_of_zero_passes_at_once() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    ask(milepost.post("/runs/c1/cancel", &json!({"grace_seconds": 0})), 202).await;
    let page = ask(milepost.get("/runs/c1/events?after=3&wait=60"), 200).await;
    assert_eq!(page["events"][0]["data"], json!({"acknowledged": false}));
}
