use milepost_core::{Code, Cursor, Epoch, EventType, Project, RunId};
use proptest::prelude::*;

use super::*;
use crate::Start;
use crate::native::Problem;
use crate::native::requests::CancelRequest;

fn parse(text: &str) -> ClientMessage {
    ClientMessage::parse(text.as_bytes()).unwrap()
}

fn run(id: &str) -> RunId {
    RunId::new(id).unwrap()
}

#[test]
fn messages_are_read() {
    let project = Project::default_project;
    let subscribe = Subscribe {
        sub: "s1".into(),
        project: project(),
        run: run("c1"),
        start: Start::Snapshot,
        types: None,
        coalesce_ms: None,
    };
    let text = r#"{"op":"subscribe","sub":"s1","run":"c1"}"#;
    assert_eq!(parse(text), ClientMessage::Subscribe(subscribe.clone()));

    let text =
        r#"{"op":"subscribe","sub":"s1","project":"p","run":"c1","after":"1-5","types":["run.*"],"coalesce_ms":50}"#;
    let full = Subscribe {
        project: Project::new("p").unwrap(),
        start: Start::After(Cursor::new(Epoch(1), 5)),
        types: Some("run.*".parse().unwrap()),
        coalesce_ms: Some(50),
        ..subscribe.clone()
    };
    assert_eq!(parse(text), ClientMessage::Subscribe(full));

    let text = r#"{"from":"start","run":"c1","sub":"s1","op":"subscribe"}"#;
    assert_eq!(parse(text), ClientMessage::Subscribe(Subscribe { start: Start::Beginning, ..subscribe }));

    assert_eq!(parse(r#"{"op":"unsubscribe","sub":"s1"}"#), ClientMessage::Unsubscribe { sub: "s1".into() });
    assert_eq!(parse(r#"{"op":"ping"}"#), ClientMessage::Ping { reference: None });
    assert_eq!(parse(r#"{"op":"ping","ref":"7"}"#), ClientMessage::Ping { reference: Some("7".into()) });

    let cancel = parse(r#"{"op":"cancel","ref":"r","run":"c1","grace_seconds":5}"#);
    let request = CancelRequest { reason: None, grace_seconds: 5 };
    assert_eq!(
        cancel,
        ClientMessage::Cancel(Cancel { reference: Some("r".into()), project: project(), run: run("c1"), request })
    );

    let publish = r#"{"op":"publish","ref":"r1","run":"c1","events":[{"type":"run.started"},{"type":"x.a","run":"d","data":[1]}],"lease":"L"}"#;
    let ClientMessage::Publish(publish) = parse(publish) else { panic!("a publish") };
    assert_eq!((publish.reference.as_deref(), publish.lease.as_deref()), (Some("r1"), Some("L")));
    let events: Vec<(&str, EventType)> =
        publish.events.iter().map(|draft| (draft.run.as_str(), draft.body.event_type())).collect();
    assert_eq!(events, [("c1", EventType::RunStarted), ("d", EventType::Custom("x.a".into()))]);
}

#[test]
fn mistakes_say_whose_they_are() {
    let long = format!(r#"{{"op":"ping","ref":"{}"}}"#, "x".repeat(129));
    let cases = [
        ("", Code::MalformedJson, None, None),
        ("[]", Code::InvalidRequest, None, None),
        (r#"["ping"]"#, Code::InvalidRequest, None, None),
        (r#"{"ref":"r"}"#, Code::InvalidRequest, None, None),
        (r#"{"op":"dance","ref":"r","sub":"s"}"#, Code::InvalidRequest, Some("r"), Some("s")),
        (r#"{"op":"subscribe","sub":"s"}"#, Code::InvalidRequest, None, Some("s")),
        (r#"{"op":"subscribe","sub":"","run":"a"}"#, Code::InvalidRequest, None, None),
        (r#"{"op":"subscribe","sub":"s","run":"a b"}"#, Code::InvalidId, None, Some("s")),
        (r#"{"op":"subscribe","sub":"s","run":"a","after":"x"}"#, Code::InvalidCursor, None, Some("s")),
        (r#"{"op":"subscribe","sub":"s","run":"a","after":"1","from":"start"}"#, Code::InvalidRequest, None, Some("s")),
        (r#"{"op":"subscribe","sub":"s","run":"a","from":"end"}"#, Code::InvalidRequest, None, Some("s")),
        (r#"{"op":"subscribe","sub":"s","run":"a","types":["r*"]}"#, Code::InvalidRequest, None, Some("s")),
        (r#"{"op":"subscribe","sub":"s","run":"a","typos":[]}"#, Code::InvalidRequest, None, Some("s")),
        (r#"{"op":"publish","ref":"r","run":"a","events":[]}"#, Code::InvalidRequest, Some("r"), None),
        (r#"{"op":"publish","ref":"r","run":"a","events":[{"type":"y"}]}"#, Code::UnknownEventType, Some("r"), None),
        (r#"{"op":"cancel","ref":"r","run":"a","grace_seconds":604801}"#, Code::LimitExceeded, Some("r"), None),
        (&long, Code::InvalidRequest, None, None),
    ];
    for (text, code, reference, sub) in cases {
        let refused = ClientMessage::parse(text.as_bytes()).unwrap_err();
        let found = (refused.rejected.code, refused.reference.as_deref(), refused.sub.as_deref());
        assert_eq!(found, (code, reference, sub), "{text}: {refused}");
    }
}

#[test]
fn messages_are_written() {
    let cursor = Cursor::new(Epoch(1), 5);
    let problem = Problem::new(Code::RunNotFound, "no run `c9`");
    let messages = [
        stream_message(ServerOp::Event, "s\"1", Some(cursor), Some(br#"{"seq":5}"#)),
        stream_message(ServerOp::CaughtUp, "s1", Some(cursor), None),
        stream_message(ServerOp::Reset, "s1", None, Some(br#"{"reason":"trimmed"}"#)),
        stream_message(ServerOp::End, "s1", Some(cursor), None),
        ack(Some("r1"), &serde_json::json!({"seq": 5})),
        error(Some("r1"), None, &problem),
        error(None, Some("s1"), &problem),
        pong(None),
        pong(Some("7")),
    ];
    let lines: Vec<String> = messages.iter().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).collect();
    for line in &lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    insta::assert_snapshot!(lines.join("\n"));
}

proptest! {
    #[test]
    fn nothing_panics(text in r#"[\[{}\]":,a-z0-9.\\ ]{0,60}"#, op in "subscribe|publish|cancel|ping|unsubscribe") {
        let _ = ClientMessage::parse(text.as_bytes());
        let _ = ClientMessage::parse(format!(r#"{{"op":"{op}",{text}}}"#).as_bytes());
    }
}
