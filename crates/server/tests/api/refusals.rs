//! What is refused: with which code, and that nothing was changed by it.

use reqwest::Method;
use serde_json::json;

use crate::support::{Milepost, problem};

struct Case {
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    code: &'static str,
}

const fn case(method: &'static str, path: &'static str, body: &'static str, code: &'static str) -> Case {
    Case { method, path, headers: &[], body, code }
}

const fn with(
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    code: &'static str,
) -> Case {
    Case { method, path, headers, body, code }
}

const EVENTS: &str = "/runs/c1/events";

const CASES: &[Case] = &[
    // Addresses
    case("GET", "/nowhere", "", "not_found"),
    case("GET", "/v1/projects/p", "", "not_found"),
    case("GET", "/v1/projects/p/runs/", "", "not_found"),
    case("PATCH", "/runs/c1", "", "method_not_allowed"),
    case("DELETE", EVENTS, "", "method_not_allowed"),
    case("POST", "/healthz", "", "method_not_allowed"),
    case("GET", "/v1/projects/a%20b/runs", "", "invalid_id"),
    case("GET", "/runs/a%2Fb", "", "invalid_id"),
    case("GET", "/runs/%ff", "", "invalid_id"),
    case("GET", "/v1/ws", "", "invalid_header"),
    // Creating
    case("POST", "/runs", "", "malformed_json"),
    case("POST", "/runs", "{", "malformed_json"),
    case("POST", "/runs", "[]", "invalid_request"),
    with("POST", "/runs", &[("milepost-lease", "nonsense")], r#"{"kind":"work","parent":"c1"}"#, "lease_lost"),
    case("POST", "/runs", "{}", "invalid_request"),
    case("POST", "/runs", r#"{"kind":"work","colour":1}"#, "invalid_request"),
    case("POST", "/runs", r#"{"kind":"a b"}"#, "invalid_id"),
    case("POST", "/runs", r#"{"kind":"work","id":""}"#, "invalid_id"),
    case("POST", "/runs", r#"{"kind":"work","state":"failed"}"#, "invalid_request"),
    case("POST", "/runs", r#"{"kind":"work","parent":"nobody"}"#, "run_not_found"),
    case("POST", "/runs", r#"{"kind":"work","parent":"done"}"#, "run_terminal"),
    case("POST", "/runs", r#"{"kind":"work","weight":-1}"#, "invalid_event"),
    case("POST", "/runs", r#"{"kind":"work","lease_seconds":0}"#, "invalid_event"),
    case("POST", "/runs", r#"{"id":"c1","kind":"other"}"#, "run_exists"),
    // Listing and looking
    case("GET", "/runs?limit=0", "", "invalid_query"),
    case("GET", "/runs?limit=501", "", "invalid_query"),
    case("GET", "/runs?limit=many", "", "invalid_query"),
    case("GET", "/runs?state=over", "", "invalid_query"),
    case("GET", "/runs?kind=a%20b", "", "invalid_query"),
    case("GET", "/runs?page=2", "", "invalid_query"),
    case("GET", "/runs?page=affffffffffffffff", "", "invalid_query"),
    case("GET", "/runs/nobody", "", "run_not_found"),
    case("GET", "/runs/c1?wait=61", "", "invalid_query"),
    case("GET", "/runs/c1?wait=-1", "", "invalid_query"),
    // Publishing
    case("POST", EVENTS, "", "malformed_json"),
    case("POST", EVENTS, "[]", "invalid_request"),
    case("POST", EVENTS, r#"{"type":"run.exploded"}"#, "unknown_event_type"),
    case("POST", EVENTS, r#"{"type":"run.stalled"}"#, "event_type_reserved"),
    case("POST", EVENTS, r#"{"type":"run.progressed","data":{"speed":1}}"#, "invalid_event"),
    case("POST", EVENTS, r#"{"type":"run.progressed","data":{"current":-1}}"#, "invalid_event"),
    case("POST", EVENTS, r#"{"type":"x.a","id":"a/b"}"#, "invalid_id"),
    case("POST", EVENTS, r#"{"type":"x.a","run":"nobody"}"#, "run_not_found"),
    case("POST", EVENTS, r#"{"type":"x.a","run":"done"}"#, "run_not_found"),
    case("POST", EVENTS, r#"[{"type":"x.a"},{"type":"run.resumed"}]"#, "illegal_transition"),
    case("POST", EVENTS, r#"[{"type":"x.a"},{"type":"run.exploded"}]"#, "unknown_event_type"),
    case("POST", "/runs/done/events", r#"{"type":"x.a"}"#, "run_terminal"),
    case("POST", "/runs/stopping/events", r#"{"type":"x.a"}"#, "run_cancelling"),
    case("POST", "/runs/nobody/events", r#"{"type":"x.a"}"#, "run_not_found"),
    with("POST", EVENTS, &[("content-type", "text/plain")], "{}", "unsupported_media_type"),
    with("POST", EVENTS, &[("content-encoding", "gzip")], r#"{"type":"x.a"}"#, "unsupported_media_type"),
    with("POST", EVENTS, &[("if-match", "x-1")], r#"{"type":"x.a"}"#, "invalid_header"),
    with("POST", EVENTS, &[("if-match", "1")], r#"{"type":"x.a"}"#, "head_moved"),
    with("POST", EVENTS, &[("milepost-lease", "nonsense")], r#"{"type":"x.a"}"#, "lease_lost"),
    with("POST", EVENTS, &[("content-type", "application/cloudevents+json")], "{}", "invalid_request"),
    with("POST", EVENTS, &[("ce-specversion", "1.0")], "{}", "invalid_header"),
    // Reading
    case("GET", "/runs/nobody/events", "", "run_not_found"),
    case("GET", "/runs/c1/events?after=x", "", "invalid_cursor"),
    case("GET", "/runs/c1/events?after=1&from=start", "", "invalid_query"),
    case("GET", "/runs/c1/events?from=end", "", "invalid_query"),
    case("GET", "/runs/c1/events?limit=1001", "", "invalid_query"),
    case("GET", "/runs/c1/events?types=run.exploded", "", "invalid_query"),
    case("GET", "/runs/c1/events?wait=61", "", "invalid_query"),
    with("GET", EVENTS, &[("accept", "text/event-stream"), ("last-event-id", "x")], "", "invalid_cursor"),
    with("GET", "/runs/nobody/events", &[("accept", "text/event-stream")], "", "run_not_found"),
    with("GET", "/runs/c1/events?coalesce_ms=60001", &[("accept", "text/event-stream")], "", "invalid_query"),
    with("GET", "/runs/c1/events?after=x", &[("accept", "application/x-ndjson")], "", "invalid_cursor"),
    // Workers
    case("POST", "/runs/done/cancel", "", "run_terminal"),
    case("POST", "/runs/nobody/cancel", "", "run_not_found"),
    case("POST", "/runs/c1/cancel", r#"{"grace_seconds":-1}"#, "invalid_request"),
    case("POST", "/runs/c1/cancel", r#"{"grace_seconds":604801}"#, "limit_exceeded"),
    case("POST", "/runs/c1/cancel", r#"{"why":"no"}"#, "invalid_request"),
    case("POST", "/runs/done/heartbeat", "", "run_terminal"),
    case("POST", "/runs/nobody/heartbeat", "", "run_not_found"),
    with("POST", "/runs/c1/heartbeat", &[("milepost-lease", "nonsense")], "", "lease_lost"),
    case("GET", "/runs/nobody/control", "", "run_not_found"),
    case("GET", "/runs/c1/control?wait=forever", "", "invalid_query"),
    case("POST", "/claims", "", "malformed_json"),
    case("POST", "/claims", r#"{"kinds":["work"]}"#, "invalid_request"),
    case("POST", "/claims", r#"{"kinds":[],"lease_seconds":1}"#, "invalid_request"),
    case("POST", "/claims", r#"{"kinds":["work"],"lease_seconds":0}"#, "invalid_request"),
    case("POST", "/claims", r#"{"kinds":["work"],"lease_seconds":1,"wait":61}"#, "invalid_query"),
    // Artifacts
    case("GET", "/runs/c1/artifacts/none", "", "artifact_not_found"),
    case("GET", "/runs/c1/artifacts/told", "", "artifact_not_found"),
    case("GET", "/runs/nobody/artifacts/a", "", "run_not_found"),
    case("PUT", "/runs/nobody/artifacts/a", "bytes", "run_not_found"),
    case("PUT", "/runs/done/artifacts/a", "bytes", "run_terminal"),
    case("PUT", "/runs/stopping/artifacts/a", "bytes", "run_cancelling"),
    case("PUT", "/runs/c1/artifacts/elsewhere", "bytes", "artifact_exists"),
    with("PUT", "/runs/c1/artifacts/b", &[("content-type", "nonsense")], "bytes", "invalid_header"),
    with("PUT", "/runs/c1/artifacts/b", &[("content-encoding", "gzip")], "bytes", "unsupported_media_type"),
    with("PUT", "/runs/c1/artifacts/b", &[("content-range", "bytes 0-4/9")], "bytes", "invalid_header"),
    with("PUT", "/runs/c1/artifacts/b", &[("milepost-lease", "nonsense")], "bytes", "lease_lost"),
    case("PUT", "/runs/c1/artifacts/a%20b", "bytes", "invalid_id"),
    // Deleting
    case("DELETE", "/runs/c1", "", "run_not_terminal"),
    case("DELETE", "/runs/nobody", "", "run_not_found"),
    // Pages of other origins
    with("POST", EVENTS, &[("origin", "https://evil.example")], r#"{"type":"x.a"}"#, "forbidden"),
    with("POST", EVENTS, &[("origin", "null")], r#"{"type":"x.a"}"#, "forbidden"),
    with("GET", "/v1/ws", &[("origin", "https://evil.example"), ("upgrade", "websocket")], "", "forbidden"),
];

#[tokio::test]
async fn refusals_have_codes_and_no_effect() {
    let milepost = Milepost::start().await;
    for run in ["c1", "done", "stopping"] {
        milepost.run(run).await;
    }
    milepost
        .publish(
            "c1",
            json!([{"type": "artifact.pending", "data": {"artifact": "told"}},
        {"type": "artifact.ready", "data": {"artifact": "elsewhere", "url": "https://example.com/a"}}]),
        )
        .await;
    milepost.publish("done", json!({"type": "run.completed"})).await;
    let cancel = milepost.post("/runs/stopping/cancel", &json!({"reason": "enough", "grace_seconds": 600}));
    crate::support::json(cancel, 202).await;
    let seqs = async || {
        let mut seqs = Vec::new();
        for run in ["c1", "done", "stopping"] {
            seqs.push(milepost.snapshot(run).await["seq"].as_u64().unwrap());
        }
        seqs
    };
    let before = seqs().await;
    for Case { method, path, headers, body, code } in CASES {
        let mut request = milepost.request(Method::from_bytes(method.as_bytes()).unwrap(), path).body(*body);
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        println!("{method} {path} {body}");
        problem(request, code).await;
    }
    assert_eq!(seqs().await, before);
}

#[tokio::test]
async fn a_refusal_says_what_a_program_needs() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let at = problem(milepost.post(EVENTS, &json!([{"type": "x.a"}, {"type": "nope"}])), "unknown_event_type").await;
    assert_eq!(at["index"], 1);

    let cancel = json!({"reason": "enough", "grace_seconds": 600});
    crate::support::json(milepost.post("/runs/c1/cancel", &cancel), 202).await;
    let stop = problem(milepost.post(EVENTS, &json!({"type": "x.a"})), "run_cancelling").await;
    assert_eq!((&stop["cancel"]["run"], &stop["cancel"]["reason"]), (&json!("c1"), &json!("enough")));
    assert!(stop["cancel"]["deadline"].is_string() && stop["cancel"]["requested_at"].is_string());

    let other = milepost.request(Method::PATCH, "/runs/c1").send().await.unwrap();
    let mut allowed: Vec<_> = crate::support::header(&other, "allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD"]);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let event = format!(r#"{{"type":"x.a","data":"{}"}}"#, "x".repeat(5 << 20));
    problem(milepost.request(Method::POST, EVENTS).body(event), "body_too_large").await;
    let event = format!(r#"{{"type":"x.a","data":"{}"}}"#, "x".repeat(300 << 10));
    problem(milepost.request(Method::POST, EVENTS).body(event), "limit_exceeded").await;
    let event = format!(r#"{{"type":"x.a","data":{}{}}}"#, "[".repeat(51), "]".repeat(51));
    problem(milepost.request(Method::POST, EVENTS).body(event), "limit_exceeded").await;
    let many: Vec<_> = (0..5_001).map(|_| json!({"type": "x.a"})).collect();
    problem(milepost.post(EVENTS, &json!(many)), "limit_exceeded").await;
    assert_eq!(milepost.snapshot("c1").await["seq"], 2);
}
