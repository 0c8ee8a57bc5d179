//! The shared vectors in `tests/vectors`: logs with the snapshots they fold to, for every client in every language.
//!
//! `UPDATE_VECTORS=1 cargo test -p milepost-core --test vectors` writes them anew from the scenarios here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;
#[path = "vectors/scenarios.rs"]
mod scenarios;

use std::path::PathBuf;

use milepost_core::{Body, Cursor, Epoch, Event, EventId, EventType, Project, RunId, Snapshot, Time, Tree};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use common::{EPOCH, Play, id};
use scenarios::{SCENARIOS, Scenario};

/// One file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    description: String,
    project: Project,
    epoch: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Snapshot>,
    events: Vec<WireEvent>,
    snapshots: Vec<At>,
}

/// What the viewer shows right after the event `at`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct At {
    at: u64,
    snapshot: Snapshot,
}

/// An event as the server sends it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEvent {
    seq: u64,
    stream: RunId,
    run: RunId,
    #[serde(rename = "type")]
    event_type: String,
    time: Time,
    id: EventId,
    data: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coalesced: Option<Coalesced>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Coalesced {
    from: u64,
}

impl PartialEq for WireEvent {
    fn eq(&self, other: &Self) -> bool {
        (self.event(), self.coalesced) == (other.event(), other.coalesced)
    }
}

impl WireEvent {
    fn of(event: &Event, coalesced: Option<Coalesced>) -> Self {
        let Event { seq, stream, run, time, id, body } = event.clone();
        let event_type = body.event_type().to_string();
        let data = RawValue::from_string(body.data()).unwrap();
        Self { seq, stream, run, event_type, time, id, data, coalesced }
    }

    fn event(&self) -> Event {
        let event_type: EventType = self.event_type.parse().unwrap();
        let body = Body::parse(event_type, Some(self.data.get())).unwrap();
        let (stream, run, id) = (self.stream.clone(), self.run.clone(), self.id.clone());
        Event { seq: self.seq, stream, run, time: self.time, id, body }
    }
}

/// What a client does with a vector: it begins where it begins, folds, and looks.
fn check(vector: &Vector) {
    let epoch = Epoch(u32::from_str_radix(&vector.epoch, 16).unwrap());
    let mut tree = match &vector.start {
        Some(snapshot) => Tree::from(snapshot.clone()),
        None => Tree::empty(vector.project.clone(), vector.events[0].stream.clone(), epoch),
    };
    let mut expected = vector.snapshots.iter();
    let mut next = expected.next();
    for wire in &vector.events {
        let first_missing = tree.seq() + 1;
        let told = wire.coalesced.map_or(wire.seq, |coalesced| coalesced.from);
        // A part of a tree has the events of that part only; its cursor moves over the others.
        let part = vector.start.as_ref().is_some_and(|start| start.runs[0].parent.is_some());
        assert!(part || told == first_missing, "{}: a gap before {} that nothing explains", vector.name, wire.seq);
        tree.evolve(&wire.event());
        while let Some(At { at, snapshot }) = next.filter(|next| next.at == wire.seq) {
            let seen = tree.snapshot(snapshot.time).unwrap();
            assert_eq!(&seen, snapshot, "{} at {at}", vector.name);
            assert_eq!(snapshot.cursor, Cursor::new(epoch, *at));
            next = expected.next();
        }
    }
    assert!(next.is_none(), "{}: no event {}", vector.name, next.unwrap().at);
}

/// Plays a scenario as the server would, and lets a viewer watch it.
fn vector(scenario: &Scenario) -> Vector {
    let play = Play::of(scenario.lines);
    let top = id(scenario.top);
    let mut tree = Play::new().tree;
    let mut vector = Vector {
        name: scenario.name.to_owned(),
        description: scenario.description.to_owned(),
        project: tree.project().clone(),
        epoch: EPOCH.to_string(),
        start: None,
        events: Vec::new(),
        snapshots: Vec::new(),
    };
    let time = |seq: u64| Time::from_millis(1_800_000_000_000 + i64::try_from(seq).unwrap());
    let mut missing = None;
    for event in &play.events {
        tree.evolve(event);
        let seq = event.seq;
        if scenario.superseded.contains(&seq) {
            missing = missing.or(Some(Coalesced { from: seq }));
            continue;
        }
        if seq == scenario.after {
            vector.start = tree.snapshot_of(&top, time(seq));
        }
        let visible = play.tree.is_within(&event.run, &top);
        if seq > scenario.after && visible {
            vector.events.push(WireEvent::of(event, missing.take()));
            if scenario.at.contains(&seq) || seq == play.tree.seq() {
                let snapshot = tree.snapshot_of(&top, time(seq)).unwrap();
                vector.snapshots.push(At { at: seq, snapshot });
            }
        }
    }
    vector
}

fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    root.join(name).with_extension("json")
}

#[test]
fn vectors_are_those_of_the_scenarios_and_hold() {
    let update = std::env::var_os("UPDATE_VECTORS").is_some();
    assert!(!(update && std::env::var_os("CI").is_some()), "CI checks the vectors, it does not write them");
    for scenario in SCENARIOS {
        let made = vector(scenario);
        check(&made);
        let path = path(scenario.name);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
        let read: Vector = serde_json::from_str(&text).unwrap();
        check(&read);
        assert_eq!(read, made, "{} is not what the scenario makes; see UPDATE_VECTORS", scenario.name);
    }
}

#[test]
fn there_is_no_vector_without_a_scenario() {
    for folder in ["fold", "cancel", "resume"] {
        let files = std::fs::read_dir(path(folder).with_extension("")).unwrap();
        for file in files.map(|file| file.unwrap().file_name().into_string().unwrap()) {
            let name = format!("{folder}/{}", file.strip_suffix(".json").unwrap());
            assert!(SCENARIOS.iter().any(|scenario| scenario.name == name), "{name}");
        }
    }
}
