//! What went wrong, in words for the person at the keyboard.

use std::io::Write as _;
use std::process::ExitCode;

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

    /// Tells the user, and says how to exit.
    pub(crate) fn report(&self) -> ExitCode {
        if self.exit != READER_GONE {
            let mut stderr = std::io::stderr().lock();
            let hint = self.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            // Where stderr is closed there is nobody to tell.
            drop(writeln!(stderr, "milepost: {}{hint}", self.message));
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

impl From<milepost_server::ConfigError> for Failure {
    fn from(error: milepost_server::ConfigError) -> Self {
        Self::misuse(error.to_string())
    }
}

impl From<milepost_server::StartError> for Failure {
    fn from(error: milepost_server::StartError) -> Self {
        Self::new(error.to_string())
    }
}
