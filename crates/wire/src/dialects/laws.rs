//! What holds for every log, whatever is in it.

use milepost_core::decide::{Author, decide};
use milepost_core::{Body, Draft, Epoch, Project, Record, RunId, Time, Tree};
use proptest::prelude::*;
use serde_json::Value;

use super::campaign::{self, Update};
use super::project::{self, NAMES};

const RUNS: [(&str, Option<&str>); 5] =
    [("r", None), ("step", Some("r")), ("node", Some("r")), ("tool", Some("step")), ("node2", Some("node"))];

const EVENTS: [&str; 20] = [
    "run.started",
    r#"run.progressed {"current":1,"total":3}"#,
    r#"run.progressed {"stage":"\"S\"\n","total":null}"#,
    "run.waiting",
    "run.resumed",
    "run.stalled",
    "run.recovered",
    "run.cancel_requested",
    "run.cancelled",
    "run.completed",
    r#"run.failed {"error":{"code":"c","details":{"a":[null]}}}"#,
    "run.audit_started",
    "run.audited",
    r#"artifact.pending {"artifact":"a"}"#,
    r#"artifact.appended {"artifact":"a","bytes":[1]}"#,
    r#"artifact.ready {"artifact":"a","size":1}"#,
    r#"message.appended {"message":"m","content":"é\u0000\""}"#,
    r#"state.updated {"key":"k","value":{"a":1.5}}"#,
    r#"state.updated {"patch":[{"op":"add","path":"/l","value":null}]}"#,
    r#"x.mine {"a":1}"#,
];

/// Says `step`, unless it cannot happen now, and checks how it is shown.
fn say(tree: &mut Tree, run: &str, step: &str) {
    let (name, data) = step.split_once(' ').map_or((step, None), |(name, data)| (name, Some(data)));
    let body = Body::parse(name.parse().unwrap(), data).unwrap();
    let draft = Draft { run: RunId::new(run).unwrap(), id: None, time: None, body };
    let Ok(decided) = decide(tree, Author::Server, draft, Time::from_millis(0)) else { return };
    for event in decided {
        tree.evolve(&event);
        let (record, view) = (Record::of(&event), tree.view_of(&event).unwrap());
        if let Some(frame) = project::frame(&record, &view).unwrap() {
            check_frame(&frame, event.seq);
        }
        match campaign::update(&record, &view, None).unwrap() {
            Update::Orchestration(told) => assert_eq!((told.sequence, told.run_id), (event.seq, event.run)),
            Update::Artifact(told) => assert_eq!((told.sequence, told.run_id), (event.seq, event.run)),
        }
    }
}

fn check_frame(frame: &project::Frame, seq: u64) {
    let json: Value = serde_json::from_slice(&frame.json).unwrap();
    assert!(NAMES.contains(&frame.name) && json["type"] == frame.name && json["sequence"] == seq, "{json}");
    let payload = match frame.name.rsplit_once('.').unwrap().0 {
        "ingest.job" => "job",
        "agent.run" | "workflow.run" => "run",
        "agent.step" => "step",
        "workflow.node" => "node",
        "workflow.node_state" => "nodeState",
        "agent.message" => "message",
        other => panic!("{other}"),
    };
    let known = ["type", "timestamp", "sequence", "projectId", "errorMessage", payload];
    assert!(json.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{json}");
    assert!(json[payload].is_object(), "{json}");
}

proptest! {
    #[test]
    fn every_event_is_shown_by_what_goes_with_its_name(
        family in prop_oneof![Just("ingest"), Just("agent"), Just("workflow"), Just("campaign")],
        steps in proptest::collection::vec((0..RUNS.len(), 0..EVENTS.len()), 0..60),
    ) {
        let mut tree = Tree::empty(Project::new("p").unwrap(), RunId::new("r").unwrap(), Epoch(1));
        for (run, parent) in RUNS {
            let created = match parent {
                None => format!(r#"run.created {{"kind":"{family}"}}"#),
                Some(parent) => format!(r#"run.created {{"kind":"{}","parent":"{parent}"}}"#, run.trim_end_matches('2')),
            };
            say(&mut tree, run, &created);
        }
        for (run, step) in steps {
            say(&mut tree, RUNS[run].0, EVENTS[step]);
        }
        let snapshot = tree.snapshot(Time::from_millis(0)).unwrap();
        let shown = project::of_run(&snapshot).map(|json| serde_json::from_slice::<Value>(&json).unwrap());
        assert_eq!(shown.map(|json| json["sequence"].clone()), (family != "campaign").then(|| tree.seq().into()));
        assert_eq!(campaign::CampaignSnapshot::of(&snapshot).unwrap().last_event_sequence, tree.seq());
    }
}
