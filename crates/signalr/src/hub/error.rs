//! What a hub method may fail with.

use std::error::Error;
use std::fmt;

/// The failure of a hub method.
///
/// A message made with [`HubError::new`] is meant for the client and always shown. Any other error, taken in by `?` or
/// [`HubError::internal`], stays inside: the client hears that something went wrong, and what it was only with
/// [`detailed_errors`](crate::Options::detailed_errors). Errors that are hidden are logged.
///
/// Like other types that swallow every error, this one is no [`Error`] itself.
pub struct HubError(Kind);

enum Kind {
    Shown(String),
    Hidden { name: &'static str, message: String },
}

impl HubError {
    /// A failure that the client is told.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Kind::Shown(message.into()))
    }

    /// A failure that concerns nobody outside.
    #[must_use]
    pub fn internal<E: fmt::Display>(error: E) -> Self {
        let path = std::any::type_name::<E>().split('<').next().unwrap_or_default();
        let name = match path.rsplit("::").next() {
            // A text has no name.
            None | Some("&str" | "String") => "Error",
            Some(name) => name,
        };
        Self(Kind::Hidden { name, message: error.to_string() })
    }

    /// Whether clients are told only when detailed errors are on.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self.0, Kind::Hidden { .. })
    }

    /// A sentence for the client: `what`, and the details if it may know them.
    pub(crate) fn told(&self, what: &str, detailed: bool) -> String {
        match &self.0 {
            Kind::Shown(message) => format!("{what} HubException: {message}"),
            Kind::Hidden { name, message } if detailed => format!("{what} {name}: {message}"),
            Kind::Hidden { .. } => what.to_owned(),
        }
    }
}

impl fmt::Debug for HubError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Shown(message) => formatter.write_str(message),
            Kind::Hidden { name, message } => write!(formatter, "{name}: {message}"),
        }
    }
}

impl<E: Error> From<E> for HubError {
    fn from(error: E) -> Self {
        Self::internal(error)
    }
}
