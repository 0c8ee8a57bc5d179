use std::collections::HashMap;

use milepost_core::Body;
use milepost_core::event::RunStarted;
use proptest::prelude::*;

use super::*;
use crate::publish;

fn run(id: &str) -> RunId {
    RunId::new(id).unwrap()
}

fn structured(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> Vec<u8> {
    let event = serde_json::json!({
        "specversion": "1.0", "id": "e1", "source": "/worker", "type": "io.milepost.run.started", "subject": "child",
        "time": "2026-11-20T02:17:10Z", "datacontenttype": "application/json", "extension": 1, "data": {"attempt": 2},
    });
    let serde_json::Value::Object(mut members) = event else { unreachable!() };
    change(&mut members);
    serde_json::to_vec(&members).unwrap()
}

fn expected() -> Draft {
    Draft {
        run: run("child"),
        id: Some(EventId::new("e1").unwrap()),
        time: Some("2026-11-20T02:17:10Z".parse().unwrap()),
        body: Body::RunStarted(RunStarted { attempt: Some(2), lease_seconds: None }),
    }
}

#[test]
fn every_mode_gives_the_same_event() {
    let header = |name: &str| (name == "content-type").then_some("application/cloudevents+json; charset=utf-8");
    assert_eq!(publish::parse(header, &structured(|_| ()), &run("r")), Ok(vec![expected()]));

    let header = |name: &str| (name == "content-type").then_some("application/cloudevents-batch+json");
    let batch = [b"[".to_vec(), structured(|_| ()), b",".to_vec(), structured(|_| ()), b"]".to_vec()].concat();
    assert_eq!(publish::parse(header, &batch, &run("r")), Ok(vec![expected(); 2]));

    let headers = HashMap::from([
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "\"e%31\""),
        ("ce-source", "/worker"),
        ("ce-type", "run.started"),
        ("ce-subject", "child"),
        ("ce-time", "2026-11-20T02:17:10Z"),
    ]);
    assert_eq!(publish::parse(|name| headers.get(name).copied(), br#"{"attempt":2}"#, &run("r")), Ok(vec![expected()]));
}

#[test]
fn without_cloudevents_headers_a_publish_is_native() {
    let drafts = publish::parse(|_| None, br#"{"type":"run.started"}"#, &run("r")).unwrap();
    assert_eq!(drafts[0].run, run("r"));
}

#[test]
fn types_are_mapped() {
    let cases = [
        ("run.started", Some("run.started")),
        ("io.milepost.artifact.ready", Some("artifact.ready")),
        ("io.milepost.x.mine", Some("x.mine")),
        ("x.mine", Some("x.mine")),
        ("com.example.order.created", Some("x.com.example.order.created")),
        ("io.milepost.run.exploded", None),
        ("io.milepost.com.example", None),
        ("run.exploded", None),
        ("a b", None),
        ("", None),
    ];
    for (text, expect) in cases {
        let found = event_type(text).ok();
        assert_eq!(found.as_ref().map(EventType::as_str), expect, "{text}");
    }
}

#[test]
fn ids_that_are_none_are_hashed() {
    let hashed = "ce:3e1ca98a4ffbcfcdfa58a6e31c4f5d2bd8cbb5e5b4f3b5b2d1c5f3f7e0d0d2a1";
    let found = event_id("a b/ü");
    assert_eq!(found, event_id("a b/ü"));
    assert_ne!(found, event_id("a b/u"));
    assert_eq!(found.as_str().len(), hashed.len());
    assert!(found.as_str().starts_with("ce:"));
    assert_eq!(event_id("plain-1").as_str(), "plain-1");
}

#[test]
fn mistakes_have_codes() {
    let set = |name: &'static str, value: serde_json::Value| {
        structured(move |members| drop(members.insert(name.into(), value)))
    };
    let cases = [
        (set("specversion", "0.3".into()), Code::InvalidRequest),
        (set("id", "".into()), Code::InvalidRequest),
        (set("source", serde_json::Value::Null), Code::InvalidRequest),
        (set("subject", "a b".into()), Code::InvalidId),
        (set("time", "now".into()), Code::InvalidRequest),
        (set("type", "run.exploded".into()), Code::UnknownEventType),
        (set("data", 5.into()), Code::InvalidEvent),
        (set("data_base64", "AAAA".into()), Code::UnsupportedMediaType),
        (set("datacontenttype", "text/plain".into()), Code::UnsupportedMediaType),
        (b"{".to_vec(), Code::MalformedJson),
    ];
    for (body, code) in cases {
        let found = parse_structured(&body, &run("r")).map_err(|rejected| rejected.code);
        assert_eq!(found, Err(code), "{}", String::from_utf8_lossy(&body));
    }
    let missing = parse_binary(|name| (name == "ce-specversion").then_some("1.0"), b"", &run("r"));
    assert_eq!(missing.map_err(|rejected| rejected.code), Err(Code::InvalidHeader));
}

proptest! {
    #[test]
    fn every_id_becomes_one(text in any::<String>()) {
        prop_assert_eq!(event_id(&text), event_id(&text));
    }

    #[test]
    fn header_values_are_unescaped(text in any::<String>()) {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        prop_assert_eq!(unescape("id", &escaped), Ok(text));
    }

    #[test]
    fn nothing_panics(text in "[%\"a-f0-9é ]{0,20}") {
        let _ = unescape("id", &text);
    }
}
