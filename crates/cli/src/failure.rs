//! What went wrong, in words for the person at the keyboard.

use std::process::ExitCode;

use milepost_client::ClientError;
use milepost_core::Code;
use milepost_server::{ConfigError, StartError};

use crate::terminal;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    exit: u8,
}

/// Something is wrong with the work.
const FAILED: u8 = 1;

/// Something is wrong with what was asked for; what clap exits with too.
const MISUSED: u8 = 2;

/// What a shell reports of a program whose reader went away (128 + SIGPIPE).
const READER_GONE: u8 = 141;

impl Failure {
    /// Something that did not work.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: FAILED }
    }

    /// Something that cannot be asked for.
    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Self { exit: MISUSED, ..Self::new(message) }
    }

    /// What to do about it.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same, said of a part of what was asked for.
    #[must_use]
    pub(crate) fn about(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// What happened.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Tells the user, and says how to exit.
    pub(crate) fn report(&self) -> ExitCode {
        if self.exit != READER_GONE {
            terminal::note(format_args!("milepost: {}", self.message.trim_end()));
            if let Some(hint) = &self.hint {
                terminal::note(format_args!("hint: {hint}"));
            }
        }
        ExitCode::from(self.exit)
    }
}

/// Output that cannot be written.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let exit = if error.kind() == std::io::ErrorKind::BrokenPipe { READER_GONE } else { FAILED };
        Self { exit, ..Self::new(format!("cannot write the output: {error}")) }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::misuse(error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = Self::new(error.to_string());
        match hint(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// What helps against a refusal, where the refusal itself does not say.
fn hint(error: &ClientError) -> Option<&'static str> {
    if matches!(error, ClientError::Unreachable(_)) {
        return Some("`milepost serve` starts a server, `--server URL` names another one");
    }
    Some(match error.code()? {
        Code::RunNotFound => "`milepost runs` lists the runs of a project, `--project NAME` names another project",
        Code::RunExists => "choose another id",
        Code::RunTerminal => "`milepost tail RUN` shows how it ended",
        Code::IllegalTransition => "a run is started by `run.started`, and nothing follows its end",
        Code::RunCancelling => "somebody asked for its cancellation; publish `run.cancelled` to end it",
        Code::Unauthorized => "give a token: `--token TOKEN`, or the variable MILEPOST_TOKEN",
        Code::Forbidden => "the token needs another scope: publish, subscribe, cancel or admin",
        Code::TooManyRequests | Code::TooManyConnections | Code::StoreUnavailable | Code::ShuttingDown => {
            "try again in a moment"
        }
        Code::NotFound => "is there a Milepost server behind this URL?",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_become_prose_with_a_hint() {
        let failure = Failure::from(ClientError::refused(Code::RunNotFound, "there is no run `r1`"));
        assert_eq!(failure.message, "there is no run `r1` (run_not_found)");
        assert!(failure.hint.is_some_and(|hint| hint.contains("milepost runs")));
        assert_eq!(failure.exit, FAILED);
    }
}
