//! Following a run to its end, for somebody who looks at it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use milepost_client::{Client, ClientError, Follower, Update};
use milepost_core::{Run, RunId, RunState, run::AuditState};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};

use crate::failure::Failure;
use crate::terminal::note;
use crate::view::View;

/// How often a view may show that time passes.
const TICK: Duration = Duration::from_millis(100);

/// What a shell reports of a program that was interrupted (128 + SIGINT); also what a cancelled run counts as.
pub(crate) const INTERRUPTED: u8 = 130;

/// Shows `run` until it is over, and gives it back as it ended.
pub(crate) async fn to_the_end(
    client: &Client,
    mut follower: Follower,
    run: &RunId,
    view: &mut dyn View,
) -> Result<Arc<Run>, Failure> {
    let mut connection = Connection::Never;
    while let Some(update) = next(&mut follower, view).await? {
        connection.note(&update)?;
        view.update(&update, follower.tree())?;
        if is_over(&update, run, &follower) {
            break;
        }
    }
    view.finish(follower.tree())?;
    if let Some(ended) = follower.tree().and_then(|tree| tree.run(run)) {
        return Ok(ended.clone());
    }
    // A follower that began in the middle has no tree.
    let snapshot = client.snapshot(run).await?;
    snapshot.runs.into_iter().next().ok_or_else(|| Failure::new(format!("there is nothing about the run `{run}`")))
}

/// How a command about a run exits.
pub(crate) fn exit_of(run: &Run) -> ExitCode {
    match run.state {
        RunState::Completed => ExitCode::SUCCESS,
        RunState::Cancelled => ExitCode::from(INTERRUPTED),
        RunState::Queued | RunState::Running | RunState::Waiting | RunState::Failed => ExitCode::FAILURE,
    }
}

/// The next update, while the view is kept alive.
///
/// The future of the update is dropped only when the view is behind, which it is after an update alone: dropped again and again
/// it would never connect to a slow server, and never notice a silent one.
async fn next(follower: &mut Follower, view: &mut dyn View) -> Result<Option<Update>, Failure> {
    while let Some(due) = view.due() {
        match timeout_at(Instant::from_std(due), follower.next()).await {
            Ok(update) => return Ok(update.transpose()?),
            Err(_) => view.look(follower.tree())?,
        }
    }
    let mut update = std::pin::pin!(follower.next());
    let mut ticks = interval_at(Instant::now() + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            update = &mut update => return Ok(update.transpose()?),
            _ = ticks.tick() => view.tick()?,
        }
    }
}

/// The stream of a part of a tree goes on until the whole tree is over, which is not waited for.
fn is_over(update: &Update, run: &RunId, follower: &Follower) -> bool {
    let Some(shown) = follower.tree().and_then(|tree| tree.run(run)) else { return *update == Update::End };
    let is_root = shown.stream == *run;
    let ended = !is_root && shown.state.is_terminal() && shown.audit != AuditState::InProgress;
    *update == Update::End || ended
}

/// What is known of the connection, so that each change is told once.
enum Connection {
    Never,
    Up,
    Down,
}

impl Connection {
    /// Tells what is new. A server that was never there is an error: the address is wrong more often than the server is late.
    fn note(&mut self, update: &Update) -> Result<(), ClientError> {
        match (&self, update) {
            (Self::Never, Update::Disconnected { error: error @ ClientError::Unreachable(_) }) => {
                return Err(error.clone());
            }
            (Self::Up, Update::Disconnected { error }) => {
                tracing::debug!(%error, "the connection is lost");
                let why =
                    if matches!(error, ClientError::Refused { .. }) { format!(" ({error})") } else { String::new() };
                note(format_args!("the connection is lost{why}; connecting again until the server is back"));
                *self = Self::Down;
            }
            (_, Update::Disconnected { .. }) => {}
            (Self::Down, _) => {
                note("connected again");
                *self = Self::Up;
            }
            (Self::Never | Self::Up, _) => *self = Self::Up,
        }
        if let Update::Reset { reason } = update {
            note(format_args!("the server cannot go on where it stopped ({reason}); here is where the run stands now"));
        }
        Ok(())
    }
}
