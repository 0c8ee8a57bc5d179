//! `milepost`: the server, and what one does with a server from a terminal.
//!
//! What was asked for goes to stdout, logs and chatter go to stderr. No library below knows of either.

mod arguments;
mod bench;
mod cancel;
mod demo;
mod doctor;
mod embedded;
mod failure;
mod ingest;
mod keyboard;
mod logs;
mod openapi;
mod output;
mod publish;
mod remote;
mod runs;
mod serve;
mod signals;
mod tail;
mod terminal;
mod text;
mod view;
mod watch;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;

#[cfg(all(feature = "jemalloc", not(target_env = "msvc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How a command ended when nothing went wrong with the command itself: 0, or how the run ended that it was about.
type Outcome = Result<ExitCode, Failure>;

/// Threads for blocking work: reading artifacts, jobs. Tokio's own default of 512 is more than this server needs.
const BLOCKING_THREADS: usize = 64;

/// How long blocking work may take to notice that the process ends.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // Before anything else: ingestions start this program again, to parse in it what strangers wrote.
    milepost_jobs::ingest::parser_process();
    let Arguments { command, log } = Arguments::parse();
    let outcome = logs::start(&log, command.default_filter()).and_then(|()| run(command));
    outcome.unwrap_or_else(|failure| failure.report())
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(arguments) => in_runtime(serve::run(arguments)),
        Command::Ingest(arguments) => in_runtime(ingest::run(arguments)),
        Command::Tail(arguments) => in_runtime(tail::run(arguments)),
        Command::Work(arguments) => in_runtime(work::run(arguments)),
        Command::Publish(arguments) => in_runtime(publish::run(arguments)),
        Command::Cancel(arguments) => in_runtime(cancel::run(arguments)),
        Command::Runs(arguments) => in_runtime(runs::run(arguments)),
        Command::Demo(arguments) => in_runtime(demo::run(arguments)),
        Command::Doctor(arguments) => in_runtime(doctor::run(arguments)),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Openapi => openapi::run(),
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
