//! Bars for a person at a terminal: one for the run, one for each part of it.

use std::io;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};
use milepost_client::Update;
use milepost_core::{Time, Tree};

use super::View;
use super::pace::Pace;
use super::rows::{Layout, Row, rows};
use crate::keyboard::Quiet;
use crate::{terminal, text};

/// How often the tree is looked at. People do not see more, and a tree may be large.
const INTERVAL: Duration = Duration::from_millis(100);

/// Lines of the screen that are left to what was there before.
const SPARE_LINES: usize = 3;

/// Columns from which on there is room for long bars and names.
const WIDE: usize = 100;

/// Columns that stay empty at the right.
const BORDER: usize = 3;

/// Draws the tree.
pub(super) struct Bars {
    bars: Vec<ProgressBar>,
    rows: Vec<Row>,
    pace: Pace,
    looked_at: Instant,
    due: Option<Instant>,
    begun: Instant,
    _quiet: Quiet,
    /// How much the server's clock is ahead of ours, in milliseconds.
    ahead: i64,
}

impl Bars {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let (bars, rows, pace) = (Vec::new(), Vec::new(), Pace::default());
        Self { bars, rows, pace, looked_at: now, due: None, begun: now, _quiet: Quiet::begin(), ahead: 0 }
    }

    fn draw(&mut self) {
        let lines = self.lines();
        while self.bars.len() > lines.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                terminal::bars().remove(&bar);
            }
        }
        while self.bars.len() < lines.len() {
            // Only the place on the screen is indicatif's: what stands there is ours.
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bars.push(terminal::bars().add(ProgressBar::no_length().with_style(style)));
        }
        for (bar, line) in self.bars.iter().zip(lines) {
            bar.set_message(line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let (_, columns) = size();
        let longest = self.rows.iter().map(Row::name_width).max().unwrap_or_default();
        let (bar, name) = if columns >= WIDE { (28, 40) } else { (12, 24) };
        let layout = Layout { bar, name: longest.min(name), colour: console::colors_enabled_stderr() };
        let age = self.looked_at.elapsed();
        let frame = (self.begun.elapsed().as_millis() / INTERVAL.as_millis()) as usize;
        let line = |row: &Row| row.line(age, frame, layout);
        // A line must not touch the border: the terminal writes ^C at its end, and would begin another one for it.
        let fits = |line: String| console::truncate_str(&line, columns.saturating_sub(BORDER), "…").into_owned();
        self.rows.iter().map(line).map(fits).collect()
    }
}

impl View for Bars {
    fn update(&mut self, update: &Update, tree: Option<&Tree>) -> io::Result<()> {
        if let Update::Snapshot(snapshot) = update {
            self.ahead = snapshot.time.millis() - text::now().millis();
        }
        let due = *self.due.get_or_insert(self.looked_at + INTERVAL);
        // Events may come faster than the due time is waited for.
        if due <= Instant::now() { self.look(tree) } else { Ok(()) }
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn look(&mut self, tree: Option<&Tree>) -> io::Result<()> {
        self.due = None;
        let Some(tree) = tree else { return Ok(()) };
        let now = Time::from_millis(text::now().millis() + self.ahead);
        let room = size().0.saturating_sub(SPARE_LINES);
        self.rows = rows(tree, &mut self.pace, now, room);
        self.looked_at = Instant::now();
        self.draw();
        Ok(())
    }

    fn tick(&mut self) -> io::Result<()> {
        self.draw();
        Ok(())
    }

    /// Leaves the last picture behind as ordinary text, below which others can write.
    fn finish(&mut self, tree: Option<&Tree>) -> io::Result<()> {
        self.look(tree)?;
        let lines = self.lines();
        self.rows.clear();
        self.draw();
        lines.iter().for_each(terminal::note);
        Ok(())
    }
}

impl Drop for Bars {
    /// Whoever is interrupted leaves no half drawn bars behind.
    fn drop(&mut self) {
        self.rows.clear();
        self.draw();
    }
}

/// Lines and columns of the screen.
fn size() -> (usize, usize) {
    let (lines, columns) = Term::stderr().size();
    (lines.into(), columns.into())
}
