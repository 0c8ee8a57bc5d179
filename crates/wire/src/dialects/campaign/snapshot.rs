//! Where a campaign stands: the argument of `ReceiveCampaignSnapshot`.

use std::sync::Arc;

use milepost_core::event::ErrorInfo;
use milepost_core::run::{Artifact, ArtifactState, AuditState};
use milepost_core::{ArtifactId, Json, Kind, Run, RunId, Snapshot, Time};
use serde::Serialize;
use serde_json::Value;

use super::{ArtifactStatus, State};

/// A campaign at one sequence. It says all that a page needs to go on with the events after it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignSnapshot {
    /// The root run.
    pub campaign_id: RunId,
    /// The state of the root.
    pub current_state: State,
    /// The types of the artifacts that are ready, each once, in order of appearance.
    pub completed_artifacts: Vec<Arc<str>>,
    /// The types of the artifacts that are announced, each once.
    pub pending_artifacts: Vec<Arc<str>>,
    /// Where the audit stands, whichever run of the campaign is audited.
    pub audit_status: AuditStatus,
    /// The sequence that it stands at; 0 for a campaign that does not exist yet.
    pub last_event_sequence: u64,
    /// When it was made.
    pub timestamp: Time,
    /// How far the campaign is, 0 to 1; none before anything is known.
    pub progress: Option<f64>,
    /// All runs of the campaign, the root first, parents before children.
    pub runs: Vec<SnapshotRun>,
    /// All artifacts, in order of appearance.
    pub artifacts: Vec<SnapshotArtifact>,
}

/// A run of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members are those of RUN in docs/protocol.md; `agent` is its name")]
pub struct SnapshotRun {
    pub run_id: RunId,
    pub parent_id: Option<RunId>,
    pub kind: Kind,
    pub agent: Option<Arc<str>>,
    pub state: State,
    pub stalled: bool,
    pub cancelling: bool,
    pub attempt: u32,
    pub stage: Option<Arc<str>>,
    pub message: Option<Arc<str>>,
    pub progress: Option<f64>,
    pub error: Option<Value>,
    pub result: Option<Value>,
    pub verdict: Option<Arc<str>>,
    pub created_at: Time,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
    pub updated_at: Time,
}

/// An artifact of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members are those of ARTIFACT in docs/protocol.md")]
pub struct SnapshotArtifact {
    pub artifact_id: ArtifactId,
    pub run_id: RunId,
    pub artifact_type: Option<Arc<str>>,
    pub status: ArtifactStatus,
    pub name: Option<Arc<str>>,
    pub media_type: Option<Arc<str>>,
    pub size: Option<u64>,
    pub url: Option<Arc<str>>,
    /// What `Appended` updates brought so far, up to a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

/// Where an audit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum AuditStatus {
    NotStarted,
    InProgress,
    Completed,
}

impl CampaignSnapshot {
    /// The campaign as a snapshot of its tree has it. None when that has no run.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let root = snapshot.runs.first()?;
        Some(Self {
            campaign_id: root.id.clone(),
            current_state: root.state.into(),
            completed_artifacts: types(snapshot, ArtifactState::Ready),
            pending_artifacts: types(snapshot, ArtifactState::Pending),
            audit_status: audit_status(snapshot),
            last_event_sequence: snapshot.seq,
            timestamp: snapshot.time,
            progress: root.progress.fraction,
            runs: snapshot.runs.iter().map(|run| SnapshotRun::of(run)).collect(),
            artifacts: snapshot.artifacts.iter().map(|artifact| SnapshotArtifact::of(artifact)).collect(),
        })
    }

    /// A campaign that does not exist yet.
    pub fn missing(campaign_id: RunId, now: Time) -> Self {
        Self {
            campaign_id,
            current_state: State::Queued,
            completed_artifacts: Vec::new(),
            pending_artifacts: Vec::new(),
            audit_status: AuditStatus::NotStarted,
            last_event_sequence: 0,
            timestamp: now,
            progress: None,
            runs: Vec::new(),
            artifacts: Vec::new(),
        }
    }
}

impl SnapshotRun {
    fn of(run: &Run) -> Self {
        Self {
            run_id: run.id.clone(),
            parent_id: run.parent.clone(),
            kind: run.kind.clone(),
            agent: run.name.clone(),
            state: run.state.into(),
            stalled: run.stalled,
            cancelling: run.is_cancelling(),
            attempt: run.attempt,
            stage: run.stage.clone(),
            message: run.message.clone(),
            progress: run.progress.fraction,
            error: run.error.as_deref().and_then(error_value),
            result: run.result.as_ref().map(value),
            verdict: run.verdict.clone(),
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            updated_at: run.updated_at,
        }
    }
}

impl SnapshotArtifact {
    fn of(artifact: &Artifact) -> Self {
        Self {
            artifact_id: artifact.artifact.clone(),
            run_id: artifact.run.clone(),
            artifact_type: artifact.artifact_type.clone(),
            status: artifact.state.into(),
            name: artifact.name.clone(),
            media_type: artifact.media_type.clone(),
            size: artifact.size,
            url: artifact.url.clone(),
            text: artifact.text.clone(),
            error: artifact.error.as_deref().and_then(error_value),
        }
    }
}

fn types(snapshot: &Snapshot, state: ArtifactState) -> Vec<Arc<str>> {
    let mut types = Vec::new();
    for artifact in snapshot.artifacts.iter().filter(|artifact| artifact.state == state) {
        let Some(artifact_type) = &artifact.artifact_type else { continue };
        if !types.contains(artifact_type) {
            types.push(artifact_type.clone());
        }
    }
    types
}

fn audit_status(snapshot: &Snapshot) -> AuditStatus {
    let any = |state| snapshot.runs.iter().any(|run| run.audit == state);
    if any(AuditState::InProgress) {
        AuditStatus::InProgress
    } else if any(AuditState::Completed) {
        AuditStatus::Completed
    } else {
        AuditStatus::NotStarted
    }
}

/// Opaque JSON as a value, which every encoding of the hub takes.
pub(super) fn value(json: &Json) -> Value {
    serde_json::from_str(json.get()).unwrap_or_default()
}

pub(super) fn error_value(error: &ErrorInfo) -> Option<Value> {
    serde_json::to_value(error).ok()
}
