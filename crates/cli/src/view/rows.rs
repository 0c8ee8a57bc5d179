//! A tree of runs as the lines of a screen. Pure, so that the layout can be tested without a terminal.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use console::Style;
use milepost_core::event::Amount;
use milepost_core::{Run, RunId, RunState, Time, Tree};

use super::mark::Mark;
use super::pace::Pace;
use crate::text;

/// One run as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    depth: usize,
    mark: Mark,
    name: String,
    fraction: Option<f64>,
    words: Vec<String>,
    elapsed: Option<Duration>,
    eta: Option<Duration>,
}

/// How the screen is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) bar: usize,
    pub(super) name: usize,
    pub(super) colour: bool,
}

/// Depths that are indented; deeper ones would leave no room.
const INDENTED: usize = 6;

/// The lines for `tree`, at most `room` of them, the root first. `now` is by the server's clock.
pub(super) fn rows(tree: &Tree, pace: &mut Pace, now: Time, room: usize) -> Vec<Row> {
    let ordered = in_order(tree);
    let shown = choose(tree, &ordered, room.max(2));
    let mut rows = Vec::new();
    for (at, depth) in &ordered {
        let run = &tree.runs()[*at];
        pace.look(run);
        if shown.contains(at) {
            rows.push(Row::of(run, *depth, pace, now));
        }
    }
    if ordered.len() > rows.len() {
        let left: Vec<&Run> =
            ordered.iter().filter(|(at, _)| !shown.contains(at)).map(|(at, _)| &*tree.runs()[*at]).collect();
        rows.push(more(&left));
    }
    rows
}

/// Every run under its parent, with its depth.
fn in_order(tree: &Tree) -> Vec<(usize, usize)> {
    let runs = tree.runs();
    let mut below: HashMap<&RunId, Vec<usize>> = HashMap::new();
    for (at, run) in runs.iter().enumerate().skip(1) {
        below.entry(run.parent.as_ref().unwrap_or(&runs[0].id)).or_default().push(at);
    }
    let mut ordered = Vec::with_capacity(runs.len());
    let mut open: Vec<(usize, usize)> = if runs.is_empty() { Vec::new() } else { vec![(0, 0)] };
    while let Some((at, depth)) = open.pop() {
        ordered.push((at, depth));
        // The stack turns them around, so that the first child comes first.
        open.extend(below.remove(&runs[at].id).into_iter().flatten().rev().map(|child| (child, depth + 1)));
    }
    ordered
}

/// Which runs have a line when there is no room for all: what goes on, then what ended last, then what waits to begin.
fn choose(tree: &Tree, ordered: &[(usize, usize)], room: usize) -> HashSet<usize> {
    let mut order: Vec<usize> = ordered.iter().map(|(at, _)| *at).collect();
    if order.len() > room {
        let rank = |at: &usize| {
            let run = &tree.runs()[*at];
            let rank = match run.state {
                _ if *at == 0 => 0,
                RunState::Running | RunState::Waiting => 1,
                RunState::Failed => 2,
                RunState::Completed | RunState::Cancelled => 3,
                RunState::Queued => 4,
            };
            (rank, std::cmp::Reverse(run.finished_at))
        };
        order.sort_by_key(rank);
        // One line says how many are left out.
        order.truncate(room - 1);
    }
    order.into_iter().collect()
}

fn more(left: &[&Run]) -> Row {
    let states = RunState::ALL.iter().filter_map(|state| {
        let count = left.iter().filter(|run| run.state == *state).count();
        (count > 0).then(|| format!("{count} {}", state.as_str()))
    });
    let words = vec![states.collect::<Vec<_>>().join(", ")];
    let name = format!("and {} more", left.len());
    Row { depth: 1, mark: Mark::More, name, fraction: None, words, elapsed: None, eta: None }
}

impl Row {
    fn of(run: &Run, depth: usize, pace: &Pace, now: Time) -> Self {
        let over = run.finished_at.unwrap_or(now);
        let elapsed = run.started_at.map(|started| Duration::from_millis(over.millis_since(started)));
        let busy = run.state == RunState::Running && !run.is_cancelling();
        let since_update = now.millis_since(run.updated_at);
        let eta =
            run.progress.eta_ms.filter(|_| busy).map(|eta| Duration::from_millis(eta.saturating_sub(since_update)));
        let mark = Mark::of(run);
        let name = text::clean(run.name.as_deref().unwrap_or(run.id.as_str())).into_owned();
        let words = words(run, depth, pace).iter().map(|words| text::clean(words).into_owned()).collect();
        // What ended early counts as done for the run above it, which would look like success here.
        let fraction = run.progress.fraction.filter(|_| !matches!(mark, Mark::Failed | Mark::Cancelled));
        Self { depth: depth.min(INDENTED), mark, name, fraction, words, elapsed, eta }
    }

    /// Columns that the indented name takes.
    pub(super) fn name_width(&self) -> usize {
        2 * self.depth + console::measure_text_width(&self.name)
    }

    /// The line, `age` after it was looked at.
    pub(super) fn line(&self, age: Duration, frame: usize, layout: Layout) -> String {
        let busy = matches!(self.mark, Mark::Busy | Mark::Waiting | Mark::Trouble);
        let indent = " ".repeat(2 * self.depth);
        let room = layout.name.saturating_sub(indent.len());
        let name = console::pad_str(&self.name, room, console::Alignment::Left, Some("…"));
        let mut line = format!("{indent}{} {name}", self.mark.paint(frame, layout.colour));
        if self.mark != Mark::More {
            line.push_str(&format!("  {}", bar(self.fraction.unwrap_or(0.0), layout)));
            let percent = self.fraction.map(text::percent).unwrap_or_default();
            line.push_str(&format!(" {percent:>4}"));
        }
        let elapsed = self.elapsed.map(|elapsed| text::clock(if busy { elapsed + age } else { elapsed }));
        let eta = self.eta.and_then(|eta| eta.checked_sub(age)).map(|eta| format!("ETA {}", text::clock(eta)));
        for words in elapsed.into_iter().chain(eta).chain(self.words.iter().cloned()).filter(|words| !words.is_empty())
        {
            line.push_str("  ");
            line.push_str(&words);
        }
        line
    }
}

fn bar(fraction: f64, layout: Layout) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the width of the bar")]
    let full = (fraction.clamp(0.0, 1.0) * layout.bar as f64).floor() as usize;
    let style = |style: Style| style.force_styling(layout.colour);
    let (done, left) = ("━".repeat(full), "─".repeat(layout.bar - full));
    format!("{}{}", style(Style::new().cyan()).apply_to(done), style(Style::new().dim()).apply_to(left))
}

/// What is said about a run beside its bar.
fn words(run: &Run, depth: usize, pace: &Pace) -> Vec<String> {
    let message = run.message.as_deref().unwrap_or_default();
    match run.state {
        RunState::Queued => vec!["queued".to_owned()],
        RunState::Failed => {
            let error = run.error.as_ref().map(|error| format!("{} ({})", error.message, error.code));
            vec![format!("failed: {}", error.as_deref().unwrap_or("it did not say why"))]
        }
        RunState::Cancelled => vec!["cancelled".to_owned()],
        _ if run.is_cancelling() => vec!["cancelling …".to_owned()],
        RunState::Waiting => vec!["waiting".to_owned(), message.to_owned()],
        RunState::Running if run.stalled => vec!["stalled: its worker is silent".to_owned()],
        // What a part is doing is said by the part.
        RunState::Running if depth == 0 && run.expected_children > 0 => {
            counts(run).into_iter().chain(run.stage.as_deref().map(str::to_owned)).collect()
        }
        RunState::Running => doing(run, pace),
        RunState::Completed => counts(run).into_iter().filter(|_| run.progress.current != Some(Amount(0.0))).collect(),
    }
}

fn doing(run: &Run, pace: &Pace) -> Vec<String> {
    let (stage, message) = (run.stage.as_deref().unwrap_or_default(), run.message.as_deref().unwrap_or_default());
    let counts = counts(run);
    let rate = counts.as_ref().and_then(|_| pace.of(&run.id)).map(|rate| format!("{}/s", text::amount(rate.round())));
    // Many messages repeat the counts in their own words.
    let (current, total) = (run.progress.current, run.progress.total);
    let repeats =
        current.zip(total).is_some_and(|(current, total)| message.contains(&format!("{}/{}", current.0, total.0)));
    let message = if repeats { String::new() } else { message.to_owned() };
    counts.into_iter().chain(rate).chain([stage.to_owned(), message]).collect()
}

/// `120/200 files`.
fn counts(run: &Run) -> Option<String> {
    let current = text::amount(run.progress.current?.0);
    let total = run.progress.total.map(|total| text::amount(total.0));
    let unit = run.progress.unit.as_deref().unwrap_or_default();
    let counts = match total {
        Some(total) if total != current => format!("{current}/{total} {unit}"),
        _ => format!("{current} {unit}"),
    };
    Some(counts.trim_end().to_owned())
}

#[cfg(test)]
mod tests;
