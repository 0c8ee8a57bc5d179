//! `milepost doctor`.

mod directory;
mod machine;
mod trial;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use milepost_server::Config;
use milepost_server::config::Overrides;

use crate::{Outcome, output, serve};

const AFTER_HELP: &str = "\
Looks at what `milepost serve` would use, with the same settings, and changes nothing. Exits 1 when something fails.

Example: milepost doctor --data-dir /var/lib/milepost";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DoctorArguments {
    /// The data directory [default: that of the settings]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,

    /// Settings in TOML [default: milepost.toml in the working directory, if it is there]
    #[arg(long, value_name = "FILE", env = "MILEPOST_CONFIG")]
    config: Option<PathBuf>,
}

/// What was found out about one thing.
struct Finding {
    what: &'static str,
    level: Level,
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    Fail,
}

pub(crate) async fn run(arguments: DoctorArguments) -> Outcome {
    let mut failed = false;
    let mut tell = |finding: Finding| {
        failed |= finding.level == Level::Fail;
        output::line(finding)
    };
    let overrides = Overrides { data_dir: arguments.data_dir, ..Overrides::default() };
    match Config::load(&overrides, arguments.config.as_deref(), serve::environment()) {
        Err(error) => tell(Finding::fail("settings", error.to_string()))?,
        Ok(config) => {
            tell(Finding::ok("settings", "they are valid".to_owned()))?;
            for finding in directory::examine(&config.data_dir) {
                tell(finding)?;
            }
            tell(machine::listen(config.listen))?;
        }
    }
    tell(machine::files())?;
    tell(machine::git())?;
    tell(trial::run().await)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Finding {
    fn ok(what: &'static str, words: String) -> Self {
        Self { what, level: Level::Ok, words }
    }

    fn warn(what: &'static str, words: String) -> Self {
        Self { what, level: Level::Warn, words }
    }

    fn fail(what: &'static str, words: String) -> Self {
        Self { what, level: Level::Fail, words }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        write!(f, "{level:<4}  {:<15} {}", self.what, self.words.trim_end())
    }
}
