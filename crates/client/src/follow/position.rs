//! Where a follower stands, and whether what comes next is what has to come next.

use milepost_core::{Cursor, Event, RunId};
use milepost_wire::Start;

use crate::error::ClientError;
use crate::transport::Item;

/// Where a follower stands.
pub(super) struct Position {
    cursor: Option<Cursor>,
    /// Whether it follows a root, so that every sequence is its business. None before that is known.
    whole: Option<bool>,
}

/// What an item does to a position.
pub(super) enum Step {
    /// It moves on.
    Forward,
    /// It stays where it is.
    Still,
    /// It has been here before.
    Known,
    /// Something is missing; it stays where it is.
    Gap(ClientError),
}

impl Position {
    pub(super) fn at(start: Start) -> Self {
        let cursor = match start {
            Start::Snapshot => None,
            Start::Beginning => Some(Cursor { epoch: None, seq: 0 }),
            Start::After(cursor) => Some(cursor),
        };
        Self { cursor, whole: None }
    }

    pub(super) fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    pub(super) fn step(&mut self, item: &Item, run: &RunId) -> Step {
        match item {
            Item::Snapshot(snapshot) => {
                self.whole = Some(snapshot.stream == *run);
                self.move_to(snapshot.cursor)
            }
            Item::Event { event, cursor, coalesced_from } => {
                self.whole = Some(event.stream == *run);
                self.event(event, *cursor, *coalesced_from)
            }
            // To those who see everything nothing is skipped.
            Item::Moved(cursor) if self.whole != Some(true) => self.move_to(*cursor),
            Item::CaughtUp { cursor: Some(cursor) } | Item::End { cursor: Some(cursor) } => self.arrived(*cursor),
            Item::Moved(_) | Item::CaughtUp { .. } | Item::End { .. } | Item::Reset { .. } => Step::Still,
        }
    }

    fn event(&mut self, event: &Event, cursor: Cursor, coalesced_from: Option<u64>) -> Step {
        let Some(here) = self.cursor else { return self.move_to(cursor) };
        if here.epoch.is_some() && cursor.epoch.is_some() && here.epoch != cursor.epoch {
            return gap(here, cursor);
        }
        if event.seq <= here.seq {
            return Step::Known;
        }
        if self.whole == Some(true) && coalesced_from.unwrap_or(event.seq) > here.seq + 1 {
            return gap(here, cursor);
        }
        self.move_to(cursor)
    }

    /// The server says that everything up to `cursor` was sent.
    fn arrived(&mut self, cursor: Cursor) -> Step {
        match self.cursor {
            Some(here) if self.whole == Some(true) && cursor.seq > here.seq => gap(here, cursor),
            Some(here) if self.whole != Some(true) && cursor.seq > here.seq => self.move_to(cursor),
            _ => Step::Still,
        }
    }

    fn move_to(&mut self, cursor: Cursor) -> Step {
        self.cursor = Some(cursor);
        Step::Forward
    }
}

/// Coming back from where everything was in order is all that helps, so it counts as a lost connection.
fn gap(here: Cursor, there: Cursor) -> Step {
    Step::Gap(ClientError::Unreachable(format!("events are missing between {here} and {there}")))
}
