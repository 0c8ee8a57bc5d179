//! The table.

use std::fmt;

use crate::figures::Figures;
use crate::machine::Machine;
use crate::options::Options;
use crate::payload::EVENT_BYTES;
use crate::scenario::{Mark, Scenario, Unit};

/// What was measured, where and how. Its `Display` is the table.
#[derive(Debug, Clone)]
pub struct Report {
    pub(crate) options: Options,
    pub(crate) machine: Machine,
    /// One for each scenario, in the order in which they were measured.
    pub rows: Vec<Row>,
}

/// A scenario and what was found.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub scenario: Scenario,
    /// The medians of the runs.
    pub figures: Figures,
    /// Whether the sizes were those that the targets are about.
    pub(crate) judged: bool,
}

const HEADINGS: [&str; 13] = [
    "scenario",
    "rate/s",
    "delivered/s",
    "CPU µs/event",
    "p50 ms",
    "p99 ms",
    "max ms",
    "result",
    "target",
    "goal",
    "verdict",
    "generator",
    "others",
];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_conditions(f)?;
        let rows: Vec<_> =
            std::iter::once(HEADINGS.map(String::from)).chain(self.rows.iter().map(Row::cells)).collect();
        let widths: [usize; HEADINGS.len()] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
        for row in &rows {
            writeln!(f)?;
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                match column {
                    0 => write!(f, "{cell:<width$}")?,
                    10 => write!(f, "  {cell:<width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
        }
        self.write_notes(f)
    }
}

impl Report {
    fn write_conditions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, machine, .. } = self;
        writeln!(f, "machine     {} × {}", machine.cores, machine.cpu)?;
        let pinning = match (machine.pinned, &options.url) {
            (false, _) => "not pinned: server and generator share cores, so read the figures with care".into(),
            (true, Some(_)) => format!("generator on core {}, the server wherever it runs", options.generator_core),
            (true, None) => {
                format!("server on core {}, generator on core {}", options.server_core, options.generator_core)
            }
        };
        writeln!(f, "pinning     {pinning}")?;
        let sync =
            machine.sync.map(|sync| format!("; fdatasync of 4 KiB takes {:.2} ms here", sync.as_secs_f64() * 1e3));
        writeln!(f, "durability  the server's default, SQLite with synchronous=FULL{}", sync.unwrap_or_default())?;
        writeln!(f, "payload     {EVENT_BYTES} bytes as published, JSON, never coalesced")?;
        writeln!(f, "files       {} may be open per process", thousands(machine.files as f64))?;
        let runs = options.runs();
        let medians = if runs == 1 { "one run".into() } else { format!("medians of {runs} runs") };
        let quick = if options.quick { ", sizes of a smoke test: no verdicts" } else { "" };
        writeln!(f, "method      open loop over loopback, latency from the intended time; {medians}{quick}")
    }

    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n\ngenerator: share of its core that it was busy. others: cores that other programs had meanwhile."
        )?;
        for row in &self.rows {
            if !row.figures.notes.is_empty() {
                writeln!(f, "{}: {}", row.scenario.title(), row.figures.notes.join("; "))?;
            }
        }
        Ok(())
    }
}

impl Row {
    fn cells(&self) -> [String; HEADINGS.len()] {
        let Self { scenario, figures, .. } = self;
        let mark = scenario.mark();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".into());
        let latency =
            |of: fn(&crate::Latency) -> f64| or_dash(figures.latency.as_ref().map(|l| format!("{:.2}", of(l))));
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let limit = |value: Option<f64>| or_dash(value.map(|value| mark.limit(value)));
        [
            scenario.title().into(),
            or_dash(figures.offered.map(thousands)),
            or_dash(figures.per_second.map(thousands)),
            or_dash(figures.cpu_us.map(|us| format!("{us:.2}"))),
            latency(|latency| latency.p50),
            latency(|latency| latency.p99),
            latency(|latency| latency.max),
            or_dash(figures.get(mark.unit).map(|value| mark.unit.show(value))),
            mark.p99_ms
                .filter(|_| mark.target.is_some())
                .map_or_else(|| limit(mark.target), |p99| format!("{}, p99 ≤ {p99:.0}", limit(mark.target))),
            limit(mark.goal),
            self.verdict().into(),
            or_dash(figures.generator.map(percent)),
            or_dash(figures.others.map(|cores| format!("{cores:.2}"))),
        ]
    }

    /// What the figures mean.
    pub fn verdict(&self) -> &'static str {
        let mark = self.scenario.mark();
        let Some(value) = self.figures.get(mark.unit) else { return "not measured" };
        if !self.judged {
            return "–";
        }
        let quick_enough =
            mark.p99_ms.is_none_or(|limit| self.figures.latency.is_none_or(|latency| latency.p99 <= limit));
        let meets = |limit: f64| quick_enough && if mark.more_is_better() { value >= limit } else { value <= limit };
        match (mark.goal, mark.target) {
            (Some(goal), _) if meets(goal) => "goal",
            (_, Some(target)) if meets(target) => "target",
            (_, Some(_)) => "MISSED",
            (Some(_), None) => "below goal",
            (None, None) => "–",
        }
    }
}

impl Mark {
    fn more_is_better(&self) -> bool {
        self.unit == Unit::PerSecond
    }

    fn limit(&self, value: f64) -> String {
        format!("{} {}", if self.more_is_better() { '≥' } else { '≤' }, self.unit.show(value))
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::CpuMicroseconds => format!("{value:.2} µs"),
            Self::PerSecond => format!("{}/s", thousands(value)),
            Self::Seconds => format!("{value:.3} s"),
            Self::Kilobytes => format!("{value:.1} kB"),
            Self::P99Milliseconds => format!("{value:.1} ms"),
            Self::Percent => format!("{value:.2} %"),
            Self::Ratio => format!("{value:.2} ×"),
        }
    }
}

/// A whole number with a space between groups of three digits.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Latency;

    fn verdict(scenario: Scenario, value: f64, p99: f64) -> &'static str {
        let latency = Some(Latency { p50: 1.0, p99, max: 99.0 });
        let figures = Figures { cpu_us: Some(value), per_second: Some(value), latency, ..Figures::default() };
        Row { scenario, figures, judged: true }.verdict()
    }

    #[test]
    fn verdicts_need_the_figure_and_the_latency() {
        assert_eq!(verdict(Scenario::Fanout20, 4.9, 7.9), "goal");
        assert_eq!(verdict(Scenario::Fanout20, 6.9, 7.9), "target");
        assert_eq!(verdict(Scenario::Fanout20, 7.1, 7.9), "MISSED");
        assert_eq!(verdict(Scenario::Fanout20, 4.9, 8.1), "MISSED");
        assert_eq!(verdict(Scenario::AppendWs, 60_000.0, 24.0), "goal");
        assert_eq!(verdict(Scenario::AppendWs, 34_000.0, 24.0), "MISSED");
        assert_eq!(verdict(Scenario::Fanout5000, 9.0, 24.0), "below goal");
        let nothing = Row { scenario: Scenario::Idle, figures: Figures::default(), judged: true };
        assert_eq!(nothing.verdict(), "not measured");
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(
            ["7", "70", "700", "7 000", "1 234 567"],
            [7.0, 70.0, 700.0, 7_000.0, 1_234_567.0].map(thousands).as_ref()
        );
    }
}
