use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use milepost_core::decide::Author;
use milepost_core::{Epoch, Project, Record, Time, Tree};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(headers: &[(&str, &str)], body: &str) -> Result<Push, Rejected> {
    Push::parse(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value), body.as_bytes())
}

fn wrapped(data: &str) -> String {
    json!({"subscription": "projects/p/subscriptions/s", "message": {"data": data, "messageId": "4"}}).to_string()
}

#[test]
fn every_form_of_a_push_says_the_same() {
    // Text that has both of the characters in which the alphabets differ.
    let data = r#"{"campaign_id":"c","job_type":"text","progress":0.5,"message":"??>>~~ÿÿ"}"#;
    let expect = parse(&[("x-goog-pubsub-message-id", "4")], data).unwrap();
    assert_eq!((expect.message_id.as_deref(), expect.progress.progress), (Some("4"), Some(0.5)));
    assert!(STANDARD.encode(data).contains(['+', '/']));
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        assert_eq!(parse(&[("content-type", "text/plain")], &wrapped(&engine.encode(data))), Ok(expect.clone()));
    }
    let emulator = json!({"message": {"data": STANDARD.encode(data), "message_id": "4", "messageId": "4",
        "publish_time": "…", "attributes": {}}, "deliveryAttempt": 2});
    assert_eq!(parse(&[], &emulator.to_string()), Ok(expect.clone()));
    assert_eq!(parse(&[("ce-specversion", "1.0"), ("ce-id", "4")], data), Ok(expect.clone()));
    // Without metadata there is no id, and a `message` is a sentence.
    assert_eq!(parse(&[], data), Ok(Push { message_id: None, ..expect }));
}

#[test]
fn nonsense_is_refused() {
    let cases = [
        ("", Code::MalformedJson),
        ("[]", Code::InvalidRequest),
        ("{}", Code::InvalidRequest),
        (r#"{"campaign_id":"c","progress":0.5}"#, Code::InvalidRequest),
        (r#"{"job_type":"text","progress":0.5}"#, Code::InvalidRequest),
        (r#"{"campaign_id":"c","job_type":"text"}"#, Code::InvalidRequest),
        (r#"{"campaign_id":"c/d","job_type":"text","progress":0.5}"#, Code::InvalidId),
        (r#"{"campaign_id":"c","job_id":"","progress":0.5}"#, Code::InvalidId),
        (r#"{"campaign_id":"c","job_type":"text","progress":1.5}"#, Code::InvalidRequest),
        (r#"{"campaign_id":"c","job_type":"text","progress":-0.1}"#, Code::InvalidRequest),
        (r#"{"campaign_id":"c","job_type":"text","progress":"0.5"}"#, Code::InvalidRequest),
        (r#"{"campaign_id":"c","job_type":"text","status":"done"}"#, Code::InvalidRequest),
    ];
    for (data, code) in cases {
        assert_eq!(parse(&[("x-goog-pubsub-message-id", "1")], data).unwrap_err().code, code, "{data}");
        assert_eq!(parse(&[], &wrapped(&STANDARD.encode(data))).unwrap_err().code, code, "{data}");
    }
    for (body, code) in [
        ("nonsense".to_owned(), Code::MalformedJson),
        (r#"{"message":{}}"#.to_owned(), Code::InvalidRequest),
        (wrapped("not base64!"), Code::InvalidRequest),
    ] {
        assert_eq!(parse(&[], &body).unwrap_err().code, code, "{body}");
    }
}

/// A campaign with a job of kind `text`, and what has happened to it.
struct World(Tree);

impl World {
    fn new(story: &[(&str, &str, &str)]) -> Self {
        let mut tree = Tree::empty(Project::default_project(), "c".parse().unwrap(), Epoch(1));
        let begin = [
            ("c", "run.created", r#"{"kind":"campaign"}"#),
            ("c", "run.started", "{}"),
            ("c:text", "run.created", r#"{"kind":"text","parent":"c"}"#),
        ];
        for (run, event_type, data) in begin.iter().chain(story) {
            let author = if *event_type == "run.cancel_requested" { Author::Server } else { Author::Producer };
            let body = milepost_core::Body::parse(event_type.parse().unwrap(), Some(data)).unwrap();
            let draft = milepost_core::Draft { run: run.parse().unwrap(), id: None, time: None, body };
            let events = milepost_core::decide(&tree, author, draft, Time::from_millis(0)).unwrap();
            events.iter().for_each(|event| tree.evolve(event));
        }
        Self(tree)
    }

    /// What `data` makes of it: the types and the data of its events.
    fn told(&mut self, data: &Value) -> Result<Vec<String>, Code> {
        let push = parse(&[("x-goog-pubsub-message-id", "7")], &data.to_string()).unwrap();
        let snapshot = self.0.snapshot(Time::from_millis(0)).unwrap();
        let job = push.job(&snapshot).map_err(|error| error.code)?;
        let cancelling = self.0.cancelling(&job.id).is_some();
        let Action::Publish(drafts) = push.action(job, cancelling).map_err(|error| error.code)? else {
            return Ok(Vec::new());
        };
        let mut told = Vec::new();
        for draft in drafts {
            assert!(push.event_ids().contains(draft.id.as_ref().unwrap()));
            let events = milepost_core::decide(&self.0, Author::Producer, draft, Time::from_millis(0)).unwrap();
            events.iter().for_each(|event| self.0.evolve(event));
            told.extend(
                events.iter().map(Record::of).map(|event| format!("{} {}", event.event_type.as_str(), event.data)),
            );
        }
        Ok(told)
    }
}

const STARTED: (&str, &str, &str) = ("c:text", "run.started", "{}");
const COMPLETED: (&str, &str, &str) = ("c:text", "run.completed", "{}");

fn said(members: &Value) -> Value {
    let mut data = json!({"campaign_id": "c", "job_type": "text"});
    data.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    data
}

#[test]
fn messages_become_events() {
    let cancel = ("c", "run.cancel_requested", r#"{"deadline":"2026-01-01T00:00:00Z"}"#);
    let start = r#"run.started {"attempt":1}"#;
    let cases: &[(&[(&str, &str, &str)], Value, &[&str])] = &[
        (&[], json!({"status": "queued"}), &[]),
        (&[], json!({"status": "processing"}), &[start]),
        (&[], json!({"progress": 0.25}), &[start, r#"run.progressed {"current":0.25,"total":1}"#]),
        (
            &[STARTED],
            json!({"progress": 0, "message": "Writing"}),
            &[r#"run.progressed {"message":"Writing","current":0,"total":1}"#],
        ),
        (&[STARTED], json!({"content_id": 7}), &[r#"state.updated {"key":"content_id","value":"7"}"#]),
        (
            &[],
            json!({"status": "completed", "progress": 1, "content_id": "x", "result": {"a": 1}}),
            &[
                start,
                r#"state.updated {"key":"content_id","value":"x"}"#,
                r#"run.progressed {"current":1,"total":1}"#,
                r#"run.completed {"result":{"a":1}}"#,
            ],
        ),
        (
            &[],
            json!({"status": "failed"}),
            &[r#"run.failed {"error":{"code":"job_failed","message":"the job failed and did not say why"}}"#],
        ),
        (
            &[STARTED],
            json!({"status": "failed", "progress": 0.5, "message": "Out of ink"}),
            &[
                r#"run.progressed {"current":0.5,"total":1}"#,
                r#"run.failed {"error":{"code":"job_failed","message":"Out of ink"}}"#,
            ],
        ),
        (
            &[],
            json!({"status": "failed", "progress": 0.5}),
            &[
                start,
                r#"run.progressed {"current":0.5,"total":1}"#,
                r#"run.failed {"error":{"code":"job_failed","message":"the job failed and did not say why"}}"#,
            ],
        ),
        (
            &[],
            json!({"status": "failed", "progress": 0, "message": "Out of ink"}),
            &[r#"run.failed {"error":{"code":"job_failed","message":"Out of ink"}}"#],
        ),
        (&[], json!({"status": "cancelled"}), &[r#"run.cancelled {"acknowledged":true}"#]),
        (&[STARTED], json!({"result": [1]}), &[r#"state.updated {"key":"result","value":[1]}"#]),
        // Too late, or from before.
        (&[STARTED], json!({"status": "queued", "progress": 0.5}), &[]),
        (&[STARTED, COMPLETED], json!({"progress": 0.5}), &[]),
        (&[STARTED, COMPLETED], json!({"status": "processing"}), &[]),
        (&[STARTED, COMPLETED], json!({"status": "completed"}), &[]),
        (&[STARTED, cancel], json!({"progress": 0.5}), &[]),
        (
            &[STARTED, cancel],
            json!({"status": "completed", "progress": 1}),
            &[r#"run.cancelled {"acknowledged":true}"#],
        ),
    ];
    for (story, message, expect) in cases {
        assert_eq!(World::new(story).told(&said(message)).unwrap(), *expect, "{story:?} {message}");
    }
}

#[test]
fn what_can_never_be_applied_is_refused() {
    let mut over = World::new(&[STARTED, COMPLETED]);
    assert_eq!(over.told(&said(&json!({"status": "failed"}))), Err(Code::RunTerminal));
    assert_eq!(over.told(&said(&json!({"job_type": "image", "progress": 0}))), Err(Code::RunNotFound));
    assert_eq!(
        over.told(&said(&json!({"job_id": "c", "progress": 0}))),
        Err(Code::RunNotFound),
        "the campaign is no job"
    );
    assert_eq!(
        over.told(&said(&json!({"job_id": "c:text", "job_type": "image", "progress": 0}))),
        Err(Code::RunNotFound)
    );
    assert_eq!(over.told(&said(&json!({"job_id": "c:text", "progress": 0}))), Ok(Vec::new()));
}

#[test]
fn ids_of_messages_are_ids_of_events() {
    let id = |message: &str| Push { message_id: Some(message.to_owned()), ..push() }.event_id(Role::Ended).unwrap();
    assert_eq!(id("123").as_str(), "pubsub:123:ended");
    assert!(id("a b").as_str().starts_with("pubsub:c8687a08aa5d6ed2044328fa6a697ab8"));
    assert_ne!(id(&"1".repeat(200)), id(&"1".repeat(201)));
    assert_eq!(Push { message_id: None, ..push() }.event_ids(), []);
}

fn push() -> Push {
    parse(&[], r#"{"campaign_id":"c","job_type":"text","progress":0}"#).unwrap()
}

proptest! {
    /// Whatever is pushed, the answer is a push or a refusal.
    #[test]
    fn nothing_breaks_it(body in ".{0,200}", id in proptest::option::of("[ -~]{0,20}")) {
        let headers: Vec<_> = id.iter().map(|id| ("x-goog-pubsub-message-id", id.as_str())).collect();
        drop(parse(&headers, &body));
        drop(parse(&headers, &wrapped(&body)));
        drop(parse(&headers, &wrapped(&STANDARD.encode(body))));
    }
}
