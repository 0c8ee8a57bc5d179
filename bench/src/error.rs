use std::io;
use std::time::Duration;

/// What keeps something from being measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The server did not say that it listens.
    #[error("{server} did not start: {said}")]
    NotStarted {
        /// The binary.
        server: String,
        /// The end of what it wrote, or the reason.
        said: String,
    },
    /// The server refused a request that the measurement needs.
    #[error("{request} was answered with {status}: {body}")]
    Refused {
        /// The method and the path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
    /// The server answered something that this client does not understand.
    #[error("{0}")]
    Protocol(&'static str),
    /// The server did not get there in time.
    #[error("{what}: only {reached} of {awaited} after {} s", limit.as_secs())]
    TooSlow {
        /// What was waited for.
        what: &'static str,
        /// How much of it there was.
        reached: u64,
        /// How much of it there should have been.
        awaited: u64,
        /// How long was waited.
        limit: Duration,
    },
}

impl Error {
    /// Makes an error of what the system says; for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { what: what.into(), source }
    }
}
