//! The default engine: one SQLite database in a data directory of its own.
//!
//! One thread writes, and commits whatever is waiting at once; a few connections read; another thread moves the
//! write-ahead log into the database. `docs/storage-format.md` describes the tables and the files.

mod chores;
mod directory;
mod error;
mod health;
mod index;
mod job;
mod key;
mod lineage;
mod listing;
mod log;
mod outbox;
mod pace;
mod projection;
mod query;
mod reader;
mod schema;
mod tails;
#[cfg(test)]
mod tests;
mod transaction;
mod wal;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use milepost_core::{Epoch, EventType, Kind, Project, Record, RunId};
use tokio::sync::{mpsc, oneshot};

pub use error::OpenError;

use crate::contract::{Append, AppendError, EventStore, ListRuns, Loaded, Page, StoreError};
use crate::outbox::{DeadLetter, LogPage};
use directory::Directory;
use health::Health;
use job::{Checkpoint, Job};
use key::Key;
use lineage::Lineage;
use outbox::Note;
use reader::Readers;
use tails::Published;
use wal::{Completion, Mode, Wal};
use writer::Recovered;

/// An [`EventStore`] in one directory, which it holds exclusively.
///
/// Dropping a future of it does not take back what was asked for: the writer may have it already.
#[derive(Debug)]
pub struct SqliteStore {
    readers: Arc<Readers>,
    /// What the index in the database does not have yet.
    tails: Arc<Published>,
    health: Arc<Health>,
    /// None while it is being dropped.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    /// Let go of after the writer has ended.
    _directory: Directory,
}

/// What tests make smaller.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Bytes of a page of a new database.
    pub(crate) page_size: u32,
    /// Pages that the database may have, to play a full disk.
    pub(crate) max_pages: Option<u32>,
    /// Size of the write-ahead log at which it is moved into the database.
    pub(crate) wal_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { page_size: 4_096, max_pages: None, wal_bytes: wal::START_BYTES }
    }
}

impl SqliteStore {
    /// Opens the store in `directory`, making both when they are not there. Blocks for as long as recovery takes, about a
    /// second for the largest write-ahead log that a killed server leaves.
    ///
    /// # Errors
    /// [`OpenError`]: the directory is in use or unusable, or holds something that this version does not understand.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, &Limits::default())
    }

    pub(crate) fn open_with(directory: &Path, limits: &Limits) -> Result<Self, OpenError> {
        let directory = Directory::claim(directory)?;
        let (path, database) = (directory.path().to_owned(), directory.database());
        let unusable = |source| OpenError::Directory { directory: path.clone(), source };
        let failed = |source| OpenError::Database { directory: path.clone(), source };

        let mut connection = schema::writer(&path, &database, limits)?;
        // After a failed fsync the log may be complete in the page cache and not on the disk. It is read once more, its
        // pages are written to the database and synced there, and it begins anew: nothing depends on it any more.
        if wal::run(&connection, Mode::Truncate).map_err(failed)? == Completion::Blocked {
            return Err(OpenError::InUse { directory: path });
        }
        let (lineage, position) = Lineage::open(&directory.lineage(), &connection).map_err(unusable)?;
        let tails = Arc::new(Published::new(index::recover(&connection, position).map_err(failed)?));
        let recovered = Recovered { position, tails: Arc::clone(&tails) };
        let health = Arc::new(Health::default());
        let readers = Arc::new(Readers::open(&database, Arc::clone(&health)).map_err(failed)?);
        let mover = schema::checkpointer(&database).map_err(failed)?;
        let wal = Wal::watch(&mut connection, limits, mover, Arc::clone(&health)).map_err(unusable)?;

        let (jobs, inbox) = mpsc::channel(writer::QUEUE);
        let shared = Arc::clone(&health);
        let runtime = tokio::runtime::Handle::try_current().ok();
        let writer = std::thread::Builder::new()
            .name("milepost-writer".to_owned())
            .spawn(move || writer::run(&connection, inbox, &shared, wal, lineage, recovered, runtime))
            .map_err(unusable)?;
        Ok(Self { readers, tails, health, jobs: Some(jobs), writer: Some(writer), _directory: directory })
    }

    /// Hands a job to the writer, waiting while its queue is full.
    async fn hand(&self, job: Job) -> Result<(), StoreError> {
        self.health.check()?;
        match &self.jobs {
            Some(jobs) => jobs.send(job).await.map_err(|_| self.gone()),
            None => Err(self.gone()),
        }
    }

    async fn note(&self, note: Note) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.hand(Job::Note(note, answer)).await?;
        answered.await.map_err(|_| self.gone())?
    }

    /// Why the writer does not answer.
    fn gone(&self) -> StoreError {
        self.health.check().err().unwrap_or_else(|| StoreError::Unavailable("the writer has stopped".to_owned()))
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn append(&self, append: Append) -> Result<(), AppendError> {
        let (answer, answered) = oneshot::channel();
        self.hand(Job::Append(append, answer)).await?;
        answered.await.map_err(|_| self.gone())?
    }

    async fn stream_of(&self, project: &Project, run: &RunId) -> Result<Option<RunId>, StoreError> {
        let key = Key::new(project, run);
        self.readers.query(move |connection| query::stream_of(connection, &key)).await
    }

    async fn load(&self, project: &Project, stream: &RunId) -> Result<Option<Loaded>, StoreError> {
        let key = Key::new(project, stream);
        let tails = Arc::clone(&self.tails);
        self.readers.query(move |connection| query::load(connection, &tails, &key)).await
    }

    async fn read(
        &self,
        project: &Project,
        stream: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let key = Key::new(project, stream);
        let tails = Arc::clone(&self.tails);
        self.readers.query(move |connection| query::records(connection, &tails, &key, after, limit)).await
    }

    async fn ids(&self, project: &Project, stream: &RunId) -> Result<Vec<(u64, u64)>, StoreError> {
        let key = Key::new(project, stream);
        let tails = Arc::clone(&self.tails);
        self.readers.query(move |connection| query::ids(connection, &tails, &key)).await
    }

    async fn checkpoint(
        &self,
        project: &Project,
        stream: &RunId,
        epoch: Epoch,
        seq: u64,
        body: String,
    ) -> Result<(), StoreError> {
        let key = Key::new(project, stream);
        self.hand(Job::Checkpoint(Checkpoint { key, epoch, seq, body })).await
    }

    async fn list(&self, query: ListRuns) -> Result<Page, StoreError> {
        self.readers.query(move |connection| listing::list(connection, &query)).await
    }

    async fn timed(&self) -> Result<Vec<(Project, RunId)>, StoreError> {
        self.readers.query(listing::timed).await
    }

    async fn unfinished(&self, kind: &Kind) -> Result<Vec<(Project, RunId)>, StoreError> {
        let kind = kind.clone();
        self.readers.query(move |connection| listing::unfinished(connection, &kind)).await
    }

    async fn claimable(
        &self,
        project: &Project,
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(RunId, RunId)>, StoreError> {
        let (project, kinds) = (project.clone(), kinds.to_vec());
        self.readers.query(move |connection| listing::claimable(connection, &project, &kinds, limit)).await
    }

    async fn queued(&self, limit: usize) -> Result<Vec<(Kind, u64)>, StoreError> {
        self.readers.query(move |connection| listing::queued(connection, limit)).await
    }

    async fn delete(&self, project: &Project, stream: &RunId) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.hand(Job::Delete(Key::new(project, stream), answer)).await?;
        answered.await.map_err(|_| self.gone())?
    }

    async fn log(&self, after: u64, types: Option<&[EventType]>, limit: usize) -> Result<LogPage, StoreError> {
        let types = types.map(<[EventType]>::to_vec);
        self.readers.query(move |connection| outbox::log(connection, after, types.as_deref(), limit)).await
    }

    async fn end(&self) -> Result<u64, StoreError> {
        self.readers.query(outbox::end).await
    }

    async fn position(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        let sink = sink.to_owned();
        self.readers.query(move |connection| outbox::position(connection, &sink)).await
    }

    async fn keep_position(&self, sink: &str, position: u64) -> Result<(), StoreError> {
        self.note(Note::Position { sink: sink.to_owned(), position }).await
    }

    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        self.note(Note::Bury(letter)).await
    }

    async fn dead_letters(
        &self,
        project: &Project,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let project = project.clone();
        self.readers.query(move |connection| outbox::dead_letters(connection, &project, before, limit)).await
    }

    async fn exhume(&self, id: u64) -> Result<(), StoreError> {
        self.note(Note::Exhume(id)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.hand(Job::Probe(answer)).await?;
        answered.await.map_err(|_| self.gone())?
    }

    async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        // When it is closed or poisoned already there is nothing to write.
        if self.hand(Job::Close(answer)).await.is_ok() {
            answered.await.unwrap_or_default();
        }
    }
}

impl Drop for SqliteStore {
    /// Waits for the writer to commit what it has, so that whoever opens the directory next finds it free.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been reported where it happened.
            drop(writer.join());
        }
    }
}
