//! The arithmetic of progress: fractions that never fall, weighted roll-ups, time to go.

use crate::event::Amount;
use crate::run::Run;
use crate::time::Time;

/// What one child adds to the roll-up of its parent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Its weight.
    pub weight: f64,
    /// How far it is, 0 to 1; 1 once it is over, whatever its outcome.
    pub done: f64,
}

impl Share {
    /// The share of `run` in its parent.
    pub fn of(run: &Run) -> Self {
        let done = if run.state.is_terminal() { 1.0 } else { run.progress.fraction.unwrap_or(0.0) };
        Self { weight: run.weight, done }
    }
}

/// The fraction that a run's own report stands for; none while it is indeterminate.
pub fn reported(current: Option<Amount>, total: Option<Amount>) -> Option<f64> {
    let (current, total) = (current?.0, total?.0);
    (total > 0.0).then(|| (current / total).clamp(0.0, 1.0))
}

/// The weighted mean of the shares. Children that were announced but not seen yet count 0 with weight 1.
/// None without any child, seen or announced, and when all weights are 0.
pub fn roll_up(shares: impl Iterator<Item = Share>, expected: u32) -> Option<f64> {
    let (mut seen, mut weight, mut done) = (0_u32, 0.0, 0.0);
    for share in shares {
        seen += 1;
        weight += share.weight;
        done += share.weight * share.done;
    }
    weight += f64::from(expected.saturating_sub(seen));
    (weight > 0.0).then(|| (done / weight).clamp(0.0, 1.0))
}

/// The furthest of what is shown, reported and rolled up: the fraction never falls within an attempt.
pub fn furthest(run: &Run, rolled_up: Option<f64>) -> Option<f64> {
    let known = [run.progress.fraction, reported(run.progress.current, run.progress.total), rolled_up];
    known.into_iter().flatten().reduce(f64::max)
}

/// Milliseconds to go once `run` shows `fraction`, at the pace since the attempt began.
pub fn time_to_go(run: &Run, fraction: Option<f64>, now: Time) -> Option<u64> {
    run.started_at.and_then(|started| eta_ms(fraction?, now.millis_since(started)))
}

/// Milliseconds to go when `fraction` took `elapsed_ms`.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate")]
fn eta_ms(fraction: f64, elapsed_ms: u64) -> Option<u64> {
    let underway = fraction > 0.0 && fraction < 1.0 && elapsed_ms > 0;
    underway.then(|| (elapsed_ms as f64 * (1.0 - fraction) / fraction).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(list: &[(f64, f64)]) -> impl Iterator<Item = Share> {
        list.iter().map(|&(weight, done)| Share { weight, done })
    }

    #[test]
    fn roll_ups_are_weighted_means() {
        let cases: [(&[(f64, f64)], u32, Option<f64>); 6] = [
            (&[], 0, None),
            (&[], 4, Some(0.0)),
            (&[(1.0, 0.5), (1.0, 0.0)], 0, Some(0.25)),
            (&[(3.0, 1.0), (1.0, 0.0)], 0, Some(0.75)),
            (&[(1.0, 1.0)], 4, Some(0.25)),
            (&[(0.0, 1.0)], 0, None),
        ];
        for (list, expected, expect) in cases {
            assert_eq!(roll_up(shares(list), expected), expect, "{list:?} of {expected}");
        }
    }

    #[test]
    fn time_to_go_follows_the_pace() {
        let cases = [(0.25, 1_000, Some(3_000)), (0.0, 1_000, None), (1.0, 1_000, None), (0.5, 0, None)];
        for (fraction, elapsed, expect) in cases {
            assert_eq!(eta_ms(fraction, elapsed), expect, "{fraction} after {elapsed} ms");
        }
    }
}
