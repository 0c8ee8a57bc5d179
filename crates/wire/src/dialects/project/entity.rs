//! The entities in frames, with all members, null where there is nothing to say.

use milepost_core::event::{Amount, ErrorInfo, MessageAppended};
use milepost_core::run::Message;
use milepost_core::{Json, Project, Run, RunId, RunState, Time};
use serde::Serialize;
use serde_json::Value;

/// A job or a run.
#[derive(Serialize)]
pub(super) struct Entity<'a> {
    id: &'a RunId,
    project_id: &'a Project,
    status: RunState,
    stage: Option<&'a str>,
    message: Option<&'a str>,
    /// 0 to 1.
    progress: Option<f64>,
    current: Option<Amount>,
    total: Option<Amount>,
    created_at: Time,
    updated_at: Time,
    started_at: Option<Time>,
    finished_at: Option<Time>,
    error: Option<&'a ErrorInfo>,
    metadata: Option<&'a Json>,
}

impl<'a> Entity<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        Self {
            id: &run.id,
            project_id: &run.project,
            status: run.state,
            stage: run.stage.as_deref(),
            message: run.message.as_deref(),
            progress: run.progress.fraction,
            current: run.progress.current,
            total: run.progress.total,
            created_at: run.created_at,
            updated_at: run.updated_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            error: run.error.as_deref(),
            metadata: run.metadata.as_ref(),
        }
    }
}

/// A step or a node.
#[derive(Serialize)]
pub(super) struct Part<'a> {
    #[serde(flatten)]
    entity: Entity<'a>,
    /// The root that it is a part of, however deep.
    run_id: &'a RunId,
    name: Option<&'a str>,
    attempt: u32,
}

impl<'a> Part<'a> {
    pub(super) fn of(root: &'a Run, run: &'a Run) -> Self {
        Self { entity: Entity::of(run), run_id: &root.id, name: run.name.as_deref(), attempt: run.attempt }
    }
}

/// One value of a step, of a node, or of the root itself.
#[derive(Serialize)]
pub(super) struct NodeState<'a> {
    run_id: &'a RunId,
    node_id: &'a RunId,
    /// None where a patch changed all values at once; then `value` has all of them.
    key: Option<&'a str>,
    value: Value,
}

impl<'a> NodeState<'a> {
    pub(super) fn of(root: &'a Run, run: &'a Run, key: Option<&'a str>, value: Value) -> Self {
        Self { run_id: &root.id, node_id: &run.id, key, value }
    }
}

/// A message, or a part that is to be appended to what was there of it.
#[derive(Serialize)]
pub(super) struct MessagePart<'a> {
    id: &'a str,
    /// The run that it belongs to, which may be a part: ids of messages are unique within their run.
    run_id: &'a RunId,
    role: Option<&'a str>,
    content: &'a str,
    #[serde(rename = "final")]
    is_final: bool,
}

impl<'a> MessagePart<'a> {
    pub(super) fn appended(run: &'a Run, data: &'a MessageAppended, role: Option<&'a str>) -> Self {
        let (id, content) = (data.message.as_str(), data.content.as_str());
        Self { id, run_id: &run.id, role, content, is_final: data.is_final }
    }

    pub(super) fn whole(message: &'a Message) -> Self {
        let (id, content) = (message.message.as_str(), message.content.as_str());
        Self { id, run_id: &message.run, role: Some(&message.role), content, is_final: message.is_final }
    }
}
