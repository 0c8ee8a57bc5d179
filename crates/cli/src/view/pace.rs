//! How fast a run goes.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use milepost_core::{Run, RunId, RunState};

/// How fast the counts of runs move, over the last seconds.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<RunId, VecDeque<(Instant, f64)>>);

/// How far back the pace looks: long enough to be calm, short enough to notice a change.
const PACE_WINDOW: Duration = Duration::from_secs(5);

/// Below this nothing can be said about the pace.
const PACE_MIN: Duration = Duration::from_millis(500);

impl Pace {
    /// Notes how far a run is.
    pub(super) fn look(&mut self, run: &Run) {
        let Some(current) = run.progress.current.filter(|_| run.state == RunState::Running) else {
            self.0.remove(&run.id);
            return;
        };
        let (now, samples) = (Instant::now(), self.0.entry(run.id.clone()).or_default());
        samples.push_back((now, current.0));
        while samples.front().is_some_and(|(at, _)| now - *at > PACE_WINDOW) {
            samples.pop_front();
        }
    }

    /// So many a second; none while that cannot be said.
    pub(super) fn of(&self, run: &RunId) -> Option<f64> {
        let samples = self.0.get(run)?;
        let ((begun, first), (at, last)) = (samples.front()?, samples.back()?);
        let span = *at - *begun;
        (span >= PACE_MIN && last > first).then(|| (last - first) / span.as_secs_f64())
    }
}
