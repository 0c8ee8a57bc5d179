//! A live stream as its readers see it.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::task::Poll;

use bytes::Bytes;
use milepost_core::{Epoch, Project, RunId, Snapshot, Time, Tree};
use tokio::sync::mpsc;

use crate::actor::Command;
use crate::caps;
use crate::frame::Frame;
use crate::marks::Marks;
use crate::ring::Ring;
use crate::slots::Slots;
use crate::wakers::{Registration, Wakers};

/// Names a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) project: Project,
    pub(crate) stream: RunId,
}

/// What the actor of a stream and its readers share. The actor alone writes, and only what is durable.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) key: Key,
    pub(crate) epoch: Epoch,
    pub(crate) inbox: mpsc::Sender<Command>,
    /// The head of `visible`, to see without a lock that nothing is new.
    head: AtomicU64,
    closed: AtomicBool,
    visible: RwLock<Visible>,
    wakers: Arc<Wakers>,
    pub(crate) marks: Marks,
    /// Snapshots that were asked for at the current state, by their topmost run.
    shown: Mutex<HashMap<RunId, Arc<Shown>>>,
}

#[derive(Debug)]
struct Visible {
    tree: Tree,
    ring: Ring,
    over: bool,
}

/// A snapshot together with its bytes, encoded once for everybody who asks at the same state.
#[derive(Debug)]
pub struct Shown {
    snapshot: Snapshot,
    bytes: OnceLock<Bytes>,
    others: Slots,
}

impl Shown {
    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Its bytes, made by `encode` at the first call.
    pub fn encoded(&self, encode: impl FnOnce(&Snapshot) -> Bytes) -> Bytes {
        self.bytes.get_or_init(|| encode(&self.snapshot)).clone()
    }

    /// What a dialect makes of the snapshot, made by `make` at the first call and shared from then on; known by its type `T`.
    pub fn shared<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        self.others.get_or_make(None, make)
    }
}

impl Live {
    pub(crate) fn new(key: Key, tree: Tree, inbox: mpsc::Sender<Command>) -> Self {
        Self {
            key,
            epoch: tree.epoch(),
            inbox,
            head: AtomicU64::new(tree.seq()),
            closed: AtomicBool::new(false),
            visible: RwLock::new(Visible { over: tree.is_over(), tree, ring: Ring::new() }),
            wakers: Arc::default(),
            marks: Marks::default(),
            shown: Mutex::default(),
        }
    }

    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Whether the stream went away: deleted, dormant, or the server is shutting down.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether everything is said, as of the head.
    pub(crate) fn is_over(&self) -> bool {
        self.read().over
    }

    pub(crate) fn tree(&self) -> Tree {
        self.read().tree.clone()
    }

    pub(crate) fn with_tree<T>(&self, look: impl FnOnce(&Tree) -> T) -> T {
        look(&self.read().tree)
    }

    /// Copies the frames after `position` to `out`. False when the log has to be read instead.
    pub(crate) fn frames_after(&self, position: u64, limit: usize, out: &mut Vec<Arc<Frame>>) -> bool {
        self.read().ring.after(position, limit, out)
    }

    /// The snapshot of `top` and what is below it; none when there is no such run.
    pub(crate) fn shown(&self, top: &RunId, now: Time) -> Option<Arc<Shown>> {
        // The lock of the cache is held over the look at the tree, so that no older state can replace a newer one.
        let mut cache = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = cache.get(top) {
            return Some(shown.clone());
        }
        let snapshot = self.read().tree.snapshot_of(top, now)?;
        let shown = Arc::new(Shown { snapshot, bytes: OnceLock::new(), others: Slots::default() });
        if cache.len() >= caps::SNAPSHOTS_KEPT {
            cache.clear();
        }
        cache.insert(top.clone(), shown.clone());
        Some(shown)
    }

    /// Shows what became durable: the state after it, and the frames that led there.
    pub(crate) fn publish(&self, tree: Tree, frames: &[Arc<Frame>]) {
        let (head, over) = (tree.seq(), tree.is_over());
        self.marks.pass(&tree);
        let former = {
            let mut visible = self.visible.write().unwrap_or_else(PoisonError::into_inner);
            for frame in frames {
                visible.ring.push(frame.clone());
            }
            visible.over = over;
            std::mem::replace(&mut visible.tree, tree)
        };
        drop(former); // outside of the lock: it may be the last owner of a large tree
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if !frames.is_empty() {
            self.head.store(head, Ordering::Release);
            self.wakers.wake_all();
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wakers.wake_all();
    }

    pub(crate) fn registration(&self) -> Registration {
        Registration::new(self.wakers.clone())
    }

    /// Waits until the head is past `position`, or the stream goes away.
    pub(crate) async fn moved(&self, position: u64) {
        let mut registration = self.registration();
        std::future::poll_fn(|context| {
            registration.register(context.waker());
            let moved = self.head() > position || self.is_closed();
            if moved { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Visible> {
        self.visible.read().unwrap_or_else(PoisonError::into_inner)
    }
}
