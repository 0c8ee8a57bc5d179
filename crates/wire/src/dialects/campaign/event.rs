//! What happened to a run: the argument of `ReceiveOrchestrationEvent`.

use std::sync::Arc;

use milepost_core::{Corrupt, EventType, Record, RunId, RunState, Time, View};
use serde::Serialize;
use serde_json::Value;

/// An event of a run of the campaign that is not about an artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrchestrationEvent {
    /// The root run, whose stream this is.
    pub campaign_id: RunId,
    /// The run that the event is about.
    pub run_id: RunId,
    /// The event's place in the stream, shared with artifact updates.
    pub sequence: u64,
    /// What happened.
    pub event_type: EventKind,
    /// The state of the run after it.
    pub state: State,
    /// What the run was doing then.
    pub stage: Option<Arc<str>>,
    /// The same, for people.
    pub message: Option<Arc<str>>,
    /// How far the run was, 0 to 1; none before anything is known.
    pub progress: Option<f64>,
    /// The name of the run.
    pub agent: Option<Arc<str>>,
    /// When it happened.
    pub timestamp: Time,
    /// The data of the event as the log has it. Of a user's own event, `{"type", "data"}`, because its type is not in `event_type`.
    pub data: Value,
    /// The first of the sequences before this one that were progress, superseded by it or by one sent with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coalesced_from: Option<u64>,
}

/// What happened to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "named after the event types, see docs/protocol.md")]
pub enum EventKind {
    Queued,
    Running,
    Progress,
    Waiting,
    Resumed,
    Stalled,
    Recovered,
    Completed,
    Failed,
    Cancelling,
    Cancelled,
    AuditStarted,
    Audited,
    MessageAppended,
    StateUpdated,
    /// A user's own type.
    Custom,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "those of a run")]
pub enum State {
    Queued,
    Running,
    Waiting,
    Completed,
    Failed,
    Cancelled,
}

impl OrchestrationEvent {
    pub(super) fn of(record: &Record, view: &View, coalesced_from: Option<u64>) -> Result<Self, Corrupt> {
        let data = serde_json::from_str(&record.data)
            .map_err(|error| Corrupt { seq: record.seq, reason: error.to_string() })?;
        let run = &view.run;
        Ok(Self {
            campaign_id: run.stream.clone(),
            run_id: run.id.clone(),
            sequence: record.seq,
            event_type: EventKind::of(&record.event_type),
            state: run.state.into(),
            stage: run.stage.clone(),
            message: run.message.clone(),
            progress: run.progress.fraction,
            agent: run.name.clone(),
            timestamp: record.time,
            data: match &record.event_type {
                EventType::Custom(name) => serde_json::json!({ "type": **name, "data": data }),
                _ => data,
            },
            coalesced_from,
        })
    }
}

impl EventKind {
    fn of(event_type: &EventType) -> Self {
        match event_type {
            EventType::RunCreated => Self::Queued,
            EventType::RunStarted => Self::Running,
            EventType::RunProgressed => Self::Progress,
            EventType::RunWaiting => Self::Waiting,
            EventType::RunResumed => Self::Resumed,
            EventType::RunStalled => Self::Stalled,
            EventType::RunRecovered => Self::Recovered,
            EventType::RunCancelRequested => Self::Cancelling,
            EventType::RunCompleted => Self::Completed,
            EventType::RunFailed => Self::Failed,
            EventType::RunCancelled => Self::Cancelled,
            EventType::RunAuditStarted => Self::AuditStarted,
            EventType::RunAudited => Self::Audited,
            EventType::MessageAppended => Self::MessageAppended,
            EventType::StateUpdated => Self::StateUpdated,
            // The types of artifacts are told by the other callback.
            EventType::ArtifactPending
            | EventType::ArtifactAppended
            | EventType::ArtifactReady
            | EventType::ArtifactFailed
            | EventType::Custom(_) => Self::Custom,
        }
    }
}

impl From<RunState> for State {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Queued => Self::Queued,
            RunState::Running => Self::Running,
            RunState::Waiting => Self::Waiting,
            RunState::Completed => Self::Completed,
            RunState::Failed => Self::Failed,
            RunState::Cancelled => Self::Cancelled,
        }
    }
}
