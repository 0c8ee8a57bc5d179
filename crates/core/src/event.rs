//! Events: what the log holds, and the only way a run changes.

mod body;
mod types;

use serde::Deserialize;

pub use body::{
    Amount, ArtifactAppended, ArtifactFailed, ArtifactPending, ArtifactReady, AuditStarted, Audited, Body, ErrorInfo,
    InvalidBody, MessageAppended, Nothing, RunCancelRequested, RunCancelled, RunCompleted, RunCreated, RunFailed,
    RunProgressed, RunResumed, RunStarted, RunWaiting, StateUpdated,
};
pub use types::{EventType, InvalidEventType};

use crate::name::{EventId, RunId};
use crate::time::Time;

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its sequence in the stream: 1, 2, 3 … without a gap.
    pub seq: u64,
    /// The root run, whose stream this is.
    pub stream: RunId,
    /// The run that it is about.
    pub run: RunId,
    /// The producer's time where it gave one, else the server's.
    pub time: Time,
    /// The producer's idempotency id, or one made by the server.
    pub id: EventId,
    /// What happened.
    pub body: Body,
}

/// Tells "not given" from "given as null": `None`, `Some(None)`, `Some(Some(value))`.
///
/// For members where null has a meaning of its own, like `total: null` (indeterminate).
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
