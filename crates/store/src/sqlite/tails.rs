//! Where the newest events of each stream are, as long as the index in the database does not say it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The end of a stream: the positions of the events from sequence `first` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) first: u64,
    pub(super) positions: Vec<u64>,
}

impl Tail {
    /// The last sequence. A tail is never empty.
    pub(super) fn head(&self) -> u64 {
        self.first + self.positions.len() as u64 - 1
    }
}

/// A change of the tails, to be published when the transaction that it belongs to is committed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Added {
        stream: i64,
        seq: u64,
        position: u64,
    },
    /// The index has all of them now.
    Indexed {
        stream: i64,
    },
}

pub(super) type Tails = HashMap<i64, Tail>;

pub(super) fn apply(tails: &mut Tails, change: Change) {
    match change {
        Change::Added { stream, seq, position } => {
            let tail = tails.entry(stream).or_insert_with(|| Tail { first: seq, positions: Vec::new() });
            tail.positions.push(position);
        }
        Change::Indexed { stream } => drop(tails.remove(&stream)),
    }
}

/// The tails as of the last commit, for the readers.
///
/// A reader takes the tail of a stream *before* it looks into the database. So what it misses in the tail, because it
/// was indexed meanwhile, it finds in the index.
#[derive(Debug, Default)]
pub(super) struct Published {
    tails: Mutex<Tails>,
}

impl Published {
    pub(super) fn new(tails: Tails) -> Self {
        Self { tails: Mutex::new(tails) }
    }

    pub(super) fn of(&self, stream: i64) -> Option<Tail> {
        self.lock().get(&stream).cloned()
    }

    pub(super) fn all(&self) -> Tails {
        self.lock().clone()
    }

    pub(super) fn publish(&self, changes: impl Iterator<Item = Change>) {
        let mut tails = self.lock();
        changes.for_each(|change| apply(&mut tails, change));
    }

    fn lock(&self) -> MutexGuard<'_, Tails> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
