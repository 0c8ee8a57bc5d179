//! Where a viewer begins.

use milepost_core::{Project, Run, RunId, Snapshot, Time};
use serde::Serialize;

use super::entity::{Entity, MessagePart, NodeState, Part};
use super::names::SNAPSHOT;
use super::{Family, json};

/// The first frame of one run: `job`, or `run` with what belongs to it. None where the run is of a kind that is not shown.
pub fn of_run(snapshot: &Snapshot) -> Option<Vec<u8>> {
    let root = snapshot.runs.first()?;
    let family = Family::of(&root.kind)?;
    let parts = |kind: &str| {
        let of_kind = snapshot.runs.iter().skip(1).filter(|run| run.kind.as_str() == kind);
        of_kind.map(|run| Part::of(root, run)).collect()
    };
    let entities = match family {
        Family::Ingest => Entities::Job { job: Entity::of(root) },
        Family::Agent | Family::Workflow => Entities::Run {
            run: Entity::of(root),
            steps: parts("step"),
            nodes: parts("node"),
            node_states: node_states(snapshot, root),
            messages: snapshot.messages.iter().map(|message| MessagePart::whole(message)).collect(),
        },
    };
    let (sequence, timestamp) = (snapshot.seq, snapshot.time);
    Some(json(&OfRun { name: SNAPSHOT, sequence, timestamp, project_id: &root.project, entities }))
}

/// The first frame of a whole project: its open roots, each with the sequence up to which it is known.
pub fn of_project<'a>(project: &Project, runs: impl Iterator<Item = (&'a Run, u64)>, now: Time) -> Vec<u8> {
    let shown = runs.filter(|(run, _)| Family::of(&run.kind).is_some());
    let runs = shown.map(|(run, sequence)| Listed { entity: Entity::of(run), kind: run.kind.as_str(), sequence });
    json(&OfProject { name: SNAPSHOT, project_id: project, runs: runs.collect(), timestamp: now })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfRun<'a> {
    #[serde(rename = "type")]
    name: &'static str,
    sequence: u64,
    timestamp: Time,
    project_id: &'a Project,
    #[serde(flatten)]
    entities: Entities<'a>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Entities<'a> {
    Job {
        job: Entity<'a>,
    },
    Run {
        run: Entity<'a>,
        steps: Vec<Part<'a>>,
        nodes: Vec<Part<'a>>,
        node_states: Vec<NodeState<'a>>,
        messages: Vec<MessagePart<'a>>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfProject<'a> {
    #[serde(rename = "type")]
    name: &'static str,
    project_id: &'a Project,
    runs: Vec<Listed<'a>>,
    timestamp: Time,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    entity: Entity<'a>,
    kind: &'a str,
    sequence: u64,
}

fn node_states<'a>(snapshot: &'a Snapshot, root: &'a Run) -> Vec<NodeState<'a>> {
    let shown = |run: &RunId, kind: &str| *run == root.id || matches!(kind, "step" | "node");
    let runs = snapshot.runs.iter().filter(|run| shown(&run.id, run.kind.as_str()));
    let states =
        |run: &'a Run| run.values.iter().map(move |(key, value)| NodeState::of(root, run, Some(key), value.clone()));
    runs.flat_map(|run| states(run)).collect()
}
