//! Keeps commits apart while there is a lot to do.

use std::time::{Duration, Instant};

/// A commit begins at most so often while there is a lot to do: one large group costs much less than many small ones.
const PACE: Duration = Duration::from_millis(1);

/// Jobs of one group that are a lot. With fewer, whoever waits for an answer before asking again is not slowed down.
const LOT: usize = 16;

/// When the last group began, and how many jobs it had.
pub(super) struct Pace {
    began: Instant,
    jobs: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { began: Instant::now(), jobs: 0 }
    }
}

impl Pace {
    /// Waits until it is time for another commit. False when there was no reason to.
    pub(super) fn rest(&self) -> bool {
        let left = PACE.saturating_sub(self.began.elapsed());
        let rests = self.jobs > LOT && !left.is_zero();
        if rests {
            // Nobody unparks this thread; waking early would do no harm either.
            std::thread::park_timeout(left);
        }
        rests
    }

    pub(super) fn begin(&mut self, jobs: usize) {
        *self = Self { began: Instant::now(), jobs };
    }
}
