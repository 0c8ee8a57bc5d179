use std::collections::BTreeSet;

use milepost_core::decide::{Author, Draft, decide};
use milepost_core::{Body, Epoch, EventType, Project, RunId, Time, Tree};
use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use super::data::*;
use super::*;

/// The members that the schema has.
fn described<S: PartialSchema>() -> BTreeSet<String> {
    let RefOr::T(Schema::Object(object)) = S::schema() else { panic!("an object") };
    object.properties.keys().cloned().collect()
}

fn written(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

/// A tree in which everything is there that may be there.
fn sample() -> Value {
    let long = "x".repeat(milepost_core::caps::TEXT_KEPT_BYTES + 1);
    let events = [
        ("run.created", r#"{"kind":"k"}"#.to_owned()),
        ("run.started", "{}".to_owned()),
        ("run.progressed", r#"{"stage":null}"#.to_owned()),
        ("artifact.appended", format!(r#"{{"artifact":"a","chunk":"{long}"}}"#)),
        ("artifact.failed", r#"{"artifact":"a","error":{"code":"c","message":"m","details":1}}"#.to_owned()),
        ("message.appended", format!(r#"{{"message":"m","content":"{long}"}}"#)),
        ("run.cancel_requested", "{}".to_owned()),
    ];
    let run = RunId::new("r").unwrap();
    let mut tree = Tree::empty(Project::default_project(), run.clone(), Epoch(1));
    for (event_type, data) in events {
        let event_type: EventType = event_type.parse().unwrap();
        let body = Body::parse(event_type, Some(&data)).unwrap();
        let draft = Draft { run: run.clone(), id: None, time: None, body };
        for event in decide(&tree, Author::Server, draft, Time::from_millis(0)).unwrap() {
            tree.evolve(&event);
        }
    }
    serde_json::to_value(tree.snapshot(Time::from_millis(0)).unwrap()).unwrap()
}

#[test]
fn schemas_have_the_members_that_are_written() {
    let snapshot = sample();
    assert_eq!(described::<SnapshotSchema>(), written(&snapshot));
    assert_eq!(described::<RunSchema>(), written(&snapshot["runs"][0]));
    assert_eq!(described::<ProgressSchema>(), written(&snapshot["progress"]));
    assert_eq!(described::<CancelSchema>(), written(&snapshot["runs"][0]["cancel"]));
    assert_eq!(described::<ArtifactSchema>(), written(&snapshot["artifacts"][0]));
    assert_eq!(described::<ErrorSchema>(), written(&snapshot["artifacts"][0]["error"]));
    assert_eq!(described::<MessageSchema>(), written(&snapshot["messages"][0]));
}

#[test]
fn states_have_the_names_that_are_written() {
    let words = |schema: RefOr<Schema>| match schema {
        RefOr::T(Schema::Object(object)) => object.enum_values.unwrap(),
        _ => panic!("a list of words"),
    };
    let states: Vec<Value> = milepost_core::RunState::ALL.iter().map(|state| state.as_str().into()).collect();
    assert_eq!(words(RunStateSchema::schema()), states);
}

#[test]
fn an_event_is_described_as_it_is_written() {
    let names = ["coalesced", "data", "id", "run", "seq", "stream", "time", "type"];
    assert_eq!(described::<EventSchema>(), names.map(str::to_owned).into());
}

/// The members of the data of every type, all of them given.
#[test]
fn data_is_described_as_it_is_read() {
    let error = r#"{"code":"c","message":"m"}"#;
    let types: [(&str, BTreeSet<String>, String); 19] = [
        ("run.created", described::<RunCreatedSchema>(), created()),
        ("run.started", described::<RunStartedSchema>(), r#"{"attempt":1,"lease_seconds":1}"#.to_owned()),
        ("run.progressed", described::<RunProgressedSchema>(), progressed()),
        ("run.waiting", described::<ReasonSchema>(), r#"{"reason":"r"}"#.to_owned()),
        ("run.resumed", described::<ReasonSchema>(), r#"{"reason":"r"}"#.to_owned()),
        ("run.stalled", described::<NothingSchema>(), "{}".to_owned()),
        ("run.recovered", described::<NothingSchema>(), "{}".to_owned()),
        ("run.cancel_requested", described::<RunCancelRequestedSchema>(), requested()),
        ("run.completed", described::<RunCompletedSchema>(), r#"{"result":1}"#.to_owned()),
        ("run.failed", described::<RunFailedSchema>(), format!(r#"{{"error":{error}}}"#)),
        ("run.cancelled", described::<RunCancelledSchema>(), r#"{"acknowledged":true,"reason":"r"}"#.to_owned()),
        ("run.audit_started", described::<NothingSchema>(), "{}".to_owned()),
        ("run.audited", described::<RunAuditedSchema>(), r#"{"verdict":"v","notes":1}"#.to_owned()),
        ("artifact.pending", described::<ArtifactPendingSchema>(), artifact("")),
        (
            "artifact.appended",
            described::<ArtifactAppendedSchema>(),
            r#"{"artifact":"a","chunk":"c","bytes":1}"#.to_owned(),
        ),
        ("artifact.ready", described::<ArtifactReadySchema>(), artifact(r#","size":1,"sha256":"s","url":"u""#)),
        ("artifact.failed", described::<ArtifactFailedSchema>(), format!(r#"{{"artifact":"a","error":{error}}}"#)),
        ("message.appended", described::<MessageAppendedSchema>(), message()),
        ("state.updated", described::<StateUpdatedSchema>(), updated()),
    ];
    let known: BTreeSet<String> = EventType::KNOWN.iter().map(ToString::to_string).collect();
    assert_eq!(described::<EventDataSchema>(), known);
    assert_eq!(types.iter().map(|(name, ..)| (*name).to_owned()).collect::<BTreeSet<_>>(), known);
    for (name, described, given) in types {
        let body = Body::parse(name.parse().unwrap(), Some(&given)).unwrap();
        assert_eq!(described, written(&serde_json::from_str(&body.data()).unwrap()), "{name}");
    }
}

fn created() -> String {
    let optional = r#""name":"n","parent":"p","weight":1,"metadata":{},"expected_children":1,"lease_seconds":1"#;
    format!(r#"{{"kind":"k",{optional}}}"#)
}

fn progressed() -> String {
    r#"{"stage":"s","message":"m","current":1,"total":2,"unit":"u","fraction":0.5}"#.to_owned()
}

fn requested() -> String {
    r#"{"by":"b","reason":"r","deadline":"2026-11-20T00:00:00Z"}"#.to_owned()
}

fn artifact(more: &str) -> String {
    format!(r#"{{"artifact":"a","artifact_type":"t","name":"n","media_type":"m"{more}}}"#)
}

fn message() -> String {
    r#"{"message":"m","role":"r","content":"c","final":true}"#.to_owned()
}

fn updated() -> String {
    r#"{"key":"k","value":1,"patch":[{"op":"remove","path":"/a"}]}"#.to_owned()
}
