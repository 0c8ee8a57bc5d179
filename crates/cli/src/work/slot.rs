//! One run at a time: claim it, work on it, and again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use milepost_client::{Client, ClientError, RunHandle};
use milepost_core::{Code, Kind, Run};
use milepost_wire::native::requests::ClaimRequest;
use tokio::time::{Instant, sleep};

use super::trade::{self, Job, Trade};
use super::{Permissions, Stop, WorkArguments, campaign};
use crate::failure::Failure;
use crate::output;
use crate::terminal::note;

/// How long one claim waits for a run. Proxies cut silent connections after a minute.
const CLAIM_WAIT: Duration = Duration::from_secs(25);

/// A server that has nothing for us answers after [`CLAIM_WAIT`]; one that answers sooner is on its way out.
const ANSWERED_TOO_SOON: Duration = Duration::from_secs(1);

/// The longest pause before a server that is away is asked again.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A place for one run.
pub(super) struct Slot {
    client: Client,
    trades: Vec<&'static Trade>,
    request: ClaimRequest,
    permissions: Permissions,
    campaigns: milepost_jobs::campaign::Settings,
    stop: Stop,
}

impl Slot {
    pub(super) fn new(arguments: &WorkArguments, stop: Stop) -> Result<Self, Failure> {
        let trades = arguments.kinds.clone();
        let campaigns = match trades.iter().any(|trade| trade.name == trade::CAMPAIGN) {
            true => campaign::settings()?,
            false => Default::default(),
        };
        let mut kinds: Vec<&str> = trades.iter().flat_map(|trade| trade.kinds).copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let kinds = kinds.into_iter().map(Kind::new).collect::<Result<_, _>>();
        let kinds = kinds.map_err(|error| Failure::new(error.to_string()))?;
        let wait = u32::try_from(CLAIM_WAIT.as_secs()).ok();
        let request = ClaimRequest { kinds, lease_seconds: arguments.lease, wait };
        let client = arguments.remote.client()?;
        Ok(Self { client, trades, request, permissions: arguments.limits, campaigns, stop })
    }

    /// Works until it is told to stop, or the server refuses it.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut pauses = pauses();
        loop {
            let asked = Instant::now();
            let Some(claimed) = self.stop.drain.run_until_cancelled(self.client.claim(&self.request)).await else {
                return Ok(());
            };
            let pause = match claimed {
                Ok(Some((handle, claimed))) => {
                    self.work(handle, &claimed.run).await?;
                    None
                }
                Ok(None) => (asked.elapsed() < ANSWERED_TOO_SOON).then(|| pauses.next()).flatten(),
                Err(error) if error.is_transient() => pauses.next().inspect(|pause| away(&error, *pause)),
                Err(error) => return Err(error.into()),
            };
            match pause {
                Some(pause) => drop(self.stop.drain.run_until_cancelled(sleep(pause)).await),
                None => pauses = self::pauses(),
            }
        }
    }

    async fn work(&self, handle: RunHandle, run: &std::sync::Arc<Run>) -> Result<(), Failure> {
        let id = handle.id().clone();
        let attempt = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
        output::line(format_args!("{id}: claimed ({}{attempt})", run.kind))?;
        let Some(trade) = trade::of_kind(&self.trades, run.kind.as_str()) else {
            return Err(Failure::new(format!(
                "the server gave the run {id} of the kind {}, which nobody asked for",
                run.kind
            )));
        };
        let (client, permissions, campaigns) = (self.client.clone(), self.permissions, self.campaigns.clone());
        let job = Job { client, handle: handle.clone(), run: run.clone(), permissions, campaigns };
        // A task of its own: when it panics, the run fails and the slot goes on.
        let mut work = tokio::spawn((trade.work)(job));
        let ended = tokio::select! {
            ended = &mut work => ended,
            () = self.stop.hurry.cancelled() => {
                work.abort();
                drop(work.await);
                return hand_back(&handle).await;
            }
        };
        if let Err(broken) = ended {
            drop(handle.fail(Code::Internal.as_str(), format!("the worker broke: {broken}")).await);
        }
        if handle.cancellation().is_cancelled() && handle.cancel_request().is_none() {
            return Ok(output::line(format_args!("{id}: somebody else has it now"))?);
        }
        Ok(output::line(format_args!("{id}: done"))?)
    }
}

async fn hand_back(handle: &RunHandle) -> Result<(), Failure> {
    let id = handle.id();
    match handle.hand_back().await {
        Ok(()) => Ok(output::line(format_args!("{id}: given back"))?),
        // It ended, or is somebody else's by now.
        Err(error) if matches!(error.code(), Some(Code::RunTerminal | Code::LeaseLost | Code::RunCancelling)) => Ok(()),
        Err(error) => {
            note(format_args!("{id}: could not be given back ({error}); its lease runs out by itself"));
            Ok(())
        }
    }
}

fn away(error: &ClientError, pause: Duration) {
    note(format_args!("{error}; asking again in {:.1} s", pause.as_secs_f32()));
}

/// Pauses that grow, with jitter, so that a fleet of workers does not come back at once. They never end.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new().with_max_delay(PAUSE_MAX).without_max_times().with_jitter().build()
}
