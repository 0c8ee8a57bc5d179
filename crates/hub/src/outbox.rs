//! The log of all streams, for those who pass on what happens, and what they need to have remembered.

use milepost_core::{EventType, Project};
use milepost_store::{DeadLetter, LogEntry, LogPage};
use tokio::sync::watch;

use crate::error::HubError;
use crate::hub::Hub;

impl Hub {
    /// The log of all streams after `after`: events of one of `types`, all where absent, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn log(&self, after: u64, types: Option<&[EventType]>, limit: usize) -> Result<LogPage, HubError> {
        Ok(self.registry().store.log(after, types, limit).await?)
    }

    /// Changes whenever something is committed. A hint: whoever waits for it looks again after a while in any case.
    pub fn commits(&self) -> watch::Receiver<()> {
        self.registry().committed.subscribe()
    }

    /// One event of the log of all streams; none when it is gone with its stream.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn entry(&self, letter: &DeadLetter) -> Result<Option<LogEntry>, HubError> {
        let DeadLetter { project, stream, epoch, seq, .. } = letter;
        let store = &self.registry().store;
        let Some(loaded) = store.load(project, stream).await?.filter(|loaded| loaded.epoch == *epoch) else {
            return Ok(None);
        };
        let mut records = store.read(project, stream, seq.saturating_sub(1), 1).await?;
        let entry = |record| LogEntry {
            position: 0,
            project: project.clone(),
            stream: stream.clone(),
            epoch: loaded.epoch,
            record,
        };
        Ok(records.pop().map(entry))
    }

    /// How far the receiver `sink` has got. One that is new begins at the end of the log: it is told what happens from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn position(&self, sink: &str) -> Result<u64, HubError> {
        let store = &self.registry().store;
        if let Some(position) = store.position(sink).await? {
            return Ok(position);
        }
        let end = store.end().await?;
        store.keep_position(sink, end).await?;
        Ok(end)
    }

    /// Remembers how far `sink` has got.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_position(&self, sink: &str, position: u64) -> Result<(), HubError> {
        Ok(self.registry().store.keep_position(sink, position).await?)
    }

    /// Remembers an event that its receiver did not take.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bury(&self, letter: DeadLetter) -> Result<(), HubError> {
        Ok(self.registry().store.bury(letter).await?)
    }

    /// Dead letters of a project, newest first, with ids below `before`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dead_letters(
        &self,
        project: &Project,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, HubError> {
        Ok(self.registry().store.dead_letters(project, before, limit).await?)
    }

    /// Forgets a dead letter.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn exhume(&self, id: u64) -> Result<(), HubError> {
        Ok(self.registry().store.exhume(id).await?)
    }
}
