//! One timer for everything that a connection waits for.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// Fires at a time that mostly moves further away: it is only set anew when it has to fire earlier, or has fired.
pub(super) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    pub(super) fn new(at: Instant) -> Self {
        Self(Box::pin(sleep_until(at)))
    }

    /// Makes sure that the task is woken at `at`, or somewhat earlier.
    pub(super) fn arm(&mut self, at: Instant, context: &mut Context<'_>) {
        if at < self.0.deadline() {
            self.0.as_mut().reset(at);
        }
        while let Poll::Ready(()) = self.0.as_mut().poll(context) {
            self.0.as_mut().reset(at.max(Instant::now() + std::time::Duration::from_millis(1)));
        }
    }
}
