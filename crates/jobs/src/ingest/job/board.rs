//! Where the engine writes down how far it is, and the job reads it when it has time.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::ingest::{Observer, Transfer};

/// The latest of each phase. The engine never waits for whoever reads, and nothing queues up.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Notify,
}

/// How far the engine is. A phase that has begun is there; those before it are over.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) cloning: Transfer,
    /// The commit, once it is known; none for an empty repository.
    pub(super) commit: Option<Option<String>>,
    pub(super) parsing: Option<Count>,
    pub(super) indexing: Option<Count>,
}

/// So many of so many files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) done: u64,
    pub(super) total: u64,
}

impl Board {
    pub(super) fn look(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there is something that was not there at the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

impl Observer for Board {
    fn cloning(&self, transfer: Transfer) {
        self.write(|state| state.cloning = transfer);
    }

    fn commit_known(&self, commit: Option<&str>, _branch: Option<&str>) {
        self.write(|state| state.commit = Some(commit.map(str::to_owned)));
    }

    fn parsing(&self, done: u64, total: u64, _path: &str) {
        self.write(|state| state.parsing = Some(Count { done, total }));
    }

    fn indexing(&self, done: u64, total: u64) {
        self.write(|state| state.indexing = Some(Count { done, total }));
    }
}
