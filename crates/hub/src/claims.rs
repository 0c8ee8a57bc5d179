//! Workers that wait for something to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use milepost_core::{Body, Event, Kind, Project};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::actor::{Answer, Claimed, Request};
use crate::caps;
use crate::error::HubError;
use crate::hub::Hub;

/// Tells waiting workers of a project that something may be claimable. A hint: they look for themselves.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<Project, Arc<Notify>>>);

impl Claims {
    pub(crate) fn announce(&self, project: &Project, events: &[Event]) {
        let may_help = |event: &Event| matches!(event.body, Body::RunCreated(_) | Body::RunStalled(_));
        if events.iter().any(may_help)
            && let Some(notify) = self.lock().get(project)
        {
            notify.notify_waiters();
        }
    }

    fn of(&self, project: &Project) -> Arc<Notify> {
        let mut waiting = self.lock();
        // A project that nobody waits for any more is held by the map alone.
        waiting.retain(|_, notify| Arc::strong_count(notify) > 1);
        waiting.entry(project.clone()).or_default().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Project, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// Gives a queued run of one of `kinds` to a worker, the oldest first, and leases it for `lease_seconds`. Waits up to
    /// `wait` for one. None when there is none.
    ///
    /// # Errors
    /// [`HubError::Store`], [`HubError::ShuttingDown`].
    pub async fn claim(
        &self,
        project: &Project,
        kinds: &[Kind],
        lease_seconds: u32,
        wait: Duration,
    ) -> Result<Option<Claimed>, HubError> {
        let deadline = Instant::now() + wait;
        let notify = self.registry().claims.of(project);
        loop {
            // Interest is registered before looking, so that nothing is missed in between.
            let mut announced = std::pin::pin!(notify.notified());
            announced.as_mut().enable();
            if let Some(claimed) = self.claim_now(project, kinds, lease_seconds).await? {
                return Ok(Some(claimed));
            }
            tokio::select! {
                () = announced => {}
                () = tokio::time::sleep_until(deadline) => return Ok(None),
                () = self.registry().stopping() => return Err(HubError::ShuttingDown),
            }
        }
    }

    async fn claim_now(
        &self,
        project: &Project,
        kinds: &[Kind],
        lease_seconds: u32,
    ) -> Result<Option<Claimed>, HubError> {
        loop {
            let candidates = self.registry().store.claimable(project, kinds, caps::CLAIM_CANDIDATES).await?;
            let mut too_late = false;
            for (run, _) in candidates {
                match self.ask(project, &run, Request::Claim { run: run.clone(), lease_seconds }).await {
                    Ok(Answer::Claimed(claimed)) => return Ok(Some(claimed)),
                    Err(error @ (HubError::Store(_) | HubError::ShuttingDown)) => return Err(error),
                    Err(HubError::LeaseLost { .. }) => too_late = true,
                    // The run is over, or about to be: the next one.
                    Ok(_) | Err(_) => {}
                }
            }
            // Other workers took these; behind them may be more.
            if !too_late {
                return Ok(None);
            }
        }
    }
}
