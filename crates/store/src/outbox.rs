//! What leaves the store: the log of all streams in one order, and what its receivers need to have remembered.

use milepost_core::{Epoch, Project, Record, RunId};

/// Positions that one page looks at, whatever it finds: some 10 ms of reading.
pub const SCAN: u64 = 50_000;

/// Dead letters that are kept; the oldest go first. Each is some hundred bytes.
pub const DEAD_LETTERS: u64 = 10_000;

/// A part of the log of all streams, in the order in which it was committed.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// What was asked for.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins: everything that was asked for is in this page up to here.
    pub position: u64,
    /// Whether that is the end of the log.
    pub at_end: bool,
}

/// An event of the log of all streams.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Where it is. Positions go up in the order of commits; they are not contiguous, and never used twice.
    pub position: u64,
    /// Its project.
    pub project: Project,
    /// Its stream.
    pub stream: RunId,
    /// The incarnation of the stream.
    pub epoch: Epoch,
    /// The event.
    pub record: Record,
}

/// An event that a receiver did not take, and that is no longer tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Given by the store; 0 for one that is new.
    pub id: u64,
    /// Whose it is.
    pub sink: String,
    /// The project of the event.
    pub project: Project,
    /// Its stream.
    pub stream: RunId,
    /// The incarnation of the stream.
    pub epoch: Epoch,
    /// Its sequence.
    pub seq: u64,
    /// Whatever else is to be remembered of it.
    pub body: String,
}
