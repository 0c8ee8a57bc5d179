//! Logs: on stderr, as text or as JSON lines.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::terminal;

#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogArguments {
    /// What to log, such as `info,milepost_hub=debug` [default: `$RUST_LOG`, else `info` to serve and `warn` for the rest]
    #[arg(long, global = true, env = "MILEPOST_LOG", value_name = "FILTER", hide_env_values = true)]
    log: Option<String>,

    /// How to write logs: lines for people, or a JSON object a line
    #[arg(long, global = true, env = "MILEPOST_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Begins to log. To be called once.
pub(crate) fn start(arguments: &LogArguments, default: &str) -> Result<(), Failure> {
    let from_environment = || std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|text| !text.is_empty());
    let filter = arguments.log.clone().or_else(from_environment).unwrap_or_else(|| default.to_owned());
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| Failure::misuse(format!("--log: {filter:?} is no filter of logs: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| terminal::Stderr);
    match arguments.log_format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal() && colours_wanted()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

/// <https://no-color.org>
fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
