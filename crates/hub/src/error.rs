//! Why the hub refuses.

use milepost_core::{Code, Cursor, EventId, Refusal, RunId};
use milepost_store::StoreError;

/// A refusal, or a failure; either way nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum HubError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("there is no run `{0}` in this project")]
    RunNotFound(RunId),
    #[error("a run `{0}` exists already, of another kind or in another place")]
    RunExists(RunId),
    #[error("the stream stands at {head}")]
    HeadMoved { head: Cursor },
    #[error("the lease is not that of the attempt of the run `{run}` which is under way (number {attempt})")]
    LeaseLost { run: RunId, attempt: u32 },
    #[error("event ids like `{0}` are made by the server, and it has made no such one")]
    EventIdReserved(EventId),
    #[error("the run `{run}` is a part of `{root}`; this takes roots only")]
    NotARoot { run: RunId, root: RunId },
    #[error("the run `{0}` is not over yet; cancel it first")]
    NotTerminal(RunId),
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl HubError {
    /// Its code in the catalogue.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::RunNotFound(_) => Code::RunNotFound,
            Self::RunExists(_) => Code::RunExists,
            Self::HeadMoved { .. } => Code::HeadMoved,
            Self::LeaseLost { .. } => Code::LeaseLost,
            Self::EventIdReserved(_) => Code::EventIdReserved,
            Self::NotARoot { .. } => Code::NotARoot,
            Self::NotTerminal(_) => Code::RunNotTerminal,
            Self::ShuttingDown => Code::ShuttingDown,
            Self::Store(StoreError::Unavailable(_)) => Code::StoreUnavailable,
            Self::Store(StoreError::Corrupt(_)) => Code::Internal,
        }
    }
}
