//! Latest-wins coalescing of progress, for one viewer.

use std::collections::HashMap;

use crate::name::RunId;
use crate::time::Time;

/// Holds back progress that comes faster than one frame per run and interval. What is held is superseded by later
/// progress of the same run; nothing passes it by.
///
/// Of a burst the first goes out at once (leading edge) and the last when the interval is over. Whatever is not progress
/// flushes everything held, so at every such frame the viewer's fold is that of the log.
#[derive(Debug)]
pub struct Coalescer<F> {
    interval_ms: u64,
    /// When progress of a run went out last; entries older than the interval mean nothing and are dropped.
    sent: HashMap<RunId, Time>,
    /// At most one frame per run, in the order of the log, each with the time from which on it may go.
    held: Vec<Held<F>>,
}

#[derive(Debug)]
struct Held<F> {
    run: RunId,
    due: Time,
    frame: F,
}

impl<F> Coalescer<F> {
    /// At most one frame per run in `interval_ms` milliseconds; 0 holds nothing back.
    pub fn new(interval_ms: u64) -> Self {
        Self { interval_ms, sent: HashMap::new(), held: Vec::new() }
    }

    /// Takes progress of `run`; [`ready`](Self::ready) says when it may go.
    pub fn hold(&mut self, run: &RunId, frame: F, now: Time) {
        self.held.retain(|held| held.run != *run);
        let due = self.sent.get(run).map_or(now, |sent| self.after(*sent));
        self.held.push(Held { run: run.clone(), due, frame });
    }

    /// Gives out everything held, once all of it may go. All at once, because a frame stands for the superseded ones
    /// before it, and so has to be sent together with those that supersede them. Nothing waits longer than the interval:
    /// while something is held nothing goes out, so no run gets a later time.
    pub fn ready(&mut self, now: Time, out: &mut Vec<F>) {
        if self.next_due().is_some_and(|due| due <= now) {
            self.flush(now, out);
        }
    }

    /// Gives out everything, because something that is not progress comes after it.
    pub fn flush(&mut self, now: Time, out: &mut Vec<F>) {
        let (interval_ms, sent) = (self.interval_ms, &mut self.sent);
        sent.retain(|_, at| now.millis_since(*at) < interval_ms);
        for held in self.held.drain(..) {
            sent.insert(held.run, now);
            out.push(held.frame);
        }
    }

    /// When to ask [`ready`](Self::ready) again; none while nothing is held.
    pub fn next_due(&self) -> Option<Time> {
        self.held.iter().map(|held| held.due).max()
    }

    /// Whether nothing is held back.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn after(&self, time: Time) -> Time {
        let interval = i64::try_from(self.interval_ms).unwrap_or(i64::MAX);
        Time::from_millis(time.millis().saturating_add(interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `(time, run, sequence)` and returns `(time, sequence)` of what went out, asking at each time that is due.
    fn play(interval_ms: u64, arrivals: &[(i64, &str, u64)]) -> Vec<(i64, u64)> {
        let mut coalescer = Coalescer::new(interval_ms);
        let mut sent = Vec::new();
        for at in 0..1_000 {
            let now = Time::from_millis(at);
            for (_, run, seq) in arrivals.iter().filter(|(time, ..)| *time == at) {
                coalescer.hold(&RunId::new(run).unwrap(), *seq, now);
            }
            let mut out = Vec::new();
            coalescer.ready(now, &mut out);
            sent.extend(out.into_iter().map(|seq| (at, seq)));
        }
        assert!(coalescer.is_empty(), "nothing stays behind");
        sent
    }

    #[test]
    fn the_first_goes_at_once_and_the_last_at_the_end_of_the_interval() {
        let sent = play(100, &[(0, "a", 1), (10, "a", 2), (20, "a", 3), (300, "a", 4)]);
        assert_eq!(sent, [(0, 1), (100, 3), (300, 4)]);
    }

    #[test]
    fn later_progress_of_another_run_does_not_pass() {
        let sent = play(100, &[(0, "a", 1), (10, "a", 2), (20, "b", 3)]);
        assert_eq!(sent, [(0, 1), (100, 2), (100, 3)]);
    }

    #[test]
    fn an_interval_of_zero_holds_nothing() {
        let sent = play(0, &[(0, "a", 1), (0, "b", 2), (1, "a", 3)]);
        assert_eq!(sent, [(0, 1), (0, 2), (1, 3)]);
    }

    #[test]
    fn a_flush_keeps_the_order() {
        let (a, b) = (RunId::new("a").unwrap(), RunId::new("b").unwrap());
        let now = Time::from_millis(0);
        let mut coalescer = Coalescer::new(100);
        let mut out = Vec::new();
        for (run, seq) in [(&a, 1), (&b, 2), (&a, 3)] {
            coalescer.hold(run, seq, now);
        }
        coalescer.flush(now, &mut out);
        assert_eq!(out, [2, 3]);
    }
}
