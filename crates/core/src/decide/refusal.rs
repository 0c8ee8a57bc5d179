//! Why a draft is refused.

use std::sync::Arc;

use crate::event::EventType;
use crate::name::{ArtifactId, MessageId, RunId};
use crate::problem::Code;
use crate::run::{Cancel, RunState};

/// A refusal: nothing was changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum Refusal {
    #[error("there is no run `{0}` in this tree")]
    RunNotFound(RunId),
    #[error("the run `{0}` exists already")]
    RunExists(RunId),
    #[error("`{0}` has no parent, and this tree has a root already")]
    SecondRoot(RunId),
    #[error("the run `{run}` is {}; nothing follows but an audit", state.as_str())]
    Terminal { run: RunId, state: RunState },
    #[error("`{event_type}` cannot happen to the run `{run}` while it is {}", state.as_str())]
    Illegal { run: RunId, state: RunState, event_type: EventType },
    #[error("cancellation of the run `{run}` was asked for: stop, and publish run.cancelled for it")]
    Cancelling { run: RunId, cancel: Arc<Cancel> },
    #[error("only the server writes `{0}`")]
    Reserved(EventType),
    #[error("at most {max} {what}")]
    Limit { what: &'static str, max: u64 },
    #[error("{0}")]
    Patch(String),
    #[error("{0}")]
    Invalid(String),
    #[error("the message `{0}` is complete")]
    MessageFinal(MessageId),
    #[error("the artifact `{0}` is ready, and artifacts never change")]
    ArtifactExists(ArtifactId),
}

impl Refusal {
    /// Its code in the catalogue.
    pub fn code(&self) -> Code {
        match self {
            Self::RunNotFound(_) => Code::RunNotFound,
            Self::RunExists(_) | Self::SecondRoot(_) => Code::RunExists,
            Self::Terminal { .. } => Code::RunTerminal,
            Self::Illegal { .. } => Code::IllegalTransition,
            Self::Cancelling { .. } => Code::RunCancelling,
            Self::Reserved(_) => Code::EventTypeReserved,
            Self::Limit { .. } => Code::LimitExceeded,
            Self::Patch(_) => Code::PatchFailed,
            Self::Invalid(_) => Code::InvalidEvent,
            Self::MessageFinal(_) => Code::MessageFinal,
            Self::ArtifactExists(_) => Code::ArtifactExists,
        }
    }
}
