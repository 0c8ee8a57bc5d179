//! A store that fails and waits when it is told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use milepost_core::{Epoch, EventType, Kind, Project, Record, RunId};
use milepost_store::{
    Append, AppendError, DeadLetter, EventStore, ListRuns, Loaded, LogPage, MemoryStore, Page, StoreError,
};
use tokio::sync::watch;

/// The memory of a [`MemoryStore`], behind a connection that a test can cut and hold. Several of them may share one
/// memory, as servers that come one after the other.
pub(crate) struct Wire {
    memory: Arc<MemoryStore>,
    /// Appends fail.
    broken: AtomicBool,
    /// The next append panics, as a bug would.
    buggy: AtomicBool,
    /// Reads of the log fail.
    blind: AtomicBool,
    /// Everything fails, as for a server that is gone.
    cut: AtomicBool,
    /// While this is true an append is written but not answered.
    held: watch::Sender<bool>,
    /// Where reads of the log began.
    reads: Mutex<Vec<u64>>,
    /// How many events each append had.
    appends: Mutex<Vec<usize>>,
}

impl Wire {
    pub(crate) fn new(memory: Arc<MemoryStore>) -> Self {
        Self {
            memory,
            broken: AtomicBool::new(false),
            buggy: AtomicBool::new(false),
            blind: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            held: watch::Sender::new(false),
            reads: Mutex::default(),
            appends: Mutex::default(),
        }
    }

    pub(crate) fn memory(&self) -> Arc<MemoryStore> {
        self.memory.clone()
    }

    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    pub(crate) fn break_appends(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    pub(crate) fn panic_once(&self) {
        self.buggy.store(true, Ordering::Relaxed);
    }

    pub(crate) fn break_reads(&self, blind: bool) {
        self.blind.store(blind, Ordering::Relaxed);
    }

    pub(crate) fn hold_appends(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Where reads of the log began since the last call.
    pub(crate) fn take_reads(&self) -> Vec<u64> {
        std::mem::take(&mut *self.reads.lock().unwrap())
    }

    /// How many events each append had since the last call.
    pub(crate) fn take_appends(&self) -> Vec<usize> {
        std::mem::take(&mut *self.appends.lock().unwrap())
    }

    fn through(&self) -> Result<&MemoryStore, StoreError> {
        if self.cut.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("cut".to_owned()));
        }
        Ok(&self.memory)
    }
}

#[async_trait]
impl EventStore for Wire {
    async fn append(&self, append: Append) -> Result<(), AppendError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("broken".to_owned()).into());
        }
        assert!(!self.buggy.swap(false, Ordering::Relaxed), "a bug");
        self.appends.lock().unwrap().push(append.records.len());
        let outcome = self.through()?.append(append).await;
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
        outcome
    }

    async fn stream_of(&self, project: &Project, run: &RunId) -> Result<Option<RunId>, StoreError> {
        self.through()?.stream_of(project, run).await
    }

    async fn load(&self, project: &Project, stream: &RunId) -> Result<Option<Loaded>, StoreError> {
        self.through()?.load(project, stream).await
    }

    async fn read(&self, p: &Project, stream: &RunId, after: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.reads.lock().unwrap().push(after);
        if self.blind.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("blind".to_owned()));
        }
        self.through()?.read(p, stream, after, limit).await
    }

    async fn ids(&self, project: &Project, stream: &RunId) -> Result<Vec<(u64, u64)>, StoreError> {
        self.through()?.ids(project, stream).await
    }

    async fn checkpoint(
        &self,
        project: &Project,
        stream: &RunId,
        epoch: Epoch,
        seq: u64,
        body: String,
    ) -> Result<(), StoreError> {
        self.through()?.checkpoint(project, stream, epoch, seq, body).await
    }

    async fn list(&self, query: ListRuns) -> Result<Page, StoreError> {
        // Others get their turn between two queries.
        tokio::task::yield_now().await;
        self.through()?.list(query).await
    }

    async fn timed(&self) -> Result<Vec<(Project, RunId)>, StoreError> {
        self.through()?.timed().await
    }

    async fn unfinished(&self, kind: &Kind) -> Result<Vec<(Project, RunId)>, StoreError> {
        self.through()?.unfinished(kind).await
    }

    async fn claimable(
        &self,
        project: &Project,
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(RunId, RunId)>, StoreError> {
        self.through()?.claimable(project, kinds, limit).await
    }

    async fn queued(&self, limit: usize) -> Result<Vec<(Kind, u64)>, StoreError> {
        self.through()?.queued(limit).await
    }

    async fn delete(&self, project: &Project, stream: &RunId) -> Result<(), StoreError> {
        self.through()?.delete(project, stream).await
    }

    async fn log(&self, after: u64, types: Option<&[EventType]>, limit: usize) -> Result<LogPage, StoreError> {
        self.through()?.log(after, types, limit).await
    }

    async fn end(&self) -> Result<u64, StoreError> {
        self.through()?.end().await
    }

    async fn position(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        self.through()?.position(sink).await
    }

    async fn keep_position(&self, sink: &str, position: u64) -> Result<(), StoreError> {
        self.through()?.keep_position(sink, position).await
    }

    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        self.through()?.bury(letter).await
    }

    async fn dead_letters(
        &self,
        project: &Project,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.through()?.dead_letters(project, before, limit).await
    }

    async fn exhume(&self, id: u64) -> Result<(), StoreError> {
        self.through()?.exhume(id).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.through()?.probe().await
    }

    /// The memory stays open for whoever comes next.
    async fn close(&self) {
        self.cut();
    }
}
