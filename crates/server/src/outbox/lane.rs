//! The undelivered events of one stream, for one receiver.

use std::collections::VecDeque;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use milepost_core::Time;
use milepost_hub::LogEntry;
use tokio::time::Instant;

/// The first pause after a failure, before jitter.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Events of one stream wait in a row: what comes after one that failed waits for it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) waiting: VecDeque<LogEntry>,
    /// Some of them are on their way.
    pub(super) busy: bool,
    /// Nothing is tried before.
    pub(super) until: Option<Instant>,
    /// The first of them, as far as it was tried.
    pub(super) trouble: Option<Trouble>,
}

/// What became of the first one so far.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) attempts: u32,
    pub(super) since: Instant,
    pub(super) first_tried_at: Time,
    pauses: ExponentialBackoff,
}

impl Lane {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), busy: false, until: None, trouble: None }
    }

    /// Whether something can be sent now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.busy && !self.waiting.is_empty() && self.until.is_none_or(|until| until <= now)
    }

    /// The first `count` are settled.
    pub(super) fn settle(&mut self, count: usize) -> Vec<LogEntry> {
        if count > 0 {
            (self.trouble, self.until) = (None, None);
        }
        self.waiting.drain(..count.min(self.waiting.len())).collect()
    }

    /// The first one was tried in vain.
    pub(super) fn failed(&mut self, now: Instant, time: Time, longest_pause: Duration) -> &mut Trouble {
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            attempts: 0,
            since: now,
            first_tried_at: time,
            pauses: ExponentialBuilder::new()
                .with_min_delay(PAUSE_MIN)
                .with_max_delay(longest_pause)
                .without_max_times()
                .with_jitter()
                .build(),
        });
        trouble.attempts += 1;
        trouble
    }
}

impl Trouble {
    pub(super) fn pause(&mut self) -> Duration {
        // They never end.
        self.pauses.next().unwrap_or(PAUSE_MIN)
    }
}
