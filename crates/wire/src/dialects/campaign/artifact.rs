//! What happened to an artifact: the argument of `ReceiveArtifactUpdate`.

use std::sync::Arc;

use milepost_core::run::ArtifactState;
use milepost_core::view::{ArtifactView, Subject};
use milepost_core::{ArtifactId, Body, Corrupt, EventType, Record, RunId, Time, View};
use serde::Serialize;
use serde_json::Value;

use super::snapshot::{error_value, value};

/// An event about an artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactUpdate {
    /// The root run, whose stream this is.
    pub campaign_id: RunId,
    /// The run that makes the artifact.
    pub run_id: RunId,
    /// The event's place in the stream, shared with orchestration events.
    pub sequence: u64,
    /// Which artifact of that run.
    pub artifact_id: ArtifactId,
    /// What it is, as far as was said by then; the same for the members down to `url`.
    pub artifact_type: Option<Arc<str>>,
    /// What happened to it.
    pub status: ArtifactStatus,
    /// What to call it.
    pub name: Option<Arc<str>>,
    /// Its media type.
    pub media_type: Option<Arc<str>>,
    /// Bytes.
    pub size: Option<u64>,
    /// Where to get it.
    pub url: Option<Arc<str>>,
    /// When it happened.
    pub timestamp: Time,
    /// Of `Appended`: the text to append.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk: Option<String>,
    /// Of `Appended`: where bytes are that were not sent as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Value>,
    /// Of `Failed`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// As of an orchestration event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coalesced_from: Option<u64>,
}

/// What happened to an artifact, or what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ArtifactStatus {
    /// It is announced.
    Pending,
    /// A part of it is there.
    Appended,
    /// It is complete.
    Ready,
    /// It will not come.
    Failed,
}

impl From<ArtifactState> for ArtifactStatus {
    fn from(state: ArtifactState) -> Self {
        match state {
            ArtifactState::Pending => Self::Pending,
            ArtifactState::Ready => Self::Ready,
            ArtifactState::Failed => Self::Failed,
        }
    }
}

impl ArtifactUpdate {
    /// None for events that are not about an artifact.
    pub(super) fn of(record: &Record, view: &View, coalesced_from: Option<u64>) -> Result<Option<Self>, Corrupt> {
        let status = match record.event_type {
            EventType::ArtifactPending => ArtifactStatus::Pending,
            EventType::ArtifactAppended => ArtifactStatus::Appended,
            EventType::ArtifactReady => ArtifactStatus::Ready,
            EventType::ArtifactFailed => ArtifactStatus::Failed,
            _ => return Ok(None),
        };
        let (artifact_id, chunk, bytes, error) = match record.event(&view.run.stream)?.body {
            Body::ArtifactPending(data) => (data.artifact, None, None, None),
            Body::ArtifactAppended(data) => (data.artifact, data.chunk, data.bytes.as_ref().map(value), None),
            Body::ArtifactReady(data) => (data.artifact, None, None, None),
            Body::ArtifactFailed(data) => (data.artifact, None, None, data.error.as_ref().and_then(error_value)),
            _ => return Ok(None),
        };
        let ArtifactView { artifact_type, name, media_type, size, url } = match &view.subject {
            Subject::Artifact(artifact) => (**artifact).clone(),
            _ => ArtifactView::default(),
        };
        Ok(Some(Self {
            campaign_id: view.run.stream.clone(),
            run_id: view.run.id.clone(),
            sequence: record.seq,
            artifact_id,
            artifact_type,
            status,
            name,
            media_type,
            size,
            url,
            timestamp: record.time,
            chunk,
            bytes,
            error,
            coalesced_from,
        }))
    }
}
