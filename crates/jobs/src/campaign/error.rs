//! Why a job, or a part of one, failed.

use milepost_client::{ClientError, RunHandle};
use milepost_core::Code;

/// Why a job, or a part of one, failed. The text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Somebody asked for it, or the lease is lost.
    #[error("cancelled")]
    Cancelled,
    /// The worker went away in the middle.
    #[error("whoever worked on it went away in the middle")]
    Interrupted,
    /// The run is not what this worker can do.
    #[error("{0}")]
    NotAJob(String),
    /// The chat endpoint cannot be reached, or not in time.
    #[error("the chat endpoint cannot be reached: {0}")]
    Unreachable(String),
    /// The chat endpoint has too much to do.
    #[error("the chat endpoint has too much to do: {0}")]
    Busy(String),
    /// The chat endpoint does not take the request.
    #[error("the chat endpoint refused: {0}")]
    Refused(String),
    /// The chat endpoint said something that is no answer.
    #[error("the chat endpoint's answer makes no sense: {0}")]
    Unintelligible(String),
    /// The chat endpoint broke off in the middle of its answer.
    #[error("the chat endpoint broke off: {0}")]
    BrokenOff(String),
    /// There is no room for an artifact.
    #[error("the server has no space left for what was made")]
    DiskFull,
    /// Nothing came of any part.
    #[error("nothing came of it: {0}")]
    Nothing(String),
    /// A picture cannot be drawn.
    #[error("the picture cannot be drawn: {0}")]
    Drawing(String),
    /// Something is wrong that no retry mends.
    #[error("{0}")]
    Internal(String),
}

impl JobError {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => Code::Cancelled.as_str(),
            Self::Interrupted => Code::Interrupted.as_str(),
            Self::NotAJob(_) => Code::InvalidRequest.as_str(),
            Self::Unreachable(_) => "llm_unreachable",
            Self::Busy(_) => "llm_busy",
            Self::Refused(_) => "llm_refused",
            Self::Unintelligible(_) => "llm_unintelligible",
            Self::BrokenOff(_) => "llm_broken_off",
            Self::DiskFull => Code::DiskFull.as_str(),
            Self::Nothing(_) => "nothing_made",
            Self::Drawing(_) => "drawing_failed",
            Self::Internal(_) => Code::Internal.as_str(),
        }
    }

    /// What became of a report or an upload of `handle` that was not taken.
    pub(crate) fn reporting(handle: &RunHandle, error: &ClientError) -> Self {
        let over = matches!(error.code(), Some(Code::RunCancelling | Code::LeaseLost | Code::RunTerminal));
        if over || handle.cancellation().is_cancelled() {
            return Self::Cancelled;
        }
        match error.code() {
            Some(Code::DiskFull) => Self::DiskFull,
            _ => Self::Internal(format!("what was made could not be handed over: {error}")),
        }
    }
}
