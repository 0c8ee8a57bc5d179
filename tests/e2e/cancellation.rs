//! Cancellation: asked for, told to workers, acknowledged, or carried out without them.

use milepost_tests::api::{expect, expect_problem, in_short};
use milepost_tests::{Api, Events, Frame, Server};
use reqwest::Method;
use serde_json::{Value, json};

/// `a` with `b` and `d`, and `c` below `b`; at sequence 8.
async fn family(api: &Api) {
    api.running("a", "job").await;
    for (id, parent) in [("b", "a"), ("c", "b"), ("d", "a")] {
        api.running_child(id, parent).await;
    }
}

async fn cancel(api: &Api, run: &str, body: Value) -> Value {
    expect(api.post(&format!("/runs/{run}/cancel"), body).await, 202).await
}

/// What the log has from `after` on, with the word about acknowledgement.
async fn ends(api: &Api, after: usize) -> Vec<String> {
    let log = api.log("a").await;
    let told = |event: &Value| match event["data"]["acknowledged"].as_bool() {
        Some(acknowledged) => format!("{} {acknowledged}", event["run"].as_str().unwrap()),
        None => format!("{} {}", event["run"].as_str().unwrap(), event["type"].as_str().unwrap()),
    };
    log[after..].iter().map(told).collect()
}

#[tokio::test]
async fn nothing_but_the_acknowledgement_follows_a_request() {
    let server = Server::start().await;
    let api = server.api();
    family(&api).await;
    let mut viewer = api.follow("a", "?after=8").await;
    let asked = cancel(&api, "a", json!({"reason": "enough", "grace_seconds": 600})).await;
    let (requested, deadline) = (asked["cancel"]["requested_at"].clone(), asked["cancel"]["deadline"].clone());
    let request =
        json!({"by": null, "reason": "enough", "requested_at": requested, "deadline": deadline, "acknowledged": null});
    assert_eq!(asked, json!({"run": "a", "cancel": request}));
    assert_eq!(cancel(&api, "a", json!({"reason": "other", "grace_seconds": 1})).await, asked, "asked again");
    assert_eq!(expect(api.send(Method::POST, "/runs/a/cancel", &[], "").await, 202).await, asked, "without a body");
    assert_eq!(api.snapshot("a").await["runs"][0]["cancel"], request);
    let json = [("content-type", "application/json")];
    let (progressed, custom, created) = (
        r#"{"type":"run.progressed","data":{"current":1}}"#,
        r#"[{"type":"x.a","run":"d"}]"#,
        r#"{"id":"new","kind":"part","parent":"c"}"#,
    );
    let refused = [
        (Method::POST, "/runs/a/events", progressed),
        (Method::POST, "/runs/c/events", progressed),
        (Method::POST, "/runs/b/events", custom),
        (Method::POST, "/runs/d/events", r#"{"type":"run.completed"}"#),
        (Method::POST, "/runs/a/events", r#"[{"type":"run.cancelled","run":"c"},{"type":"x.a"}]"#),
        (Method::POST, "/runs", created),
        (Method::PUT, "/runs/c/artifacts/late", "bytes"),
    ];
    for (method, path, body) in refused {
        let problem = expect_problem(api.send(method, path, &json, body).await, 409, "run_cancelling").await;
        let told = json!([problem["cancel"]["run"], problem["cancel"]["reason"], problem["cancel"]["deadline"]]);
        assert_eq!(told, json!(["a", "enough", deadline]), "{path} {body}");
    }
    assert_eq!(api.snapshot("a").await["seq"], 9, "what was refused changed nothing");
    let published = api.publish("c", json!({"type": "run.cancelled"})).await;
    assert_eq!((&published["seq"], &published["cancel"]["run"]), (&json!(10), &json!("a")));
    api.publish("a", json!({"type": "run.cancelled"})).await;
    let frames = viewer.rest().await;
    let delivered: Vec<String> = frames.iter().map(Frame::in_short).collect();
    assert_eq!(delivered, ["caught_up@8", "9", "10", "11", "12", "13", "end@13"]);
    let cascade = ends(&api, 9).await;
    assert_eq!(cascade[0], "c true", "the worker's own word");
    assert!(
        cascade[1..3].contains(&"b true".to_owned()) && cascade[1..3].contains(&"d true".to_owned()),
        "{cascade:?}"
    );
    assert_eq!(cascade[3..], ["a true"], "the requested run comes last");
    assert_eq!(api.snapshot("a").await["runs"][0]["cancel"]["acknowledged"], true);
    for run in ["a", "b"] {
        expect_problem(api.post(&format!("/runs/{run}/cancel"), json!({})).await, 409, "run_terminal").await;
    }
}

#[tokio::test]
async fn a_deadline_cancels_without_the_worker() {
    let server = Server::start().await;
    let api = server.api();
    family(&api).await;
    let mut viewer = api.follow("a", "?after=8").await;
    cancel(&api, "b", json!({"grace_seconds": 0})).await;
    api.until("b", |snapshot| snapshot["state"] == "cancelled").await;
    api.publish("a", json!({"type": "x.goes_on"})).await;
    cancel(&api, "a", json!({"grace_seconds": 1})).await;
    let last = viewer.rest().await.pop().unwrap();
    assert_eq!(last.in_short(), "end@15");
    let expect =
        ["b run.cancel_requested", "c false", "b false", "a x.goes_on", "a run.cancel_requested", "d false", "a false"];
    assert_eq!(ends(&api, 8).await, expect);
    let runs = &api.snapshot("a").await["runs"];
    assert!(runs.as_array().unwrap().iter().all(|run| run["state"] == "cancelled" && !run["finished_at"].is_null()));
    assert_eq!(runs[0]["cancel"]["acknowledged"], false);
}

#[tokio::test]
async fn a_deadline_that_passed_while_the_server_was_away_is_kept() {
    let mut server = Server::start().await;
    let api = server.api();
    family(&api).await;
    cancel(&api, "a", json!({"grace_seconds": 1})).await;
    server.kill().await;
    server.start_again().await;
    let api = server.api();
    api.until("a", |snapshot| snapshot["state"] == "cancelled").await;
    assert_eq!(ends(&api, 9).await.last().unwrap(), "a false");
}

#[tokio::test]
async fn an_end_closes_what_is_below() {
    for end in ["run.completed", "run.failed", "run.cancelled"] {
        let server = Server::start().await;
        let api = server.api();
        family(&api).await;
        api.publish("b", json!({"type": end})).await;
        api.publish("a", json!({"type": end})).await;
        let log = api.log("a").await;
        let expect = [
            "9 run.cancelled c".to_owned(),
            format!("10 {end} b"),
            "11 run.cancelled d".to_owned(),
            format!("12 {end} a"),
        ];
        assert_eq!(in_short(&log[8..]), expect);
        for closed in [&log[8], &log[10]] {
            assert_eq!(closed["data"], json!({"acknowledged": false, "reason": "parent_ended"}));
        }
    }
}

#[tokio::test]
async fn whoever_works_below_is_told_and_told_again() {
    let server = Server::start().await;
    let api = server.api();
    family(&api).await;
    let quiet = api.get("/runs/c/control?wait=1").await;
    assert_eq!(quiet.status(), 204);
    let control = |run: &str| {
        let (client, url) = (api.client().clone(), api.url(&format!("/runs/{run}/control")));
        async move { Events::get(&client, &url, None).await }
    };
    let (mut stream, mut sibling) = (control("c").await, control("d").await);
    let (poll, asked) =
        tokio::join!(api.get("/runs/c/control?wait=60"), cancel(&api, "b", json!({"reason": "enough"})));
    let deadline = &asked["cancel"]["deadline"];
    let command = json!({"command": "cancel", "run": "b", "reason": "enough", "deadline": deadline});
    assert_eq!(expect(poll, 200).await, json!({"commands": [command]}));
    assert_eq!(expect(api.get("/runs/b/control").await, 200).await, json!({"commands": [command]}), "late");
    for mut told in [stream.next().await.unwrap(), control("c").await.next().await.unwrap()] {
        assert_eq!(told.name, "cancel");
        told.data.as_object_mut().unwrap().remove("command");
        assert_eq!(told.data, json!({"run": "b", "reason": "enough", "deadline": deadline}));
    }
    let heartbeat = expect(api.send(Method::POST, "/runs/c/heartbeat", &[], "").await, 200).await;
    assert_eq!(heartbeat["cancel"]["run"], "b");
    api.publish("b", json!({"type": "run.cancelled"})).await;
    assert!(stream.next().await.is_none(), "the run is over, and so is its control stream");
    assert_eq!(api.get("/runs/c/control?wait=60").await.status(), 204, "nothing to wait for");
    cancel(&api, "a", json!({})).await;
    assert_eq!(sibling.next().await.unwrap().data["run"], "a", "the sibling heard of its own only");
}

#[tokio::test]
async fn what_waits_in_the_queue_can_be_cancelled_too() {
    let server = Server::start().await;
    let api = server.api();
    expect(api.post("/runs", json!({"id": "a", "kind": "job"})).await, 201).await;
    cancel(&api, "a", json!({})).await;
    let claim = json!({"kinds": ["job"], "lease_seconds": 10});
    assert_eq!(api.post("/claims", claim).await.status(), 204, "nobody gets what is to be cancelled");
    api.publish("a", json!({"type": "run.cancelled"})).await;
    assert_eq!(api.snapshot("a").await["state"], "cancelled");
}
