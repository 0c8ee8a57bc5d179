//! When to try again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::caps::{RETRY_MAX, RETRY_MIN};

/// Pauses that grow, with jitter so that many clients do not come back at once. They never end.
pub(crate) struct Backoff(ExponentialBackoff);

impl Backoff {
    pub(crate) fn new() -> Self {
        let builder = ExponentialBuilder::new().with_min_delay(RETRY_MIN).with_max_delay(RETRY_MAX);
        Self(builder.without_max_times().with_jitter().build())
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        self.0.next().unwrap_or(RETRY_MAX)
    }
}
