//! Leases that run out and cancellations that nobody answers.

use milepost_core::decide::Author;
use milepost_core::event::{ErrorInfo, RunCancelled, RunFailed};
use milepost_core::{Body, Code, Draft, Run, Time, Tree};

use super::Actor;

/// The nearest time at which something may be due.
pub(super) fn next_due(tree: &Tree, fail_after_seconds: Option<u32>) -> Option<Time> {
    tree.runs().iter().filter_map(|run| due(tree, run, fail_after_seconds)).min()
}

/// What is due has to be something that the tree accepts: else it would be due for ever.
fn due(tree: &Tree, run: &Run, fail_after_seconds: Option<u32>) -> Option<Time> {
    if run.state.is_terminal() {
        return None;
    }
    if let Some(cancel) = &run.cancel {
        return Some(cancel.deadline);
    }
    let expires = run.lease_expires_at?;
    let due = if run.stalled { expires.plus_seconds(fail_after_seconds?) } else { expires };
    // While one above it is being cancelled nothing but that is said about it.
    tree.cancelling(&run.id).is_none().then_some(due)
}

impl Actor {
    /// Writes what time has brought about: stalls, failures of what stalled for too long, unanswered cancellations.
    pub(super) async fn look_after_timers(&mut self) {
        let now = self.clock.now();
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let fail_after = self.registry.options.fail_stalled_after_seconds;
        let ripe = |run: &Run| due(&self.tree, run, fail_after).is_some_and(|due| due <= now);
        let runs: Vec<_> = self.tree.runs().iter().filter(|run| ripe(run)).cloned().collect();
        let mut next = self.tree.clone();
        let (mut events, mut views) = (Vec::new(), Vec::new());
        for run in runs {
            let draft = Draft { run: run.id.clone(), id: None, time: None, body: verdict(&run) };
            // A run below one that ends here is over already, or is being cancelled: then there is nothing to say.
            let Ok(decided) = milepost_core::decide(&next, Author::Server, draft, now) else { continue };
            for event in decided {
                next.evolve(&event);
                views.push(next.view_of(&event));
                events.push(event);
            }
        }
        if let Err(error) = self.commit(next, events, views, now).await {
            tracing::warn!(stream = %self.live.key.stream, %error, "a lease or a deadline is written later");
            // The store is away; a moment later it may be back, and the timers are looked at again.
            self.due = Some(now.plus_seconds(1));
        } else {
            self.arm();
        }
    }

    /// Sets the timer to what is nearest now.
    pub(super) fn arm(&mut self) {
        self.due = next_due(&self.tree, self.registry.options.fail_stalled_after_seconds);
    }
}

fn verdict(run: &Run) -> Body {
    if run.cancel.is_some() {
        return Body::RunCancelled(RunCancelled { acknowledged: Some(false), reason: None });
    }
    if !run.stalled {
        return Body::RunStalled(Default::default());
    }
    let message = "nothing was heard of it for too long".to_owned();
    let error = ErrorInfo { code: Code::TimedOut.as_str().to_owned(), message, details: None };
    Body::RunFailed(RunFailed { error: Some(error) })
}
