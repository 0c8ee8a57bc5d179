//! What a run does, as one character.

use console::Style;
use milepost_core::{Run, RunState};

/// What a run does, in one character that does not need a colour to be told from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Queued,
    Busy,
    Waiting,
    Trouble,
    Completed,
    Failed,
    Cancelled,
    /// No run, but how many there are that have no line.
    More,
}

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

impl Mark {
    pub(super) fn of(run: &Run) -> Self {
        match run.state {
            RunState::Queued => Self::Queued,
            RunState::Completed => Self::Completed,
            RunState::Failed => Self::Failed,
            RunState::Cancelled => Self::Cancelled,
            RunState::Running | RunState::Waiting if run.stalled => Self::Trouble,
            RunState::Running => Self::Busy,
            RunState::Waiting => Self::Waiting,
        }
    }

    pub(super) fn paint(self, frame: usize, colour: bool) -> String {
        let (mark, style) = match self {
            Self::Queued => ("·", Style::new().dim()),
            Self::Busy => (SPINNER[frame % SPINNER.len()], Style::new().cyan()),
            Self::Waiting => ("‖", Style::new().yellow()),
            Self::Trouble => ("!", Style::new().yellow()),
            Self::Completed => ("✓", Style::new().green()),
            Self::Failed => ("✗", Style::new().red()),
            Self::Cancelled => ("⊘", Style::new().yellow()),
            Self::More => ("…", Style::new().dim()),
        };
        style.force_styling(colour).apply_to(mark).to_string()
    }
}
