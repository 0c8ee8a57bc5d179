//! Runs and events over HTTP: what is taken, what is answered, in exactly which words.

use std::collections::BTreeSet;

use milepost_tests::api::{expect, expect_problem, header, in_short};
use milepost_tests::{Api, Server};
use reqwest::Method;
use serde_json::{Value, json};

const RUN: &str = "id stream project parent kind name state stalled attempt weight stage message progress error result cancel \
    audit verdict values metadata lease_expires_at created_at started_at finished_at updated_at";
const SNAPSHOT: &str = "stream project seq cursor state progress runs artifacts messages time";
const PROGRESS: &str = "fraction current total unit eta_ms";
const ARTIFACT: &str = "artifact run artifact_type name state media_type size sha256 url";
const MESSAGE: &str = "message run role content final";

fn check_members(value: &Value, members: &str) {
    let found: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let missing: Vec<_> = members.split_whitespace().filter(|member| !found.contains(member)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {value}");
}

#[tokio::test]
async fn a_run_is_created_once() {
    let server = Server::start().await;
    let api = server.api();
    let long = "a".repeat(128);
    for (body, seq) in [
        (json!({"id": "r", "kind": "job"}), 1),
        (json!({"id": "s", "kind": "job", "state": "running", "name": "S", "weight": 2, "metadata": {"a": [1]}}), 2),
        (json!({"id": "AZaz09._~:-", "kind": "job", "state": "queued", "lease_seconds": 1, "expected_children": 2}), 1),
        (
            json!({"id": long, "kind": "k", "name": null, "parent": null, "weight": null, "state": null, "metadata": null}),
            1,
        ),
    ] {
        let id = body["id"].as_str().unwrap();
        let response = api.post("/runs", body.clone()).await;
        assert_eq!(header(&response, "location"), format!("/v1/projects/default/runs/{id}"));
        let created = expect(response, 201).await;
        assert_eq!((&created["run"], &created["stream"], &created["seq"]), (&json!(id), &json!(id), &json!(seq)));
        assert_eq!(created["cursor"], api.cursor(id).await);
        assert_eq!(expect(api.post("/runs", body.clone()).await, 200).await, created, "again");
    }
    api.publish("r", json!({"type": "x.a"})).await;
    let child = json!({"id": "c", "kind": "part", "parent": "r"});
    assert_eq!(expect(api.post("/runs", child).await, 201).await["stream"], "r");
    let others = [
        json!({"id": "r", "kind": "other"}),
        json!({"id": "c", "kind": "part"}),
        json!({"id": "c", "kind": "part", "parent": "s"}),
        json!({"id": "s", "kind": "job", "parent": "r"}),
    ];
    for other in others {
        expect_problem(api.post("/runs", other).await, 409, "run_exists").await;
    }
    let made = expect(api.post("/runs", json!({"kind": "job"})).await, 201).await;
    assert_eq!(made["run"], made["stream"], "an id is made");
}

#[tokio::test]
async fn everything_has_its_members() {
    let server = Server::start().await;
    let api = server.api();
    let metadata = json!({"any": ["thing"]});
    api.post("/runs", json!({"id": "r", "kind": "job", "name": "R", "state": "running", "metadata": metadata})).await;
    api.running_child("c", "r").await;
    let events = json!([
        {"id": "p", "type": "run.progressed", "data": {"stage": "S", "message": "M", "current": 1, "total": 4, "unit": "files"}},
        {"type": "state.updated", "data": {"key": "k", "value": {"list": [1]}}},
        {"type": "state.updated", "data": {"key": "k", "patch": [{"op": "add", "path": "/list/-", "value": 2}]}},
        {"type": "message.appended", "run": "c", "data": {"message": "m", "role": "assistant", "content": "He"}},
        {"type": "message.appended", "run": "c", "data": {"message": "m", "content": "y", "final": true}},
        {"type": "artifact.pending", "run": "c", "data": {"artifact": "a", "artifact_type": "text", "name": "n", "media_type": "text/plain"}},
        {"type": "artifact.appended", "run": "c", "data": {"artifact": "a", "chunk": "te"}},
        {"type": "artifact.appended", "run": "c", "data": {"artifact": "a", "chunk": "xt"}},
        {"type": "artifact.failed", "run": "c", "data": {"artifact": "b", "error": {"code": "c", "message": "m"}}},
        {"type": "run.waiting", "run": "c", "data": {"reason": "for you"}},
    ]);
    let published = api.publish("r", events).await;
    assert_eq!((&published["stream"], &published["seq"]), (&json!("r"), &json!(14)));
    assert_eq!(published["events"][0], json!({"id": "p", "seq": 5}), "neither a duplicate nor coalesced");
    let snapshot = api.snapshot("r").await;
    check_members(&snapshot, SNAPSHOT);
    check_members(&snapshot["progress"], PROGRESS);
    let runs = snapshot["runs"].as_array().unwrap();
    for run in runs {
        check_members(run, RUN);
        check_members(&run["progress"], PROGRESS);
    }
    let nulls = ["error", "result", "cancel", "verdict", "lease_expires_at", "finished_at", "parent"];
    assert!(nulls.iter().all(|member| runs[0][member].is_null()), "{}", runs[0]);
    let told = json!([
        runs[0]["stage"],
        runs[0]["message"],
        runs[0]["metadata"],
        runs[0]["values"],
        runs[0]["audit"],
        runs[0]["stalled"]
    ]);
    assert_eq!(told, json!(["S", "M", metadata, {"k": {"list": [1, 2]}}, "not_started", false]));
    assert_eq!((&runs[1]["state"], &runs[1]["parent"]), (&json!("waiting"), &json!("r")));
    for artifact in snapshot["artifacts"].as_array().unwrap() {
        check_members(artifact, ARTIFACT);
    }
    let artifacts = &snapshot["artifacts"];
    assert_eq!((&artifacts[0]["state"], &artifacts[0]["text"]), (&json!("pending"), &json!("text")));
    assert_eq!((&artifacts[1]["state"], &artifacts[1]["error"]["code"]), (&json!("failed"), &json!("c")));
    check_members(&snapshot["messages"][0], MESSAGE);
    assert_eq!((&snapshot["messages"][0]["content"], &snapshot["messages"][0]["final"]), (&json!("Hey"), &json!(true)));
    for event in api.log("r").await {
        check_members(&event, "seq stream run type time id data");
        let time = event["time"].as_str().unwrap();
        assert!(time.len() == "2026-11-20T02:17:10.123Z".len() && time.ends_with('Z'), "{time}");
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    let server = Server::start().await;
    let api = server.api();
    for number in 0..5 {
        let kind = if number % 2 == 0 { "even" } else { "odd" };
        api.running(&format!("r{number}"), kind).await;
    }
    api.running_child("c1", "r0").await;
    api.running_child("c2", "r0").await;
    api.publish("r1", json!({"type": "run.completed"})).await;
    let cases = [
        ("", vec!["r4", "r3", "r2", "r1", "r0"]),
        ("?kind=even", vec!["r4", "r2", "r0"]),
        ("?state=completed", vec!["r1"]),
        ("?kind=odd&state=running", vec!["r3"]),
        ("?parent=r0", vec!["c2", "c1"]),
        ("?kind=none", vec![]),
    ];
    for (query, expect_ids) in cases {
        let page = expect(api.get(&format!("/runs{query}")).await, 200).await;
        let ids: Vec<&str> = page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
        assert_eq!((ids, &page["next_page"]), (expect_ids, &Value::Null), "{query}");
        page["runs"].as_array().unwrap().iter().for_each(|run| check_members(run, RUN));
    }
    let (mut seen, mut page) = (Vec::new(), String::new());
    loop {
        let answer = expect(api.get(&format!("/runs?limit=2{page}")).await, 200).await;
        seen.extend(answer["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()));
        let Some(next) = answer["next_page"].as_str() else { break };
        page = format!("&page={next}");
    }
    assert_eq!(seen, ["r4", "r3", "r2", "r1", "r0"]);
}

#[tokio::test]
async fn an_id_is_taken_once_and_a_batch_as_a_whole() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    api.running_child("c", "r").await;
    let first = api.publish("r", json!([{"id": "a", "type": "x.a"}, {"id": "b", "type": "x.b", "run": "c"}])).await;
    assert_eq!(first, json!({"stream": "r", "seq": 6, "events": [{"id": "a", "seq": 5}, {"id": "b", "seq": 6}]}));
    let again =
        api.publish("c", json!([{"id": "b", "type": "x.b"}, {"type": "x.new"}, {"id": "a", "type": "x.other"}])).await;
    let told: Vec<Value> =
        again["events"].as_array().unwrap().iter().map(|event| json!([event["seq"], event["duplicate"]])).collect();
    assert_eq!(told, [json!([6, true]), json!([7, null]), json!([5, true])]);
    let twice = api.publish("r", json!([{"id": "d", "type": "x.d"}, {"id": "d", "type": "x.d"}])).await;
    assert_eq!(twice["events"], json!([{"id": "d", "seq": 8}, {"id": "d", "seq": 8, "duplicate": true}]));
    let half = json!([{"type": "x.a"}, {"type": "run.resumed"}]);
    expect_problem(api.post("/runs/r/events", half).await, 409, "illegal_transition").await;
    api.publish("r", json!({"id": "end", "type": "run.completed"})).await;
    let end = api.publish("r", json!({"id": "end", "type": "run.completed"})).await;
    assert_eq!(end["events"][0]["duplicate"], true, "an end may be repeated, too");
    let expect = [
        "1 run.created r",
        "2 run.started r",
        "3 run.created c",
        "4 run.started c",
        "5 x.a r",
        "6 x.b c",
        "7 x.new c",
        "8 x.d r",
        "9 run.cancelled c",
        "10 run.completed r",
    ];
    assert_eq!(in_short(&api.log("r").await), expect);
}

#[tokio::test]
async fn who_writes_at_a_cursor_writes_there_or_not_at_all() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let cursor = api.cursor("r").await;
    let epoch = cursor.split('-').next().unwrap();
    let cases = [
        (format!("\"{cursor}\""), 200),
        (cursor.clone(), 412),
        (format!("{epoch}-3"), 200),
        (format!("W/\"{epoch}-4\""), 200),
        ("5".to_owned(), 200),
        ("0-6".to_owned(), 412),
        ("99".to_owned(), 412),
        ("*".to_owned(), 200),
        ("\"none\"".to_owned(), 400),
    ];
    for (if_match, status) in cases {
        let headers = [("if-match", if_match.as_str()), ("content-type", "application/json")];
        let answer = api.send(Method::POST, "/runs/r/events", &headers, r#"{"type":"x.a"}"#).await;
        match status {
            200 => drop(expect(answer, 200).await),
            412 => drop(expect_problem(answer, 412, "head_moved").await),
            _ => drop(expect_problem(answer, 400, "invalid_header").await),
        }
    }
    assert_eq!(api.snapshot("r").await["seq"], 7);
}

#[tokio::test]
async fn events_come_in_every_form() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    api.running_child("c", "r").await;
    let ce = r#""specversion":"1.0","source":"/test""#;
    let cases: [(&[(&str, &str)], String, &[&str]); 9] = [
        (&[("content-type", "application/json")], r#"{"id":"1","type":"x.a"}"#.into(), &["1 x.a r"]),
        (&[], r#" [{"id":"2","type":"x.a","run":"c","data":{"n":1}}]"#.into(), &["2 x.a c"]),
        (
            &[("content-type", "application/x-ndjson")],
            "{\"id\":\"3\",\"type\":\"x.a\"}\n\n{\"id\":\"4\",\"type\":\"x.b\"}".into(),
            &["3 x.a r", "4 x.b r"],
        ),
        (
            &[("content-type", "application/x-ndjson; charset=utf-8")],
            "{\"id\":\"5\",\"type\":\"x.a\"}\r\n".into(),
            &["5 x.a r"],
        ),
        (
            &[("content-type", "application/cloudevents+json")],
            format!(r#"{{{ce},"id":"6","type":"x.a","subject":"c"}}"#),
            &["6 x.a c"],
        ),
        (
            &[("content-type", "application/cloudevents-batch+json; charset=utf-8")],
            format!(
                r#"[{{{ce},"id":"7","type":"run.progressed","data":{{"current":1}}}},{{{ce},"id":"8","type":"x.b"}}]"#
            ),
            &["7 run.progressed r", "8 x.b r"],
        ),
        (
            &[
                ("ce-specversion", "1.0"),
                ("ce-id", "9"),
                ("ce-source", "/test"),
                ("ce-type", "x.a"),
                ("ce-subject", "c"),
                ("content-type", "application/json"),
            ],
            r#"{"n":1}"#.into(),
            &["9 x.a c"],
        ),
        (
            &[("ce-specversion", "1.0"), ("ce-id", "10"), ("ce-source", "/test"), ("ce-type", "x.a")],
            String::new(),
            &["10 x.a r"],
        ),
        (
            &[("content-type", "application/cloudevents+json")],
            format!(r#"{{{ce},"id":"11","type":"com.example.thing"}}"#),
            &["11 x.com.example.thing r"],
        ),
    ];
    for (headers, body, expect_events) in cases {
        let head = api.cursor("r").await;
        let taken = expect(api.send(Method::POST, "/runs/r/events", headers, body.clone()).await, 200).await;
        let again = expect(api.send(Method::POST, "/runs/r/events", headers, body.clone()).await, 200).await;
        assert!(again["events"].as_array().unwrap().iter().all(|event| event["duplicate"] == true), "{body}");
        assert_eq!(taken["events"].as_array().unwrap().len(), expect_events.len());
        let page = expect(api.get(&format!("/runs/r/events?after={head}")).await, 200).await;
        let text = |event: &Value, member: &str| event[member].as_str().unwrap().to_owned();
        let events = page["events"].as_array().unwrap();
        let found: Vec<_> =
            events.iter().map(|event| ["id", "type", "run"].map(|member| text(event, member)).join(" ")).collect();
        assert_eq!(found, expect_events, "{headers:?} {body}");
    }
}

#[tokio::test]
async fn the_log_is_read_page_by_page() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    api.running_child("c", "r").await;
    for number in 0..6 {
        api.publish(["r", "c"][number % 2], json!({"type": "x.a"})).await;
    }
    for (run, expect_sequences) in [("r", (1..=10).collect::<Vec<u64>>()), ("c", vec![3, 4, 6, 8, 10])] {
        let (mut after, mut found) = ("0".to_owned(), Vec::new());
        loop {
            let page = expect(api.get(&format!("/runs/{run}/events?after={after}&limit=3")).await, 200).await;
            found.extend(page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()));
            after = page["next"].as_str().unwrap().to_owned();
            if page["next"] == page["head"] {
                break;
            }
        }
        assert_eq!(found, expect_sequences, "{run}: the cursor moves over what is not for it");
        assert_eq!(after, api.cursor("r").await);
    }
}

/// The contract's rule 6, as a viewer sees it.
#[tokio::test]
async fn fractions_add_up_and_never_fall() {
    let server = Server::start().await;
    let api = server.api();
    let body = json!({"id": "r", "kind": "job", "state": "running", "expected_children": 3});
    expect(api.post("/runs", body).await, 201).await;
    let progress = |run: &str, current: u64, total: Value| json!({"type": "run.progressed", "run": run, "data": {"current": current, "total": total}});
    let child = |id: &str, weight: u64| json!({"type": "run.created", "run": id, "data": {"kind": "part", "parent": "r", "weight": weight}});
    let steps: [(Value, f64); 12] = [
        (child("a", 2), 0.0),
        (json!({"type": "run.started", "run": "a"}), 0.0),
        (progress("a", 1, json!(2)), 0.25), // 1 of 2 + 1 + 1
        (child("b", 1), 0.25),
        (json!({"type": "run.failed", "run": "b"}), 0.5), // over is over
        (progress("a", 0, json!(2)), 0.5),                // nothing falls
        (progress("r", 3, json!(4)), 0.75),               // the root's own word is further
        (progress("r", 1, json!(4)), 0.75),
        (progress("r", 1, Value::Null), 0.75), // indeterminate
        (json!({"type": "run.completed", "run": "a"}), 0.75),
        (child("c", 1), 0.75),
        (json!({"type": "run.completed"}), 1.0),
    ];
    for (step, expect) in steps {
        api.publish("r", step.clone()).await;
        let snapshot = api.snapshot("r").await;
        assert_eq!(snapshot["progress"]["fraction"], json!(expect), "after {step}");
        assert_eq!(snapshot["progress"], snapshot["runs"][0]["progress"]);
    }
    let runs = &api.snapshot("r").await["runs"];
    assert_eq!((&runs[1]["progress"]["fraction"], &runs[3]["state"]), (&json!(1.0), &json!("cancelled")));
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let server = Server::start().await;
    let (one, two) = (Api::new(&server.url(""), "one"), Api::new(&server.url(""), "two"));
    one.running("r", "job").await;
    expect_problem(two.get("/runs/r").await, 404, "run_not_found").await;
    two.running("r", "other").await;
    assert_eq!(two.snapshot("r").await["project"], "two");
    assert_eq!(expect(one.get("/runs").await, 200).await["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_its_cursors_are_stale() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    api.running_child("c", "r").await;
    let delete = |path: &'static str| api.send(Method::DELETE, path, &[], "");
    expect_problem(delete("/runs/r").await, 409, "run_not_terminal").await;
    api.publish("r", json!([{"type": "x.a"}, {"type": "run.completed"}])).await;
    let cursor = api.cursor("r").await;
    let refused = delete("/runs/c").await.status().as_u16();
    assert!((400..500).contains(&refused), "a child is not deleted by itself: {refused}");
    assert_eq!(delete("/runs/r").await.status(), 204);
    for path in ["/runs/r", "/runs/c", "/runs/r/events"] {
        expect_problem(api.get(path).await, 404, "run_not_found").await;
    }
    expect_problem(delete("/runs/r").await, 404, "run_not_found").await;
    assert_eq!(api.running("r", "another").await["seq"], 2);
    let mut viewer = api.resume("r", &cursor).await;
    let reset: Vec<_> = viewer.until("caught_up").await.iter().map(|frame| frame.in_short()).collect();
    assert_eq!(reset, ["reset:epoch", "snapshot@2", "caught_up@2"]);
}
