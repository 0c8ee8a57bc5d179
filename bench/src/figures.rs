use crate::scenario::Unit;

/// What one run of a scenario found; or the medians of several. Absent is what the scenario does not ask, or what the
/// system does not tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Events a second that were meant to be published.
    pub offered: Option<f64>,
    /// Events a second that arrived, all followers together; for appends, that were answered.
    pub per_second: Option<f64>,
    /// Microseconds of the server's CPU time per event that arrived.
    pub cpu_us: Option<f64>,
    /// Microseconds of the generator's CPU time per event that arrived.
    pub generator_us: Option<f64>,
    /// From the intended time of publication.
    pub latency: Option<Latency>,
    /// Seconds until everybody had everything.
    pub seconds: Option<f64>,
    /// Kilobytes (1 000 bytes) of resident memory per connection.
    pub kilobytes: Option<f64>,
    /// The share of a job's time that its reports cost, in percent.
    pub percent: Option<f64>,
    /// The server's CPU time per event, as a multiple of what another way to the same viewers costs.
    pub ratio: Option<f64>,
    /// The share of its core that the generator was busy, 0 to 1. Near 1 it measures itself.
    pub generator: Option<f64>,
    /// Cores that other programs had meanwhile.
    pub others: Option<f64>,
    /// What a reader of the figures has to know.
    pub notes: Vec<String>,
}

/// A distribution of latencies, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it all")]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Figures {
    /// The median of each figure over `runs`; the notes of all.
    pub(crate) fn medians(runs: &[Self]) -> Self {
        let of = |figure: &dyn Fn(&Self) -> Option<f64>| median(runs.iter().filter_map(figure).collect());
        let latency = |figure: fn(&Latency) -> f64| of(&|run| run.latency.as_ref().map(figure));
        let mut notes: Vec<String> = runs.iter().flat_map(|run| run.notes.iter().cloned()).collect();
        notes.sort();
        notes.dedup();
        Self {
            offered: of(&|run| run.offered),
            per_second: of(&|run| run.per_second),
            cpu_us: of(&|run| run.cpu_us),
            generator_us: of(&|run| run.generator_us),
            latency: latency(|latency| latency.p50)
                .zip(latency(|latency| latency.p99))
                .zip(latency(|latency| latency.max))
                .map(|((p50, p99), max)| Latency { p50, p99, max }),
            seconds: of(&|run| run.seconds),
            kilobytes: of(&|run| run.kilobytes),
            percent: of(&|run| run.percent),
            ratio: of(&|run| run.ratio),
            generator: of(&|run| run.generator),
            others: of(&|run| run.others),
            notes,
        }
    }

    /// The one figure of that unit.
    pub(crate) fn get(&self, unit: Unit) -> Option<f64> {
        match unit {
            Unit::CpuMicroseconds => self.cpu_us,
            Unit::PerSecond => self.per_second,
            Unit::Seconds => self.seconds,
            Unit::Kilobytes => self.kilobytes,
            Unit::Percent => self.percent,
            Unit::Ratio => self.ratio,
            Unit::P99Milliseconds => self.latency.map(|latency| latency.p99),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return Some(values[middle]);
    }
    middle.checked_sub(1).map(|below| f64::midpoint(values[below], values[middle]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }
}
