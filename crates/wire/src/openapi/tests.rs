use std::collections::BTreeSet;

use milepost_core::decide::{Author, Draft, decide};
use milepost_core::{Body, Epoch, EventType, Project, RunId, Time, Tree};
use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

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
