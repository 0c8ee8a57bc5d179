//! `milepost tail`.

use std::process::ExitCode;

use clap::Args;
use milepost_client::Follower;
use milepost_core::{Cursor, RunId};
use milepost_wire::Start;

use crate::remote::RemoteArguments;
use crate::signals::Signals;
use crate::view::{self, View};
use crate::{Outcome, watch};

const AFTER_HELP: &str = "\
Draws bars on a terminal, prints lines otherwise. Goes on over lost connections and restarts of the server.
Exits 0 when the run completed, 1 when it failed, 130 when it was cancelled or this command was interrupted.

Example: milepost tail run-42 --json | jq -r .type";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TailArguments {
    /// The run to follow: a whole tree, or a part of one
    run: RunId,

    /// Print the events, one JSON object a line, from the first one on
    #[arg(long)]
    json: bool,

    /// Print only what comes after this cursor
    #[arg(long, value_name = "CURSOR", requires = "json")]
    after: Option<Cursor>,

    #[command(flatten)]
    remote: RemoteArguments,
}

pub(crate) async fn run(arguments: TailArguments) -> Outcome {
    let client = arguments.remote.client()?;
    let mut signals = Signals::listen()?;
    let start = match arguments.after {
        Some(cursor) => Start::After(cursor),
        None if arguments.json => Start::Beginning,
        None => Start::Snapshot,
    };
    let follower: Follower = client.follow(&arguments.run, start);
    let mut view: Box<dyn View> = if arguments.json { Box::new(view::Events) } else { view::for_this_output() };
    tokio::select! {
        ended = watch::to_the_end(&client, follower, &arguments.run, &mut *view) => Ok(watch::exit_of(&*ended?)),
        () = signals.next() => Ok(ExitCode::from(watch::INTERRUPTED)),
    }
}
