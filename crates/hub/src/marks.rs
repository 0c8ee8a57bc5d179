//! States of a stream along its way, for viewers who read the log and want views.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use milepost_core::Tree;

use crate::caps;
use crate::live::Live;

/// A state every so many events, while somebody wants views. The only checkpoint in the store is usually past a viewer that fell
/// out of the ring; without these it would have to fold the log from the beginning.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    viewers: AtomicUsize,
    /// Oldest first.
    states: Mutex<VecDeque<Tree>>,
}

impl Marks {
    /// `tree` is what viewers see from now on.
    pub(crate) fn pass(&self, tree: &Tree) {
        if self.viewers.load(Ordering::Relaxed) > 0 {
            let mut states = self.lock();
            if states.back().is_none_or(|last| last.seq() + caps::MARK_EVERY <= tree.seq()) {
                states.push_back(tree.clone());
            }
            if states.len() > caps::MARKS {
                states.pop_front();
            }
        }
    }

    /// The latest state that is not past `seq`.
    pub(crate) fn before(&self, seq: u64) -> Option<Tree> {
        self.lock().iter().rev().find(|state| state.seq() <= seq).cloned()
    }

    // Nothing panics while the lock is held, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Tree>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who wants views of a stream.
#[derive(Debug)]
pub(crate) struct Viewing(Arc<Live>);

impl Viewing {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        live.marks.viewers.fetch_add(1, Ordering::Relaxed);
        live.with_tree(|tree| live.marks.pass(tree));
        Self(live)
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        let marks = &self.0.marks;
        if marks.viewers.fetch_sub(1, Ordering::Relaxed) == 1 {
            let former = std::mem::take(&mut *marks.lock());
            drop(former); // outside of the lock: they may be large
        }
    }
}
