//! Showing a run that is being followed.

mod bars;
mod events;
mod lines;
mod mark;
mod pace;
mod rows;

use std::io;
use std::time::Instant;

use milepost_client::Update;
use milepost_core::Tree;

use crate::terminal;
pub(crate) use events::Events;

/// Shows a run. Errors are those of stdout.
pub(crate) trait View: Send {
    /// Something happened, and this is how things stand now, if that is known.
    fn update(&mut self, update: &Update, tree: Option<&Tree>) -> io::Result<()>;

    /// When it wants to look again at what it has not shown yet.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// That time has come.
    fn look(&mut self, _tree: Option<&Tree>) -> io::Result<()> {
        Ok(())
    }

    /// Nothing happened but that time passed.
    fn tick(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// There will be nothing more.
    fn finish(&mut self, _tree: Option<&Tree>) -> io::Result<()> {
        Ok(())
    }
}

/// Bars for a person, lines for everything else.
pub(crate) fn for_this_output() -> Box<dyn View> {
    if terminal::is_interactive() { Box::new(bars::Bars::new()) } else { Box::new(lines::Lines::new()) }
}
