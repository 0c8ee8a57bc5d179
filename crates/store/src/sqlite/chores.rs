//! What the writer does when nobody waits for it: checkpoints of snapshots, and clearing away deleted streams.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result, Statement, params};

use super::job::Checkpoint;
use super::key::Key;
use super::log::Log;

/// Events that are cleared away in one transaction. Some milliseconds, because appends may be waiting by then.
const SWEEP: usize = 2_000;

/// Bytes of checkpoints in one transaction, for the same reason.
const BODIES: usize = 4 * 1024 * 1024;

pub(super) struct Chores<'c> {
    keep: Statement<'c>,
    next_garbage: Statement<'c>,
    count: Statement<'c>,
    sweep_events: Statement<'c>,
    sweep_places: Statement<'c>,
    swept: Statement<'c>,
    /// The latest of each stream.
    checkpoints: HashMap<Key, Checkpoint>,
    garbage: bool,
}

impl<'c> Chores<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            keep: connection.prepare("INSERT OR REPLACE INTO checkpoints (stream, seq, body) VALUES (?, ?, ?)")?,
            next_garbage: connection.prepare("SELECT stream FROM garbage LIMIT 1")?,
            count: connection.prepare(
                "SELECT count(*), max(seq) FROM (SELECT seq FROM places WHERE stream = ? ORDER BY seq LIMIT ?)",
            )?,
            sweep_events: connection
                .prepare("DELETE FROM events WHERE pos IN (SELECT pos FROM places WHERE stream = ? AND seq <= ?)")?,
            sweep_places: connection.prepare("DELETE FROM places WHERE stream = ? AND seq <= ?")?,
            swept: connection.prepare("DELETE FROM garbage WHERE stream = ?")?,
            checkpoints: HashMap::new(),
            garbage: true,
        })
    }

    pub(super) fn waiting(&self) -> bool {
        self.garbage || !self.checkpoints.is_empty()
    }

    pub(super) fn has_checkpoints(&self) -> bool {
        !self.checkpoints.is_empty()
    }

    pub(super) fn add(&mut self, checkpoint: Checkpoint) {
        self.checkpoints.insert(checkpoint.key.clone(), checkpoint);
    }

    pub(super) fn add_garbage(&mut self) {
        self.garbage = true;
    }

    /// A part of the work, small enough to be one transaction.
    pub(super) fn some(&mut self, log: &mut Log<'_>) -> Result<()> {
        if self.checkpoints.is_empty() { self.sweep() } else { self.keep(log) }
    }

    /// After a failure: a checkpoint is never needed, and garbage is found again with the next deletion or start.
    pub(super) fn drop_all(&mut self) {
        self.checkpoints.clear();
        self.garbage = false;
    }

    fn keep(&mut self, log: &mut Log<'_>) -> Result<()> {
        let mut bytes = 0;
        while bytes < BODIES
            && let Some(key) = self.checkpoints.keys().next().cloned()
            && let Some(checkpoint) = self.checkpoints.remove(&key)
        {
            bytes += checkpoint.body.len();
            // The stream may have been deleted since, and made again: then it is the checkpoint of another one.
            if let Some(stream) = log.stream_at(&key, checkpoint.epoch, checkpoint.seq)? {
                self.keep.execute(params![stream, checkpoint.seq, checkpoint.body])?;
            }
        }
        Ok(())
    }

    fn sweep(&mut self) -> Result<()> {
        let Some(stream) = self.next_garbage.query_row([], |row| row.get::<_, i64>(0)).optional()? else {
            self.garbage = false;
            return Ok(());
        };
        let (count, last): (usize, Option<u64>) =
            self.count.query_row(params![stream, SWEEP], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.sweep_events.execute(params![stream, last])?;
        self.sweep_places.execute(params![stream, last])?;
        if count < SWEEP {
            self.swept.execute([stream])?;
        }
        Ok(())
    }
}
