//! What arrived, when, and what went wrong. Everything is on one thread, so cells are enough.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::Notify;

use crate::error::Error;
use crate::figures::Latency;

/// Latencies beyond a minute count as a minute.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// What the readers of one measurement have seen.
pub(crate) struct Tally {
    /// Streams whose head has arrived.
    pub(crate) ready: Counter,
    /// Events that arrived, or publications that were answered.
    pub(crate) arrived: Counter,
    bytes: Cell<u64>,
    latencies: RefCell<Histogram<u64>>,
    faults: RefCell<BTreeMap<&'static str, u64>>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3);
        Self {
            ready: Counter::new("streams that are open"),
            arrived: Counter::new("events that arrived"),
            bytes: Cell::new(0),
            latencies: RefCell::new(latencies.unwrap_or_else(|_| unreachable!("the bounds are constants and valid"))),
            faults: RefCell::default(),
        }
    }

    /// An event that was due at `due` is here at `now`.
    pub(crate) fn arrive(&self, due: u64, now: u64) {
        self.latencies.borrow_mut().saturating_record(now.saturating_sub(due).max(1));
        self.arrived.add(1);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes as u64);
    }

    pub(crate) fn fault(&self, what: &'static str) {
        *self.faults.borrow_mut().entry(what).or_default() += 1;
    }

    /// Forgets the latencies so far: those of the warm-up.
    pub(crate) fn begin(&self) {
        self.latencies.borrow_mut().reset();
        self.bytes.set(0);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    pub(crate) fn latency(&self) -> Option<Latency> {
        let latencies = self.latencies.borrow();
        let milliseconds = |ns: u64| ns as f64 / 1e6;
        (!latencies.is_empty()).then(|| Latency {
            p50: milliseconds(latencies.value_at_quantile(0.50)),
            p99: milliseconds(latencies.value_at_quantile(0.99)),
            max: milliseconds(latencies.max()),
        })
    }

    /// What went wrong, as prose.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.borrow().iter().map(|(what, count)| format!("{count} × {what}")).collect()
    }
}

/// A number that grows, and can be waited for.
pub(crate) struct Counter {
    what: &'static str,
    value: Cell<u64>,
    awaited: Cell<u64>,
    reached: Notify,
}

impl Counter {
    fn new(what: &'static str) -> Self {
        Self { what, value: Cell::new(0), awaited: Cell::new(u64::MAX), reached: Notify::new() }
    }

    pub(crate) fn add(&self, count: u64) {
        self.value.set(self.value.get() + count);
        if self.value.get() >= self.awaited.get() {
            self.awaited.set(u64::MAX);
            self.reached.notify_one();
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.value.get()
    }

    /// Waits until the number is `awaited` at least, for at most `limit`.
    pub(crate) async fn reach(&self, awaited: u64, limit: Duration) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + limit;
        while self.value.get() < awaited {
            self.awaited.set(awaited);
            if tokio::time::timeout_at(deadline, self.reached.notified()).await.is_err() {
                return Err(Error::TooSlow { what: self.what, reached: self.value.get(), awaited, limit });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_is_forgotten_and_percentiles_are_in_milliseconds() {
        let tally = Tally::new();
        tally.arrive(0, 9_000_000_000);
        tally.begin();
        assert!(tally.latency().is_none());
        for index in 1..=100 {
            tally.arrive(5, 5 + index * 1_000_000);
        }
        let latency = tally.latency().unwrap();
        let near = |value: f64, expect: f64| assert!((value / expect - 1.0).abs() < 0.01, "{value} is not {expect}");
        near(latency.p50, 50.0);
        near(latency.p99, 99.0);
        near(latency.max, 100.0);
        assert_eq!(tally.arrived.get(), 101);
    }

    #[test]
    fn an_event_before_its_time_and_one_after_a_minute_are_counted() {
        let tally = Tally::new();
        tally.arrive(10, 5);
        tally.arrive(0, u64::MAX);
        assert!(tally.latency().unwrap().max < 61_000.0);
    }
}
