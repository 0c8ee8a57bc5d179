//! Which event is shown under which name.

use milepost_core::{EventType, Kind, View};

/// Every name that a frame of an event can have.
pub const NAMES: &[&str] = &[
    "ingest.job.created",
    "ingest.job.updated",
    "ingest.job.completed",
    "ingest.job.failed",
    "ingest.job.cancelled",
    "agent.run.created",
    "agent.run.updated",
    "agent.run.completed",
    "agent.run.failed",
    "agent.run.cancelled",
    STEP_UPDATED,
    MESSAGE_APPENDED,
    "workflow.run.created",
    WORKFLOW_UPDATED,
    "workflow.run.completed",
    "workflow.run.failed",
    "workflow.run.cancelled",
    "workflow.node.started",
    "workflow.node.completed",
    "workflow.node.failed",
    NODE_STATE_UPDATED,
];

pub(super) const SNAPSHOT: &str = "snapshot";
pub(super) const ERROR: &str = "error";
const STEP_UPDATED: &str = "agent.step.updated";
const MESSAGE_APPENDED: &str = "agent.message.appended";
const WORKFLOW_UPDATED: &str = "workflow.run.updated";
const NODE_STATE_UPDATED: &str = "workflow.node_state.updated";

/// The kinds of roots that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `ingest`: a job.
    Ingest,
    /// `agent`: a run with steps.
    Agent,
    /// `workflow`: a run with nodes.
    Workflow,
}

impl Family {
    /// The family of the roots of `kind`; none of other kinds.
    pub fn of(kind: &Kind) -> Option<Self> {
        match kind.as_str() {
            "ingest" => Some(Self::Ingest),
            "agent" => Some(Self::Agent),
            "workflow" => Some(Self::Workflow),
            _ => None,
        }
    }
}

/// What a frame shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The root, as a job.
    Job,
    /// The root, as a run.
    Run,
    Step,
    Node,
    NodeState,
    Message,
}

/// The name of an event, and what its frame shows; none where it is not shown.
pub(super) fn of(event_type: &EventType, view: &View) -> Option<(&'static str, Shown)> {
    let family = Family::of(&view.root.kind)?;
    if *event_type == EventType::MessageAppended {
        return Some((MESSAGE_APPENDED, Shown::Message));
    }
    let kind = view.run.kind.as_str();
    let is_root = view.run.id == view.root.id;
    if !is_root && !matches!(kind, "step" | "node") {
        return None;
    }
    if *event_type == EventType::StateUpdated && family != Family::Ingest {
        return Some((NODE_STATE_UPDATED, Shown::NodeState));
    }
    Some(match (is_root, kind) {
        (true, _) => of_root(event_type, family),
        (false, "step") => (STEP_UPDATED, Shown::Step),
        (false, _) => of_node(event_type),
    })
}

fn of_root(event_type: &EventType, family: Family) -> (&'static str, Shown) {
    let [created, updated, completed, failed, cancelled] = match family {
        Family::Ingest => [NAMES[0], NAMES[1], NAMES[2], NAMES[3], NAMES[4]],
        Family::Agent => [NAMES[5], NAMES[6], NAMES[7], NAMES[8], NAMES[9]],
        Family::Workflow => [NAMES[12], NAMES[13], NAMES[14], NAMES[15], NAMES[16]],
    };
    let name = match event_type {
        EventType::RunCreated => created,
        EventType::RunCompleted => completed,
        EventType::RunFailed => failed,
        EventType::RunCancelled => cancelled,
        _ => updated,
    };
    (name, if family == Family::Ingest { Shown::Job } else { Shown::Run })
}

fn of_node(event_type: &EventType) -> (&'static str, Shown) {
    match event_type {
        EventType::RunStarted => ("workflow.node.started", Shown::Node),
        EventType::RunCompleted => ("workflow.node.completed", Shown::Node),
        // There is no name of its own for a cancelled node; its status and `errorMessage` tell.
        EventType::RunFailed | EventType::RunCancelled => ("workflow.node.failed", Shown::Node),
        _ => (WORKFLOW_UPDATED, Shown::Run),
    }
}
