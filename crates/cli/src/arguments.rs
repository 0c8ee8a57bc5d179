//! The command line.

use clap::{Parser, Subcommand};

use crate::bench::BenchArguments;
use crate::cancel::CancelArguments;
use crate::demo::DemoArguments;
use crate::doctor::DoctorArguments;
use crate::ingest::IngestArguments;
use crate::logs::LogArguments;
use crate::publish::PublishArguments;
use crate::runs::RunsArguments;
use crate::serve::ServeArguments;
use crate::tail::TailArguments;
use crate::work::WorkArguments;

/// Live and durable progress of long-running work.
#[derive(Debug, Parser)]
#[command(name = "milepost", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) log: LogArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until SIGTERM or Ctrl-C
    Serve(ServeArguments),
    /// Ingest a git repository: clone, parse and index it, here
    Ingest(IngestArguments),
    /// Work on queued runs of a server
    Work(WorkArguments),
    /// Follow a run until it is over
    Tail(TailArguments),
    /// Publish events of a run from stdin
    Publish(PublishArguments),
    /// Ask for the cancellation of a run
    Cancel(CancelArguments),
    /// List runs
    Runs(RunsArguments),
    /// See it work: start a server, ingest this repository, check the result
    Demo(DemoArguments),
    /// Measure what a server costs
    Bench(BenchArguments),
    /// Check the settings, the data directory and the machine
    Doctor(DoctorArguments),
    /// Print the OpenAPI document of the HTTP API
    #[command(after_help = "Example: milepost openapi > openapi.json")]
    Openapi,
}

impl Command {
    /// What is logged unless the user says otherwise: a server's operator wants to see it work, at a terminal the result
    /// speaks for itself.
    pub(crate) fn default_filter(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            _ => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
