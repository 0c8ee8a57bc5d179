//! What every engine promises.

use async_trait::async_trait;
use milepost_core::{Corrupt, Epoch, EventType, Kind, Project, Record, RunId, RunState};

use crate::outbox::{DeadLetter, LogPage};

/// A durable store of event logs. Cheap to share; all methods may be called at the same time.
///
/// Promises, each held by the conformance suite:
/// - events of a stream are contiguous, 1, 2, 3 …, and never change;
/// - when [`append`](Self::append) answers `Ok` its events and rows are durable; when it fails nothing of it is there;
/// - two appends at the same head: one wins, the other gets [`AppendError::HeadMoved`];
/// - a run id belongs to one stream of its project: the second creation gets [`AppendError::RunExists`];
/// - one failing append does not fail others that happen to be committed together with it, unless the store itself fails;
/// - after a failed fsync it refuses everything until it is opened again, because nobody knows what is on the disk.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Appends to one stream, at an expected head. Without events it changes rows only.
    async fn append(&self, append: Append) -> Result<(), AppendError>;

    /// The stream that `run` belongs to.
    async fn stream_of(&self, project: &Project, run: &RunId) -> Result<Option<RunId>, StoreError>;

    /// Where a stream stands, and its latest checkpoint. None when there is no such stream.
    async fn load(&self, project: &Project, stream: &RunId) -> Result<Option<Loaded>, StoreError>;

    /// The records after `after`, in order, at most `limit`. Fewer than `limit` means that the head was reached.
    async fn read(
        &self,
        project: &Project,
        stream: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// `(id_hash, seq)` of every event of a stream, in no particular order.
    async fn ids(&self, project: &Project, stream: &RunId) -> Result<Vec<(u64, u64)>, StoreError>;

    /// Keeps `body` as the checkpoint of the incarnation `epoch` of a stream at `seq`; the former one goes. There and
    /// durable some time later, or dropped when the stream is another one by then: a checkpoint saves work and is never
    /// needed.
    async fn checkpoint(
        &self,
        project: &Project,
        stream: &RunId,
        epoch: Epoch,
        seq: u64,
        body: String,
    ) -> Result<(), StoreError>;

    /// Runs of the projection, newest first.
    async fn list(&self, query: ListRuns) -> Result<Page, StoreError>;

    /// The streams that have an open run with a timer: what a server has to look after when it starts.
    async fn timed(&self) -> Result<Vec<(Project, RunId)>, StoreError>;

    /// Roots of `kind`, of all projects, that are open or whose audit is in progress: what somebody who looks after them has to
    /// take up again.
    async fn unfinished(&self, kind: &Kind) -> Result<Vec<(Project, RunId)>, StoreError>;

    /// Open runs that a worker may claim (`claimable`), of one of `kinds`, oldest first, at most `limit`: `(run, stream)`.
    async fn claimable(
        &self,
        project: &Project,
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(RunId, RunId)>, StoreError>;

    /// How many open runs a worker may claim, by kind and over all projects: the most frequent kinds first, at most `limit`.
    async fn queued(&self, limit: usize) -> Result<Vec<(Kind, u64)>, StoreError>;

    /// Forgets a stream: its log, its checkpoint, its rows. Nothing happens when there is none.
    async fn delete(&self, project: &Project, stream: &RunId) -> Result<(), StoreError>;

    /// The log of all streams after `after`, in the order of commits: events of one of `types`, all where absent, at most
    /// `limit`. A position is never shown before everything with a lower one is committed, so whoever goes on from
    /// [`LogPage::position`] misses nothing.
    async fn log(&self, after: u64, types: Option<&[EventType]>, limit: usize) -> Result<LogPage, StoreError>;

    /// The last position of the log of all streams; 0 when it is empty.
    async fn end(&self) -> Result<u64, StoreError>;

    /// How far the receiver `sink` has got in the log of all streams. None when it is not known.
    async fn position(&self, sink: &str) -> Result<Option<u64>, StoreError>;

    /// Remembers how far `sink` has got.
    async fn keep_position(&self, sink: &str, position: u64) -> Result<(), StoreError>;

    /// Remembers an event that its receiver did not take. Only the newest [`DEAD_LETTERS`](crate::DEAD_LETTERS) are kept.
    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError>;

    /// Dead letters of a project, newest first, with ids below `before`, at most `limit`.
    async fn dead_letters(
        &self,
        project: &Project,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Forgets a dead letter. Nothing happens when there is none.
    async fn exhume(&self, id: u64) -> Result<(), StoreError>;

    /// Proves that the store can write, by writing.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Writes what is still open and stops. Everything later is refused.
    async fn close(&self);
}

/// One append.
#[derive(Debug, Clone)]
pub struct Append {
    /// The project of the stream.
    pub project: Project,
    /// The stream.
    pub stream: RunId,
    /// The incarnation: that of a stream which this append makes (`expected_head` 0), else the one that the decision
    /// knew of. Another one counts as a head that moved, so nobody writes to a stream that was deleted and made again.
    pub epoch: Epoch,
    /// The sequence of the last event that the decision knew of; 0 for a new stream.
    pub expected_head: u64,
    /// What to append, numbered from `expected_head + 1` on. A stream begins with a record: rows alone do not make one.
    pub records: Vec<Record>,
    /// Rows of the projection that change with it.
    pub rows: Vec<RunRow>,
}

/// A row of the projection of runs, for listings and claims. It may be behind the log by some progress, never by a state.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// Its parent.
    pub parent: Option<RunId>,
    /// Its kind.
    pub kind: Kind,
    /// Its state.
    pub state: RunState,
    /// Whether this append creates it: then it must not exist yet in the project. Else the run must be one of the
    /// stream; its parent and kind never change, and a row of an unknown run changes nothing.
    pub created: bool,
    /// Whether it is open and has a lease or a deadline.
    pub timed: bool,
    /// Whether a worker may claim it.
    pub claimable: bool,
    /// The run as JSON.
    pub body: String,
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Its incarnation.
    pub epoch: Epoch,
    /// Its last sequence.
    pub head: u64,
    /// Its latest checkpoint: the sequence and the body.
    pub checkpoint: Option<(u64, String)>,
}

/// Which runs to list.
#[derive(Debug, Clone)]
pub struct ListRuns {
    /// Of this project.
    pub project: Project,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only in this state.
    pub state: Option<RunState>,
    /// The children of this run; roots when absent.
    pub parent: Option<RunId>,
    /// At most this many.
    pub limit: usize,
    /// Only those before this position: [`Page::next`] of the page before.
    pub before: Option<u64>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// `(stream, body)` of each run, newest first.
    pub runs: Vec<(RunId, String)>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<u64>,
}

/// Why the store cannot serve.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot read or write now. After a full disk that may pass; after a failed fsync it needs a restart.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Its content does not make sense to this version.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

impl From<Corrupt> for StoreError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt.to_string())
    }
}

/// Why an append was refused; nothing of it was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended first.
    #[error("the head is at {head}")]
    HeadMoved {
        /// Where it is now.
        head: u64,
    },
    /// A run that this append creates exists already in the project.
    #[error("the run `{0}` exists already")]
    RunExists(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
