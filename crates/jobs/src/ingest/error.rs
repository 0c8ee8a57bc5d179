//! What can go wrong in an ingestion, as the nine codes clients are promised.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::time::Duration;

use super::plan::redact;

/// Why an ingestion did not complete. Messages are for people and never contain credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// Nothing there: no such host, path, repository or branch.
    #[error("{0}")]
    RepositoryNotFound(String),
    /// The remote wants credentials or refuses those in the URL. (GitHub answers so for missing repositories too.)
    #[error("{0}")]
    AuthenticationRequired(String),
    /// The text is not a repository URL, or not a branch name.
    #[error("{0}")]
    InvalidUrl(String),
    /// A well-formed URL that the policy refuses.
    #[error("{0}")]
    UrlNotAllowed(String),
    /// The repository is larger than the limits.
    #[error("{0}")]
    TooLarge(String),
    /// No space left where the work is done.
    #[error("the disk of the work directory is full")]
    DiskFull,
    /// The time limit ran out.
    #[error("not finished within the limit of {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Anything else.
    #[error("{0}")]
    Internal(String),
}

impl IngestError {
    /// The stable code of the wire contract.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::RepositoryNotFound(_) => "repository_not_found",
            Self::AuthenticationRequired(_) => "authentication_required",
            Self::InvalidUrl(_) => "invalid_url",
            Self::UrlNotAllowed(_) => "url_not_allowed",
            Self::TooLarge(_) => "too_large",
            Self::DiskFull => "disk_full",
            Self::TimedOut(_) => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Internal(_) => "internal",
        }
    }

    /// An unexpected failure of `doing`, unless its causes tell that the disk is full.
    pub(crate) fn unexpected(doing: &str, error: &(dyn Error + 'static)) -> Self {
        if causes(error).any(is_disk_full) {
            return Self::DiskFull;
        }
        let mut message = doing.to_owned();
        for cause in causes(error) {
            message.push_str(": ");
            message.push_str(&cause.to_string());
        }
        Self::internal(message)
    }

    /// An internal error that takes its words from elsewhere, so they are stripped of credentials.
    pub(crate) fn internal(message: impl Display) -> Self {
        Self::Internal(redact(&message.to_string()))
    }
}

impl From<io::Error> for IngestError {
    fn from(error: io::Error) -> Self {
        Self::unexpected("input or output failed", &error)
    }
}

fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            || error.get_ref().is_some_and(|inner| is_disk_full(inner))
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    std::iter::successors(Some(error), |error| Error::source(*error))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_recognised_behind_other_errors() {
        let mut full = std::fs::File::create("/dev/full").unwrap();
        let error = full.write_all(b"x").unwrap_err();
        let wrapped = io::Error::other(error);
        assert_eq!(IngestError::from(wrapped), IngestError::DiskFull);
    }

    #[test]
    fn foreign_words_lose_their_credentials() {
        let error = IngestError::internal("cannot reach https://me:secret@host/x.git at all");
        assert_eq!(error.to_string(), "cannot reach https://host/x.git at all");
    }
}
