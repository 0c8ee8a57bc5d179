//! What can go wrong.

use milepost_core::Code;
use milepost_wire::native::Problem;
use milepost_wire::native::answers::{CancelCommand, CancelInfo};

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The server understood and refused; nothing was changed.
    #[error("{detail} ({code})")]
    Refused {
        /// The code of the catalogue; `http_<status>` when the answer was no problem document.
        code: String,
        /// The HTTP status.
        status: u16,
        /// What happened, for people.
        detail: String,
        /// The open cancel request, with `run_cancelling`.
        cancel: Option<Box<CancelInfo>>,
        /// Which event of a batch was the reason, from 0 on.
        index: Option<usize>,
    },
    /// No answer came. The server may have done what was asked.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The answer makes no sense to this version.
    #[error("the server's answer cannot be understood: {0}")]
    Unintelligible(String),
    /// What was to be sent cannot be: a file that cannot be read, a name that is none.
    #[error("{0}")]
    Local(String),
}

impl ClientError {
    /// A refusal with a code of the catalogue.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// The code of a refusal, if this version knows it.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => code.parse().ok(),
            _ => None,
        }
    }

    /// Whether the same call may succeed later: no connection, 429, or the server's own trouble (5xx).
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            Self::Unintelligible(_) | Self::Local(_) => false,
        }
    }

    /// The cancel request that the refusal tells of.
    pub fn cancel(&self) -> Option<&CancelInfo> {
        match self {
            Self::Refused { cancel, .. } => cancel.as_deref(),
            _ => None,
        }
    }

    /// The refusal of whatever comes from a run that is to be cancelled.
    pub(crate) fn cancelling(cancel: &CancelCommand) -> Self {
        Self::refused(Code::RunCancelling, format!("cancellation of the run `{}` was asked for", cancel.run))
    }
}

impl From<Problem> for ClientError {
    fn from(problem: Problem) -> Self {
        let Problem { code, status, detail, cancel, index, .. } = problem;
        Self::Refused { code, status, detail, cancel: cancel.map(Box::new), index }
    }
}

impl From<milepost_core::InvalidName> for ClientError {
    fn from(error: milepost_core::InvalidName) -> Self {
        Self::Local(error.to_string())
    }
}
