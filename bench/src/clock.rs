//! One clock for sending and receiving, and waiting for a moment exactly.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Timers of the runtime are up to two milliseconds late; the rest of a wait is spent asking the clock, and reading sockets.
const TIMER_LATENESS: Duration = Duration::from_millis(2);

/// Nanoseconds since the generator first looked.
pub(crate) fn now() -> u64 {
    nanoseconds(START.elapsed())
}

/// A duration in the unit of [`now`].
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The moment of the `index`th of events that come at `rate` a second from `start` on.
pub(crate) fn due(start: u64, index: u64, rate: f64) -> u64 {
    start + (index as f64 * 1e9 / rate) as u64
}

/// Waits until `due`, within microseconds unless sockets have to be read.
pub(crate) async fn until(due: u64) {
    loop {
        let left = Duration::from_nanos(due.saturating_sub(now()));
        if left.is_zero() {
            return;
        }
        match left.checked_sub(TIMER_LATENESS) {
            Some(early) if !early.is_zero() => tokio::time::sleep(early).await,
            _ => tokio::task::yield_now().await,
        }
    }
}
