//! `milepost cancel`.

use std::process::ExitCode;

use clap::Args;
use milepost_core::{RunId, RunState};
use milepost_wire::Start;
use milepost_wire::native::requests::CancelRequest;

use crate::failure::Failure;
use crate::remote::RemoteArguments;
use crate::{Outcome, output, view, watch};

const AFTER_HELP: &str = "\
The worker is told, and has the grace to stop and say so; after that the server ends the run by itself.
With --wait, exits 0 once the run is cancelled, and 1 when it ended otherwise.

Example: milepost cancel run-42 --reason 'wrong branch' --wait";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CancelArguments {
    /// The run to cancel, with everything below it
    run: RunId,

    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// How long the worker has to acknowledge
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    grace: u32,

    /// Follow the run until it is over
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    remote: RemoteArguments,
}

pub(crate) async fn run(arguments: CancelArguments) -> Outcome {
    let CancelArguments { run, reason, grace, wait, remote } = arguments;
    let client = remote.client()?;
    let accepted = client.cancel(&run, &CancelRequest { reason, grace_seconds: grace }).await?;
    output::line(format_args!("cancelling {run}, until {} at the latest", accepted.cancel.deadline))?;
    if !wait {
        return Ok(ExitCode::SUCCESS);
    }
    let follower = client.follow(&run, Start::Snapshot);
    let ended = watch::to_the_end(&client, follower, &run, &mut *view::for_this_output()).await?;
    if ended.state != RunState::Cancelled {
        return Err(Failure::new(format!("the run `{run}` was faster: it {}", ended.state.as_str())));
    }
    let acknowledged = ended.cancel.as_ref().and_then(|cancel| cancel.acknowledged) == Some(true);
    let by = if acknowledged { "its worker acknowledged" } else { "no worker acknowledged, the server ended it" };
    output::line(format_args!("cancelled: {by}"))?;
    Ok(ExitCode::SUCCESS)
}
