//! Every refusal is a problem with a code of the catalogue, and changes nothing.

use milepost_tests::Server;
use milepost_tests::api::{expect, expect_problem, header};
use reqwest::Method;
use serde_json::json;

const EVENTS: &str = "/runs/r/events";
const SSE: (&str, &str) = ("accept", "text/event-stream");

/// Bodies that are no events, with what is said about them.
fn bad_events() -> Vec<(String, u16, &'static str)> {
    let mut cases = vec![
        ("", 400, "malformed_json"),
        ("{", 400, "malformed_json"),
        ("[{\"type\":\"x.a\"},", 400, "malformed_json"),
        ("{\"type\":\"x.a\"} {\"type\":\"x.b\"}", 400, "malformed_json"),
        ("[]", 422, "invalid_request"),
        ("{}", 422, "invalid_request"),
        ("null", 422, "invalid_request"),
        ("7", 422, "invalid_request"),
        ("\"x.a\"", 422, "invalid_request"),
        ("[7]", 422, "invalid_request"),
        ("[[null,\"x.a\"]]", 422, "invalid_request"),
        (r#"{"type":"x.a","more":1}"#, 422, "invalid_request"),
        (r#"{"type":"x.a","type":"x.b"}"#, 422, "invalid_request"),
        (r#"{"type":7}"#, 422, "invalid_request"),
        (r#"{"type":"x.a","time":"yesterday"}"#, 422, "invalid_request"),
        (r#"{"type":"x.a","id":7}"#, 422, "invalid_request"),
        (r#"{"type":"x.a","id":""}"#, 422, "invalid_id"),
        (r#"{"type":"x.a","id":"a b"}"#, 422, "invalid_id"),
        (r#"{"type":"x.a","id":"ü"}"#, 422, "invalid_id"),
        (r#"{"type":"x.a","run":"a/b"}"#, 422, "invalid_id"),
        (r#"{"type":"x.a","run":"none"}"#, 404, "run_not_found"),
        (r#"{"type":"x.a","run":"other"}"#, 404, "run_not_found"),
        (r#"{"type":"x."}"#, 422, "unknown_event_type"),
        (r#"{"type":"run.exploded"}"#, 422, "unknown_event_type"),
        (r#"{"type":"RUN.STARTED"}"#, 422, "unknown_event_type"),
        (r#"{"type":"run.stalled"}"#, 422, "event_type_reserved"),
        (r#"{"type":"run.cancel_requested"}"#, 422, "event_type_reserved"),
        (r#"{"type":"run.progressed","data":{"current":"1"}}"#, 422, "invalid_event"),
        (r#"{"type":"run.progressed","data":{"current":-1}}"#, 422, "invalid_event"),
        (r#"{"type":"run.progressed","data":{"fraction":0.5}}"#, 422, "invalid_event"),
        (r#"{"type":"run.progressed","data":{"percent":1}}"#, 422, "invalid_event"),
        (r#"{"type":"run.progressed","data":["Stage"]}"#, 422, "invalid_event"),
        (r#"{"type":"run.failed","data":{"error":"broken"}}"#, 422, "invalid_event"),
        (r#"{"type":"artifact.pending"}"#, 422, "invalid_event"),
        (r#"{"type":"artifact.appended","data":{"artifact":"a"}}"#, 422, "invalid_event"),
        (r#"{"type":"artifact.ready","data":{"artifact":"a b"}}"#, 422, "invalid_event"),
        (r#"{"type":"state.updated","data":{"key":"k"}}"#, 422, "invalid_event"),
        (
            r#"{"type":"state.updated","data":{"key":"k","patch":[{"op":"remove","path":"/none"}]}}"#,
            422,
            "patch_failed",
        ),
        (r#"{"type":"run.started"}"#, 409, "illegal_transition"),
        (r#"{"type":"run.resumed"}"#, 409, "illegal_transition"),
        (r#"{"type":"run.audited"}"#, 409, "illegal_transition"),
        (r#"{"type":"run.progressed","run":"queued"}"#, 409, "illegal_transition"),
        (r#"{"type":"run.completed","run":"queued"}"#, 409, "illegal_transition"),
        (r#"{"type":"x.a","run":"over"}"#, 409, "run_terminal"),
        (r#"{"type":"run.created","run":"second","data":{"kind":"job"}}"#, 409, "run_exists"),
        (r#"[{"type":"x.a"},{"type":"run.waiting"},{"type":"run.waiting"}]"#, 409, "illegal_transition"),
        (r#"[{"type":"x.a"},{"type":"x.b","id":"a b"}]"#, 422, "invalid_id"),
    ]
    .into_iter()
    .map(|(body, status, code)| (body.to_owned(), status, code))
    .collect::<Vec<_>>();
    let (wide, deep) = ("x".repeat(300 << 10), format!("{}{}", "[".repeat(60), "]".repeat(60)));
    cases.push((format!(r#"{{"type":"x.a","data":"{wide}"}}"#), 422, "limit_exceeded"));
    cases.push((format!(r#"{{"type":"x.a","data":{deep}}}"#), 422, "limit_exceeded"));
    cases.push((format!(r#"{{"type":"x.a","id":"{}"}}"#, "i".repeat(129)), 422, "invalid_id"));
    cases.push((format!("[{}]", vec![r#"{"type":"x.a"}"#; 5_001].join(",")), 422, "limit_exceeded"));
    cases.push((format!(r#"{{"type":"x.a","data":"{}"}}"#, "x".repeat(5 << 20)), 413, "body_too_large"));
    cases
}

#[tokio::test]
async fn bad_events_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let api = server.api();
    api.running("other", "job").await;
    api.running("r", "job").await;
    for (child, then) in [("queued", None), ("over", Some("run.failed"))] {
        expect(api.post("/runs", json!({"id": child, "kind": "part", "parent": "r"})).await, 201).await;
        if let Some(then) = then {
            api.publish(child, json!({"type": then})).await;
        }
    }
    let before = api.log("r").await;
    for (body, status, code) in bad_events() {
        let words: String = body.chars().take(100).collect();
        let answer = api.send(Method::POST, EVENTS, &[("content-type", "application/json")], body).await;
        assert_eq!((answer.status().as_u16(), words.as_str()), (status, words.as_str()));
        let problem = expect_problem(answer, status, code).await;
        assert!(
            problem["title"].is_string() && problem["type"].is_string() && problem["detail"].is_string(),
            "{words}"
        );
    }
    for (media_type, body, status, code) in [
        ("text/plain", r#"{"type":"x.a"}"#, 415, "unsupported_media_type"),
        ("application/xml", "<a/>", 415, "unsupported_media_type"),
        ("application/x-ndjson", "", 422, "invalid_request"),
        ("application/x-ndjson", "{\"type\":\"x.a\"}\nnonsense", 400, "malformed_json"),
        (
            "application/cloudevents+json",
            r#"{"specversion":"0.3","id":"1","source":"/","type":"x.a"}"#,
            422,
            "invalid_request",
        ),
        ("application/cloudevents+json", r#"{"specversion":"1.0","id":"1","type":"x.a"}"#, 422, "invalid_request"),
        ("application/cloudevents-batch+json", "[]", 422, "invalid_request"),
    ] {
        let answer = api.send(Method::POST, EVENTS, &[("content-type", media_type)], body).await;
        expect_problem(answer, status, code).await;
    }
    let not_utf8 = api.send(Method::POST, EVENTS, &[], b"{\"type\":\"x.\xff\"}".to_vec()).await;
    expect_problem(not_utf8, 400, "malformed_json").await;
    assert_eq!(api.log("r").await, before);
}

#[tokio::test]
async fn bad_requests_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let long = "a".repeat(129);
    let cases: &[(Method, &str, &str, u16, &str)] = &[
        (Method::POST, "/runs", "{", 400, "malformed_json"),
        (Method::POST, "/runs", "{}", 422, "invalid_request"),
        (Method::POST, "/runs", r#"["id","kind"]"#, 422, "invalid_request"),
        (Method::POST, "/runs", r#"{"kind":"job","nmae":"x"}"#, 422, "invalid_request"),
        (Method::POST, "/runs", r#"{"kind":7}"#, 422, "invalid_request"),
        (Method::POST, "/runs", r#"{"kind":"job","state":"completed"}"#, 422, "invalid_request"),
        (Method::POST, "/runs", r#"{"kind":"job","weight":"1"}"#, 422, "invalid_request"),
        (Method::POST, "/runs", r#"{"kind":"job","weight":-1}"#, 422, "invalid_event"),
        (Method::POST, "/runs", r#"{"kind":"job","lease_seconds":0}"#, 422, "invalid_event"),
        (Method::POST, "/runs", r#"{"kind":"job","metadata":"text"}"#, 422, "invalid_event"),
        (Method::POST, "/runs", r#"{"kind":"a b"}"#, 422, "invalid_id"),
        (Method::POST, "/runs", r#"{"kind":"job","id":""}"#, 422, "invalid_id"),
        (Method::POST, "/runs", r#"{"kind":"job","id":".."}"#, 422, "invalid_id"),
        (Method::POST, "/runs", r#"{"kind":"job","parent":"none"}"#, 404, "run_not_found"),
        (Method::GET, "/runs?state=odd", "", 400, "invalid_query"),
        (Method::GET, "/runs?limit=0", "", 400, "invalid_query"),
        (Method::GET, "/runs?limit=many", "", 400, "invalid_query"),
        (Method::GET, "/runs?page=nonsense", "", 400, "invalid_query"),
        (Method::GET, "/runs/none", "", 404, "run_not_found"),
        (Method::GET, "/runs/a%20b", "", 422, "invalid_id"),
        (Method::GET, "/runs/a%2Fb", "", 422, "invalid_id"),
        (Method::GET, "/runs/%ff", "", 422, "invalid_id"),
        (Method::GET, &format!("/runs/{long}"), "", 422, "invalid_id"),
        (Method::GET, "/runs/r?wait=61", "", 400, "invalid_query"),
        (Method::GET, "/runs/none/events", "", 404, "run_not_found"),
        (Method::GET, "/runs/r/events?after=x", "", 400, "invalid_cursor"),
        (Method::GET, "/runs/r/events?after=-1", "", 400, "invalid_cursor"),
        (Method::GET, "/runs/r/events?after=1-", "", 400, "invalid_cursor"),
        (Method::GET, "/runs/r/events?from=end", "", 400, "invalid_query"),
        (Method::GET, "/runs/r/events?limit=1001", "", 400, "invalid_query"),
        (Method::GET, "/runs/r/events?types=nonsense", "", 400, "invalid_query"),
        (Method::GET, "/runs/none/control", "", 404, "run_not_found"),
        (Method::POST, "/runs/none/cancel", "", 404, "run_not_found"),
        (Method::POST, "/runs/r/cancel", "[]", 422, "invalid_request"),
        (Method::POST, "/runs/r/cancel", r#"{"grace_seconds":-1}"#, 422, "invalid_request"),
        (Method::POST, "/runs/r/cancel", r#"{"grace":1}"#, 422, "invalid_request"),
        (Method::POST, "/claims", "{}", 422, "invalid_request"),
        (Method::POST, "/claims", r#"[["job"],1]"#, 422, "invalid_request"),
        (Method::POST, "/claims", r#"{"kinds":[],"lease_seconds":1}"#, 422, "invalid_request"),
        (Method::POST, "/claims", r#"{"kinds":["job"],"lease_seconds":0}"#, 422, "invalid_request"),
        (Method::POST, "/claims", r#"{"kinds":["a b"],"lease_seconds":1}"#, 422, "invalid_id"),
        (Method::PUT, "/runs/none/artifacts/a", "bytes", 404, "run_not_found"),
        (Method::PUT, "/runs/r/artifacts/a%20b", "bytes", 422, "invalid_id"),
        (Method::GET, "/runs/r/artifacts/none", "", 404, "artifact_not_found"),
        (Method::DELETE, "/runs/r", "", 409, "run_not_terminal"),
        (Method::PATCH, "/runs", "", 405, "method_not_allowed"),
        (Method::DELETE, "/runs/r/events", "", 405, "method_not_allowed"),
        (Method::POST, "/runs/r", "", 405, "method_not_allowed"),
        (Method::GET, "/nothing", "", 404, "not_found"),
        (Method::GET, "/runs/r/nothing", "", 404, "not_found"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = api.send(method.clone(), path, &[], body.to_string()).await;
        println!("{method} {path} {body}: {}", answer.status());
        assert!(*status != 405 || !header(&answer, "allow").is_empty(), "what is allowed");
        expect_problem(answer, *status, code).await;
    }
    for (headers, path) in
        [([SSE, ("last-event-id", "x")], EVENTS), ([SSE, ("last-event-id", "")], "/runs/r/events?after=x")]
    {
        expect_problem(api.send(Method::GET, path, &headers, "").await, 400, "invalid_cursor").await;
    }
    expect_problem(api.send(Method::GET, "/runs/none/events", &[SSE], "").await, 404, "run_not_found").await;
    assert_eq!(expect(api.get("/runs").await, 200).await["runs"].as_array().unwrap().len(), 1);
    assert_eq!(api.snapshot("r").await["seq"], 2);
    for path in ["/nothing", "/v1/ws", "/v1/projects/a%20b/runs", "/v1/projects//runs", "/api/v1/ingest/none"] {
        let answer = api.client().get(server.url(path)).send().await.unwrap();
        assert_eq!(header(&answer, "content-type"), "application/problem+json", "{path}");
    }
}

/// A page somewhere on the web must not act in the name of who looks at it.
#[tokio::test]
async fn foreign_pages_may_not_write() {
    let server = Server::start_with(&["--cors-origin", "http://app.example"], &[]).await;
    let api = server.api();
    let own = server.url("");
    for (origin, status) in
        [("http://evil.example", 403), ("null", 403), (own.as_str(), 201), ("http://app.example", 201)]
    {
        let answer = api.send(Method::POST, "/runs", &[("origin", origin)], r#"{"kind":"job"}"#).await;
        assert_eq!(answer.status(), status, "{origin}");
        let allowed = header(&answer, "access-control-allow-origin");
        assert_eq!(allowed == origin, origin == "http://app.example", "{origin}: {allowed:?}");
    }
}
