//! Campaigns as their pages see them: what the callbacks of the campaign hub are called with.
//!
//! Plain values, so that the JSON and the `MessagePack` encoding of the hub come out alike: nothing in them is JSON text already. Every
//! event of a campaign becomes exactly one [`Update`], so a client proves by the sequences of both callbacks that it has missed nothing.

mod artifact;
mod event;
mod snapshot;

use milepost_core::{Corrupt, EventType, Record, RunId, View};

use serde::Serialize;

pub use artifact::{ArtifactStatus, ArtifactUpdate};
pub use event::{EventKind, OrchestrationEvent, State};
pub use snapshot::{AuditStatus, CampaignSnapshot, SnapshotArtifact, SnapshotRun};

/// What an event of a campaign is told by.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Update {
    /// `ReceiveOrchestrationEvent`.
    Orchestration(OrchestrationEvent),
    /// `ReceiveArtifactUpdate`.
    Artifact(ArtifactUpdate),
}

impl Update {
    /// The name of the callback.
    pub fn callback(&self) -> &'static str {
        match self {
            Self::Orchestration(_) => "ReceiveOrchestrationEvent",
            Self::Artifact(_) => "ReceiveArtifactUpdate",
        }
    }
}

/// What an event is told by, from the event and the runs as they stood right after it. `coalesced_from` is the first of the
/// sequences before it that were superseded progress.
///
/// # Errors
/// [`Corrupt`] when the record is not one of this version.
pub fn update(record: &Record, view: &View, coalesced_from: Option<u64>) -> Result<Update, Corrupt> {
    Ok(match ArtifactUpdate::of(record, view, coalesced_from)? {
        Some(artifact) => Update::Artifact(artifact),
        None => Update::Orchestration(OrchestrationEvent::of(record, view, coalesced_from)?),
    })
}

/// The run whose cancellation this event acknowledges: `ReceiveCancellationAcknowledgement` follows it. None for other events, and for runs
/// that are cancelled along with the one that was asked for.
pub fn acknowledged<'a>(record: &Record, view: &'a View) -> Option<&'a RunId> {
    let asked_for = record.event_type == EventType::RunCancelled && view.run.cancel.is_some();
    asked_for.then_some(&view.run.id)
}

#[cfg(test)]
mod tests;
