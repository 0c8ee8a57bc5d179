//! What goes on beside the sender: listening for cancellation, and keeping leases.

use std::sync::Arc;
use std::time::Duration;

use milepost_core::{Code, RunId};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::caps::{CONTROL_DELAY, CONTROL_PAUSE, CONTROL_WAIT};
use crate::error::ClientError;
use crate::retry::Backoff;

/// A run that is watched until it is gone.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) shared: Arc<Shared>,
    pub(super) run: RunId,
    pub(super) gone: CancellationToken,
}

impl Watched {
    /// Asks the server again and again what it wants of the run, until that is to stop.
    ///
    /// Every run is asked about by itself, because a server tells the worker of a run what concerns it and those above it.
    pub(super) async fn control(self) {
        self.gone.run_until_cancelled(self.listen()).await;
    }

    /// Renews the lease of the run three times as often as needed, also while it stops.
    pub(super) async fn heartbeat(self, lease_seconds: u32) {
        self.gone.run_until_cancelled(self.beat(lease_seconds)).await;
    }

    async fn listen(&self) {
        let Self { shared, run, .. } = self;
        if *run != shared.top {
            sleep(CONTROL_DELAY).await;
        }
        // Never closed, so there is always one in the end.
        let _one_of_few = shared.polls.acquire().await;
        let mut backoff = Backoff::new();
        while !shared.is_stopped(run) {
            let asked = Instant::now();
            match shared.transport.control(run, CONTROL_WAIT).await {
                Ok(commands) => {
                    let news = commands.into_iter().filter(|command| shared.cancelled(command.clone())).count() > 0;
                    if news || asked.elapsed() >= CONTROL_PAUSE {
                        backoff = Backoff::new();
                    } else {
                        // What is known already is told again at once, as is that the run is over; no going in circles.
                        sleep(backoff.next().max(CONTROL_PAUSE)).await;
                    }
                }
                // A child may not be there yet, because it is still queued.
                Err(error) if error.is_transient() || error.code() == Some(Code::RunNotFound) => {
                    sleep(backoff.next()).await;
                }
                Err(error) => {
                    // We may not know; answers to what is published tell of a cancellation too.
                    tracing::debug!(%error, %run, "no longer listening for commands");
                    return;
                }
            }
        }
    }

    async fn beat(&self, lease_seconds: u32) {
        let Self { shared, run, .. } = self;
        let period = Duration::from_secs(lease_seconds.max(1).into()) / 3;
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let answer = tokio::time::timeout(period, shared.transport.heartbeat(run, shared.lease.as_deref())).await;
            match answer.unwrap_or_else(|_| Err(ClientError::Unreachable("a heartbeat took too long".to_owned()))) {
                Ok(heartbeat) => shared.told(heartbeat.cancel),
                Err(error) if error.code() == Some(Code::LeaseLost) => return shared.fail(&error),
                Err(error) if error.code() == Some(Code::RunTerminal) => return,
                // The run may not even be there yet.
                Err(error) => tracing::debug!(%error, %run, "no heartbeat"),
            }
        }
    }
}

impl Shared {
    fn is_stopped(&self, run: &RunId) -> bool {
        let state = self.lock();
        state.fatal.is_some() || state.cancelling(run).is_some()
    }
}
