//! `milepost`: the server, and what one does with a server from a terminal.
//!
//! What was asked for goes to stdout, logs and chatter go to stderr. No library below knows of either.

mod arguments;
mod failure;
mod logs;
mod openapi;
mod output;
mod serve;
mod signals;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;

/// How a command ended when nothing went wrong with the command itself: 0, or how the run ended that it was about.
type Outcome = Result<ExitCode, Failure>;

/// Threads for blocking work: reading artifacts, jobs. Tokio's own default of 512 is more than this server needs.
const BLOCKING_THREADS: usize = 64;

/// How long blocking work may take to notice that the process ends.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let Arguments { command, log } = Arguments::parse();
    let outcome = logs::start(&log, command.default_filter()).and_then(|()| run(command));
    outcome.unwrap_or_else(|failure| failure.report())
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Openapi => openapi::run(),
        Command::Serve(arguments) => in_runtime(serve::run(arguments)),
    }
}

fn in_runtime(work: impl Future<Output = Outcome>) -> Outcome {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.enable_all().thread_name("milepost").max_blocking_threads(BLOCKING_THREADS).build();
    let runtime = runtime.map_err(|error| Failure::new(format!("the threads cannot be started: {error}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_MOMENTS);
    outcome
}
