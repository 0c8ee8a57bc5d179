//! `milepost work`.

mod campaign;
mod ingest;
mod slot;
mod trade;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use milepost_core::caps;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::failure::Failure;
use crate::remote::RemoteArguments;
use crate::signals::Signals;
use crate::terminal::note;
use slot::Slot;
use trade::Trade;

const AFTER_HELP: &str = "\
Claims queued runs of a server, one after the other, and works on them here. While it works it keeps the lease of the run; \
when it is killed, the run stalls and goes to another worker as its next attempt.
On SIGTERM or Ctrl-C it claims nothing more, finishes what it has within --drain seconds, and gives back what is left.
Exits 0 when it was told to stop, 1 when the server refuses it.

Example: milepost work --kinds ingest --concurrency 2 --server http://127.0.0.1:6453";

/// How long giving runs back may take when nobody waits for the work any more.
const HURRY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WorkArguments {
    /// What to work on, separated by commas
    #[arg(long, value_delimiter = ',', required = true, value_name = "KINDS", value_parser = trade::find)]
    kinds: Vec<&'static Trade>,

    /// Runs to work on at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,

    /// Seconds of silence after which another worker may have a run of this one
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(caps::LEASE_SECONDS_MAX)))]
    lease: u32,

    /// Seconds in which to finish when told to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    drain: u64,

    #[command(flatten)]
    limits: Permissions,

    #[command(flatten)]
    remote: RemoteArguments,
}

/// What the runs of a server may make this machine do. They may come from strangers.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Permissions {
    /// Let ingestions read paths of this machine
    #[arg(long)]
    allow_local: bool,

    /// Let ingestions connect to private and loopback addresses
    #[arg(long)]
    allow_private: bool,
}

/// How the command is told to stop.
#[derive(Debug, Clone, Default)]
struct Stop {
    /// Claim nothing more.
    drain: CancellationToken,
    /// Give back what is not finished.
    hurry: CancellationToken,
}

pub(crate) async fn run(arguments: WorkArguments) -> Outcome {
    let mut signals = Signals::listen()?;
    let stop = Stop::default();
    let mut slots = JoinSet::new();
    for _ in 0..arguments.concurrency {
        let slot = Slot::new(&arguments, stop.clone())?;
        slots.spawn(slot.run());
    }
    note(format_args!("working for {}", arguments.remote.server));
    tokio::select! {
        ended = slots.join_next() => return refused(&mut slots, &stop, ended).await,
        () = signals.next() => {}
    }
    note(format_args!("stopping: finishing for up to {} s; once more to give back at once", arguments.drain));
    stop.drain.cancel();
    tokio::select! {
        () = all_of(&mut slots) => return Ok(ExitCode::SUCCESS),
        () = sleep(Duration::from_secs(arguments.drain)) => {}
        () = signals.next() => {}
    }
    give_back(&mut slots, &stop).await;
    Ok(ExitCode::SUCCESS)
}

/// A slot ends by itself only because the server will not have it; then the others have nothing to hope for either.
async fn refused(
    slots: &mut JoinSet<Result<(), Failure>>,
    stop: &Stop,
    ended: Option<Result<Result<(), Failure>, tokio::task::JoinError>>,
) -> Outcome {
    give_back(slots, stop).await;
    match ended {
        Some(Ok(Err(failure))) => Err(failure),
        Some(Err(broken)) => Err(Failure::new(format!("a worker broke: {broken}"))),
        Some(Ok(Ok(()))) | None => Ok(ExitCode::SUCCESS),
    }
}

async fn give_back(slots: &mut JoinSet<Result<(), Failure>>, stop: &Stop) {
    stop.drain.cancel();
    stop.hurry.cancel();
    if timeout(HURRY, all_of(slots)).await.is_err() {
        note("the server could not be told in time; the leases run out by themselves");
    }
}

async fn all_of(slots: &mut JoinSet<Result<(), Failure>>) {
    while slots.join_next().await.is_some() {}
}
