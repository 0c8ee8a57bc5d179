use milepost_core::event::{Amount, RunProgressed};
use proptest::prelude::*;

use super::*;
use crate::native::parse_events;

fn run(id: &str) -> RunId {
    RunId::new(id).unwrap()
}

/// The code, the detail and the index of what is refused.
fn refused<T: std::fmt::Debug>(result: Result<T, Rejected>) -> (Code, String, Option<usize>) {
    let Rejected { code, detail, index } = result.unwrap_err();
    (code, detail, index)
}

#[test]
fn a_run_is_created_with_little_or_much() {
    let little = CreateRun::parse(br#"{"kind":"agent"}"#).unwrap();
    assert_eq!(little, CreateRun::new(Kind::new("agent").unwrap()));

    let nulls =
        br#"{"kind":"agent","id":null,"name":null,"parent":null,"weight":null,"state":null,"lease_seconds":null}"#;
    assert_eq!(CreateRun::parse(nulls).unwrap(), little);

    let text =
        br#"{"id":"r","kind":"step","name":"Step","parent":"p","weight":2.5,"state":"running","lease_seconds":30,
        "expected_children":3,"metadata":{"b": 1, "a": [2]}}"#;
    let much = CreateRun::parse(text).unwrap();
    assert_eq!(much.state, InitialState::Running);
    let again = CreateRun::parse(&serde_json::to_vec(&much).unwrap()).unwrap();
    assert_eq!(again, much);
    assert_eq!(much.created().metadata.unwrap().get(), r#"{"b":1,"a":[2]}"#);
}

#[test]
fn mistakes_have_codes() {
    let cases: [(&str, Code); 15] = [
        ("", Code::MalformedJson),
        ("{\"kind\":5,", Code::MalformedJson),
        ("{\"kind\":\"\u{7}\"}", Code::MalformedJson),
        ("[]", Code::InvalidRequest),
        (r#"["r","kind"]"#, Code::InvalidRequest),
        ("null", Code::InvalidRequest),
        ("{}", Code::InvalidRequest),
        (r#"{"kind":"a","kind":"b"}"#, Code::InvalidRequest),
        (r#"{"kind":"a","nmae":"b"}"#, Code::InvalidRequest),
        (r#"{"kind":"a","state":"completed"}"#, Code::InvalidRequest),
        (r#"{"kind":"a","lease_seconds":-1}"#, Code::InvalidRequest),
        (r#"{"kind":"a","id":7}"#, Code::InvalidRequest),
        (r#"{"kind":"a b"}"#, Code::InvalidId),
        (r#"{"kind":"a","id":""}"#, Code::InvalidId),
        (r#"{"kind":"a","parent":"a/b"}"#, Code::InvalidId),
    ];
    for (text, code) in cases {
        assert_eq!(refused(CreateRun::parse(text.as_bytes())).0, code, "{text}");
    }
    assert_eq!(refused(CreateRun::parse(b"{\"kind\":\"\xFF\"}")).0, Code::MalformedJson);
}

#[test]
fn a_cancel_request_may_be_empty() {
    let cases: [(&str, Result<(Option<&str>, u32), Code>); 8] = [
        ("", Ok((None, 30))),
        ("{}", Ok((None, 30))),
        (r#"{"reason":null,"grace_seconds":null}"#, Ok((None, 30))),
        ("[]", Err(Code::InvalidRequest)),
        (r#"{"reason":"enough","grace_seconds":0}"#, Ok((Some("enough"), 0))),
        (r#"{"grace_seconds":604801}"#, Err(Code::LimitExceeded)),
        (r#"{"grace_seconds":-1}"#, Err(Code::InvalidRequest)),
        (r#"{"grace":1}"#, Err(Code::InvalidRequest)),
    ];
    for (text, expect) in cases {
        let parsed = CancelRequest::parse(text.as_bytes());
        let parsed = parsed.as_ref().map(|request| (request.reason.as_deref(), request.grace_seconds));
        assert_eq!(parsed.map_err(|rejected| rejected.code), expect, "{text}");
    }
}

#[test]
fn a_claim_has_kinds_and_a_lease() {
    let many = serde_json::json!({ "kinds": vec!["k"; 101], "lease_seconds": 1 }).to_string();
    let cases = [
        (r#"{"kinds":["a","b"],"lease_seconds":30,"wait":20}"#, None),
        (r#"{"kinds":[],"lease_seconds":30}"#, Some(Code::InvalidRequest)),
        (r#"{"kinds":["a"],"lease_seconds":0}"#, Some(Code::InvalidRequest)),
        (r#"{"kinds":["a"],"lease_seconds":604801}"#, Some(Code::LimitExceeded)),
        (r#"{"kinds":["a",""],"lease_seconds":1}"#, Some(Code::InvalidId)),
        (&many, Some(Code::LimitExceeded)),
    ];
    for (text, code) in cases {
        assert_eq!(ClaimRequest::parse(text.as_bytes()).err().map(|rejected| rejected.code), code, "{text}");
    }
}

#[test]
fn events_come_alone_in_arrays_and_in_lines() {
    let bodies = [
        (None, r#"{"type":"run.progressed","data":{"current":3}}"#),
        (Some("application/json"), r#" [{"type":"run.progressed","data":{"current":3}}]"#),
        (Some("application/x-ndjson"), "\r\n{\"type\":\"run.progressed\",\"data\":{\"current\":3}}\r\n\n"),
    ];
    let body = Body::RunProgressed(RunProgressed { current: Some(Some(Amount(3.0))), ..Default::default() });
    let draft = Draft { run: run("r"), id: None, time: None, body };
    for (content_type, text) in bodies {
        assert_eq!(parse_events(content_type, text.as_bytes(), &run("r")), Ok(vec![draft.clone()]), "{text}");
    }
}

#[test]
fn children_are_created_within_a_batch() {
    let text = br#"[{"type":"run.created","run":"r.1","data":{"kind":"step","parent":"r"}},{"type":"run.started","run":"r.1"}]"#;
    let drafts = parse_events(None, text, &run("r")).unwrap();
    assert!(matches!(&drafts[0].body, Body::RunCreated(data) if data.parent == Some(run("r"))));
    assert_eq!(drafts[1].run, run("r.1"));
}

#[test]
fn a_batch_names_the_event_that_is_wrong() {
    let good = r#"{"type":"run.started"}"#;
    let cases: [(&str, Code, Option<usize>); 9] = [
        ("[]", Code::InvalidRequest, None),
        ("[1", Code::MalformedJson, None),
        (&format!("[{good},1]"), Code::InvalidRequest, Some(1)),
        (&format!(r#"[{good},{{"type":"run.exploded"}}]"#), Code::UnknownEventType, Some(1)),
        (&format!(r#"[{good},{{"type":"run.started","id":"ü"}}]"#), Code::InvalidId, Some(1)),
        (&format!(r#"[{good},{{"type":"run.started","run":""}}]"#), Code::InvalidId, Some(1)),
        (&format!(r#"[{good},{{"type":"run.started","seq":1}}]"#), Code::InvalidRequest, Some(1)),
        (&format!(r#"[{good},{{"type":"run.started","data":{{"attempt":"x"}}}}]"#), Code::InvalidEvent, Some(1)),
        (&format!(r#"[{good},{{"type":"run.started","time":"yesterday"}}]"#), Code::InvalidRequest, Some(1)),
    ];
    for (text, code, index) in cases {
        let (found, detail, at) = refused(parse_events(None, text.as_bytes(), &run("r")));
        assert_eq!((found, at), (code, index), "{text}: {detail}");
        assert_eq!(detail.starts_with("event 1: "), index.is_some(), "{detail}");
    }
    let lines = format!("{good}\n\n{{\"type\"");
    assert_eq!(refused(parse_events(Some("application/x-ndjson"), lines.as_bytes(), &run("r"))).2, Some(1));
}

#[test]
fn bounds_are_kept() {
    let large = |bytes: usize| format!(r#"{{"type":"x.a","data":"{}"}}"#, "a".repeat(bytes - 2));
    let deep = |levels: usize| format!(r#"{{"type":"x.a","data":{}"["{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let many = |count: usize| format!("[{}]", vec![r#"{"type":"x.a"}"#; count].join(","));
    let cases = [
        (large(caps::EVENT_DATA_BYTES), large(caps::EVENT_DATA_BYTES + 1)),
        (deep(JSON_DEPTH), deep(JSON_DEPTH + 1)),
        (many(caps::BATCH_EVENTS), many(caps::BATCH_EVENTS + 1)),
    ];
    for (fits, exceeds) in cases {
        assert!(parse_events(None, fits.as_bytes(), &run("r")).is_ok());
        assert_eq!(refused(parse_events(None, exceeds.as_bytes(), &run("r"))).0, Code::LimitExceeded);
    }
}

proptest! {
    #[test]
    fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..200), text in r#"[\[{}\]":,a-z0-9.\\ ]{0,60}"#) {
        for content_type in [None, Some("application/x-ndjson"), Some("application/cloudevents+json")] {
            let _ = parse_events(content_type, &body, &run("r"));
            let _ = parse_events(content_type, text.as_bytes(), &run("r"));
        }
    }
}
