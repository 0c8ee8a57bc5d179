use std::sync::Arc;

use milepost_core::event::{
    Amount, ArtifactAppended, ArtifactPending, ErrorInfo, MessageAppended, RunCancelRequested, RunCancelled,
    RunCompleted, RunCreated, RunFailed, RunProgressed, RunStarted, RunWaiting, StateUpdated,
};
use milepost_core::{ArtifactId, Epoch, EventType, Json, Kind, MessageId};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::native::answers::EventsPage;

fn encode(event: &Event, coalesced_from: Option<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    write_event(&mut out, &event.stream, &Record::of(event), coalesced_from);
    out
}

fn progressed() -> Event {
    Event {
        seq: 42,
        stream: RunId::new("c1").unwrap(),
        run: RunId::new("img-3").unwrap(),
        time: "2026-11-20T02:17:10.123Z".parse().unwrap(),
        id: EventId::new("e-1").unwrap(),
        body: Body::RunProgressed(RunProgressed {
            stage: Some(Some("drawing \"x\"".into())),
            current: Some(Some(Amount(3.0))),
            total: Some(None),
            ..Default::default()
        }),
    }
}

#[test]
fn events_are_written_as_the_contract_says() {
    let expect = concat!(
        r#"{"seq":42,"stream":"c1","run":"img-3","type":"run.progressed","time":"2026-11-20T02:17:10.123Z","id":"e-1","#,
        r#""data":{"stage":"drawing \"x\"","current":3,"total":null},"coalesced":{"from":40}}"#
    );
    assert_eq!(String::from_utf8(encode(&progressed(), Some(40))).unwrap(), expect);
}

#[test]
fn a_page_is_read_as_it_is_written() {
    let (first, second) = (progressed(), Event { seq: 43, ..progressed() });
    let (next, head) = (Cursor::new(Epoch(1), 43), Cursor::new(Epoch(1), 50));
    let events = [encode(&first, None), encode(&second, None)];
    let text = events_page(events.iter().map(Vec::as_slice), next, head);
    let page: EventsPage = serde_json::from_slice(&text).unwrap();
    let events = [first, second].map(|event| WireEvent { event, coalesced_from: None });
    assert_eq!(page, EventsPage { events: events.into(), next, head, reset: None });
    assert_eq!(events_page([], next, head), br#"{"events":[],"next":"00000001-43","head":"00000001-50"}"#);
}

#[test]
fn members_of_newer_servers_are_ignored_and_nonsense_is_not() {
    let text = String::from_utf8(encode(&progressed(), None)).unwrap();
    let newer = text.replacen('{', r#"{"new":1,"#, 1);
    assert_eq!(WireEvent::parse(newer.as_bytes()).unwrap().event, progressed());
    for wrong in
        ["", "{}", &text.replace("run.progressed", "run.new"), &text.replace("\"current\":3", "\"current\":-3")]
    {
        assert!(WireEvent::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._~:-]{1,128}".prop_filter("no id", |name| !matches!(name.as_str(), "." | ".."))
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    value.prop_map(|value| Json::from(&value))
}

/// `null`, where it has a meaning of its own, and everything else.
fn given<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<Option<T>>> {
    option::of(option::of(value))
}

fn amount() -> impl Strategy<Value = Amount> {
    // Eighths are exact, so that nothing depends on how decimal fractions are rounded.
    any::<u32>().prop_map(|eighths| Amount(f64::from(eighths) / 8.0))
}

/// The years 0 to 9998.
fn millis() -> impl Strategy<Value = i64> {
    -62_167_219_200_000..253_370_764_800_000_i64
}

fn error() -> impl Strategy<Value = ErrorInfo> {
    (any::<String>(), any::<String>(), option::of(json())).prop_map(|(code, message, details)| ErrorInfo {
        code,
        message,
        details,
    })
}

fn body() -> impl Strategy<Value = Body> {
    let text = || option::of(any::<String>());
    let time = || option::of(millis().prop_map(Time::from_millis));
    let created = (name(), text(), option::of(name()), option::of(json()), option::of(any::<u32>()));
    let progressed = (
        given(any::<String>()),
        given(any::<String>()),
        given(amount()),
        given(amount()),
        given("[a-z]*"),
        option::of(amount()),
    );
    let run = |id: Option<String>| id.map(|id| RunId::new(&id).unwrap());
    prop_oneof![
        created.prop_map(move |(kind, name, parent, metadata, count)| {
            let (kind, parent, weight) = (Kind::new(&kind).unwrap(), run(parent), count.map(f64::from));
            Body::RunCreated(RunCreated {
                kind,
                name,
                parent,
                weight,
                metadata,
                expected_children: count,
                lease_seconds: count,
            })
        }),
        progressed.prop_map(|(stage, message, current, total, unit, fraction)| {
            let fraction = fraction.map(|fraction| fraction.0);
            Body::RunProgressed(RunProgressed { stage, message, current, total, unit, fraction })
        }),
        option::of(any::<u32>())
            .prop_map(|count| Body::RunStarted(RunStarted { attempt: count, lease_seconds: count })),
        text().prop_map(|reason| Body::RunWaiting(RunWaiting { reason })),
        Just(Body::RunStalled(Default::default())),
        (text(), text(), time()).prop_map(|(by, reason, deadline)| Body::RunCancelRequested(RunCancelRequested {
            by,
            reason,
            deadline
        })),
        option::of(json()).prop_map(|result| Body::RunCompleted(RunCompleted { result })),
        option::of(error()).prop_map(|error| Body::RunFailed(RunFailed { error })),
        (option::of(any::<bool>()), text())
            .prop_map(|(acknowledged, reason)| Body::RunCancelled(RunCancelled { acknowledged, reason })),
        (name(), text()).prop_map(|(id, text)| {
            let artifact = ArtifactId::new(&id).unwrap();
            let (artifact_type, media_type) = (text.clone(), text.clone());
            Body::ArtifactPending(ArtifactPending { artifact, artifact_type, name: text, media_type })
        }),
        (name(), text(), option::of(json())).prop_map(|(id, chunk, bytes)| {
            Body::ArtifactAppended(ArtifactAppended { artifact: ArtifactId::new(&id).unwrap(), chunk, bytes })
        }),
        (name(), text(), any::<String>(), any::<bool>()).prop_map(|(id, role, content, is_final)| {
            Body::MessageAppended(MessageAppended { message: MessageId::new(&id).unwrap(), role, content, is_final })
        }),
        (text(), given(json())).prop_map(|(key, value)| {
            let value = value.map(|value| value.map(|json| serde_json::from_str(json.get()).unwrap()));
            Body::StateUpdated(StateUpdated { key, value, patch: None })
        }),
        ("x\\.[A-Za-z0-9._-]{1,20}", json()).prop_map(|(name, json)| {
            let event_type: EventType = name.parse().unwrap();
            Body::Custom(event_type, json)
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        seq: u64, stream in name(), run in name(), id in name(), millis in millis(), body in body(), from in option::of(any::<u64>()),
    ) {
        let event = Event {
            seq,
            stream: RunId::new(&stream).unwrap(),
            run: RunId::new(&run).unwrap(),
            time: Time::from_millis(millis),
            id: EventId::new(&id).unwrap(),
            body,
        };
        let bytes = encode(&event, from);
        prop_assert!(!bytes.iter().any(|byte| *byte < 0x20), "one line, without control characters");
        prop_assert_eq!(WireEvent::parse(&bytes).unwrap(), WireEvent { event, coalesced_from: from });
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = WireEvent::parse(&bytes);
    }
}

/// A type that is not `Custom` always has a name without characters that JSON escapes.
#[test]
fn types_need_no_escapes() {
    let types = EventType::KNOWN.iter().cloned().chain([EventType::Custom(Arc::from("x.a-b_c.d"))]);
    for event_type in types {
        assert_eq!(serde_json::to_string(event_type.as_str()).unwrap(), format!("\"{event_type}\""));
    }
}
