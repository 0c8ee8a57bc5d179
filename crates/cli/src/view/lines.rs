//! Lines for pipes and logs: one at each change of stage, and at most one a second between them.

use std::io;
use std::time::{Duration, Instant};

use milepost_client::Update;
use milepost_core::{Run, RunState, Tree};
use milepost_wire::dialects::ingest;

use super::View;
use crate::{output, text};

const INTERVAL: Duration = Duration::from_secs(1);

/// Prints how the run stands.
#[derive(Debug, Default)]
pub(super) struct Lines {
    shown: Option<(Line, Instant)>,
    /// Set while something is not shown yet.
    due: Option<Instant>,
}

/// How a run stands, in three columns.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    stage: String,
    percent: Option<String>,
    message: String,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn show(&mut self, line: Line) -> io::Result<()> {
        let percent = line.percent.as_ref().map(|percent| format!("  {percent}")).unwrap_or_default();
        let message = if line.message.is_empty() { String::new() } else { format!("  {}", line.message) };
        output::line(text::clean(&format!("{}{percent}{message}", line.stage)))?;
        (self.shown, self.due) = (Some((line, Instant::now())), None);
        Ok(())
    }
}

impl View for Lines {
    fn update(&mut self, update: &Update, tree: Option<&Tree>) -> io::Result<()> {
        // What was there already is one line, however much it was, unless this is all that there will be.
        if !matches!(update, Update::Event { .. } | Update::CaughtUp | Update::Snapshot(_)) {
            return Ok(());
        }
        let Some(line) = tree.and_then(Line::of) else { return Ok(()) };
        match &self.shown {
            Some((shown, _)) if *shown == line => {}
            Some((shown, at)) if shown.stage == line.stage => self.due = Some(*at + INTERVAL),
            _ => self.show(line)?,
        }
        // Events may come faster than the due time is waited for.
        if self.due.is_some_and(|due| due <= Instant::now()) { self.look(tree) } else { Ok(()) }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn look(&mut self, tree: Option<&Tree>) -> io::Result<()> {
        self.due = None;
        tree.and_then(Line::of).map_or(Ok(()), |line| self.show(line))
    }

    fn finish(&mut self, tree: Option<&Tree>) -> io::Result<()> {
        if self.due.is_some() { self.look(tree) } else { Ok(()) }
    }
}

impl Line {
    fn of(tree: &Tree) -> Option<Self> {
        let root = tree.root()?;
        let line =
            if root.kind.as_str() == "ingest" { Self::of_ingestion(tree) } else { Some(Self::of_any(tree, root)) };
        line.map(|line| if root.is_cancelling() { line.cancelling(root) } else { line })
    }

    /// In the words that the HTTP API has for it.
    fn of_ingestion(tree: &Tree) -> Option<Self> {
        let progress = ingest::Progress::of(&tree.snapshot(text::now())?)?;
        let percent = progress.error.is_none().then(|| format!("{}%", progress.percentage));
        Some(Self { stage: progress.stage, percent, message: progress.message })
    }

    fn of_any(tree: &Tree, root: &Run) -> Self {
        let stage = match root.state {
            RunState::Running if root.stalled => "stalled",
            RunState::Running => root.stage.as_deref().unwrap_or("running"),
            other => other.as_str(),
        };
        // What ended early counts as done for the run above it, which would look like success here.
        let ended_early = matches!(root.state, RunState::Failed | RunState::Cancelled);
        let percent = root.progress.fraction.filter(|_| !ended_early).map(text::percent);
        Self { stage: stage.to_owned(), percent, message: message(tree, root) }
    }

    fn cancelling(self, root: &Run) -> Self {
        let reason = root.cancel.as_ref().and_then(|cancel| cancel.reason.as_deref());
        Self { stage: "Cancelling".to_owned(), message: reason.unwrap_or_default().to_owned(), ..self }
    }
}

/// Why it failed, else what the run itself or the part of it that was heard of last is doing.
fn message(tree: &Tree, root: &Run) -> String {
    if let Some(error) = &root.error {
        return format!("{} ({})", error.message, error.code);
    }
    let parts = tree.runs().iter().filter(|run| run.state == RunState::Running && run.message.is_some());
    let latest = parts.max_by_key(|run| run.updated_at);
    let message =
        if root.state.is_terminal() { root.message.as_ref() } else { latest.and_then(|run| run.message.as_ref()) };
    message.map(|message| message.to_string()).unwrap_or_default()
}
