//! The tables as the writer sees them: appending, and forgetting streams. Everything here runs within a transaction.

use std::collections::HashMap;
use std::sync::Arc;

use milepost_core::{Epoch, Record};
use rusqlite::{Connection, OptionalExtension, Result, Row, Statement, params};

use super::index::Index;
use super::key::Key;
use super::projection::Projection;
use super::tails::Published;
use crate::contract::{Append, AppendError};

/// Streams whose heads are remembered. When they are more, all are forgotten and read again as they are touched.
const HEADS: usize = 65_536;

/// Where a stream stands, within the transaction that is going on.
#[derive(Debug, Clone, Copy)]
struct Head {
    id: i64,
    epoch: Epoch,
    seq: u64,
}

pub(super) struct Log<'c> {
    find: Statement<'c>,
    create: Statement<'c>,
    insert: Statement<'c>,
    delete: Statement<'c>,
    discard: Statement<'c>,
    remember: Statement<'c>,
    index: Index<'c>,
    projection: Projection<'c>,
    heads: HashMap<Key, Head>,
    position: u64,
}

impl<'c> Log<'c> {
    pub(super) fn prepare(connection: &'c Connection, position: u64, tails: Arc<Published>) -> Result<Self> {
        Ok(Self {
            find: connection.prepare(
                "SELECT id, epoch, (SELECT coalesce(max(seq), 0) FROM places WHERE stream = streams.id)
                 FROM streams WHERE project = ? AND root = ?",
            )?,
            create: connection.prepare("INSERT INTO streams (project, root, epoch) VALUES (?, ?, ?) RETURNING id")?,
            insert: connection.prepare(
                "INSERT INTO events (pos, stream, seq, run, type, time, id, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            delete: connection.prepare("DELETE FROM streams WHERE id = ?")?,
            discard: connection.prepare("INSERT INTO garbage (stream) VALUES (?)")?,
            remember: connection.prepare("UPDATE meta SET value = ? WHERE name = 'position'")?,
            index: Index::prepare(connection, tails)?,
            projection: Projection::prepare(connection)?,
            heads: HashMap::new(),
            position,
        })
    }

    /// The position of the last event of the log, over all streams.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The last thing in a transaction that may have appended.
    pub(super) fn complete(&mut self) -> Result<()> {
        self.index.write_old(self.position)
    }

    /// The last transaction of all.
    pub(super) fn complete_all(&mut self) -> Result<()> {
        self.index.write_all(self.position)
    }

    /// After a commit, and before anybody is told: readers have to find it.
    pub(super) fn publish(&mut self) {
        self.index.publish();
    }

    /// After a rollback to `position`: nothing is known any more but what the database says.
    pub(super) fn forget(&mut self, position: u64) {
        self.heads.clear();
        self.index.forget();
        self.position = position;
    }

    /// Appends, or finds out why not. A refusal comes before the first write, so that it leaves nothing behind in the
    /// transaction that it shares with others.
    pub(super) fn append(&mut self, append: &Append) -> Result<std::result::Result<(), AppendError>> {
        let key = Key::new(&append.project, &append.stream);
        let found = self.head(&key)?;
        if let Err(refused) = check_head(append, found) {
            return Ok(Err(refused));
        }
        if let Some(run) = self.projection.already_there(append)? {
            return Ok(Err(AppendError::RunExists(run)));
        }
        let mut head = match found {
            Some(head) => head,
            None => self.create(append)?,
        };
        for record in &append.records {
            head.seq += 1;
            self.insert(head, record)?;
        }
        self.projection.apply(append, head.id)?;
        if self.heads.len() >= HEADS {
            self.heads.clear();
        }
        self.heads.insert(key, head);
        Ok(Ok(()))
    }

    /// The number of a stream, when it is still that incarnation and as long as `seq`.
    pub(super) fn stream_at(&mut self, key: &Key, epoch: Epoch, seq: u64) -> Result<Option<i64>> {
        let head = self.head(key)?;
        Ok(head.filter(|head| head.epoch == epoch && head.seq >= seq).map(|head| head.id))
    }

    /// Takes a stream out of sight at once; its events become garbage, because they can be many.
    pub(super) fn delete(&mut self, key: &Key) -> Result<()> {
        let Some(head) = self.head(key)? else { return Ok(()) };
        self.heads.remove(key);
        self.index.write(head.id)?;
        self.discard.execute([head.id])?;
        self.delete.execute([head.id])?;
        // Positions are never used twice, also when the last ones of the log go now: see `Lineage`.
        self.remember.execute([self.position])?;
        Ok(())
    }

    fn head(&mut self, key: &Key) -> Result<Option<Head>> {
        if let Some(head) = self.heads.get(key) {
            return Ok(Some(*head));
        }
        let (project, root) = (key.project.as_str(), key.stream.as_str());
        let indexed = |row: &Row<'_>| Ok(Head { id: row.get(0)?, epoch: Epoch(row.get(1)?), seq: row.get(2)? });
        let found = self.find.query_row([project, root], indexed).optional()?;
        Ok(found.map(|head| Head { seq: self.index.head(head.id).unwrap_or(head.seq), ..head }))
    }

    fn create(&mut self, append: &Append) -> Result<Head> {
        let row = params![append.project.as_str(), append.stream.as_str(), append.epoch.0];
        let id = self.create.query_row(row, |row| row.get(0))?;
        Ok(Head { id, epoch: append.epoch, seq: 0 })
    }

    /// The sequence is that of the stream, whatever the record says: nothing but the store numbers events.
    fn insert(&mut self, head: Head, record: &Record) -> Result<()> {
        debug_assert_eq!(record.seq, head.seq, "the records of an append follow its expected head");
        self.position += 1;
        self.insert.execute(params![
            self.position,
            head.id,
            head.seq,
            record.run.as_str(),
            record.event_type.as_str(),
            record.time.millis(),
            record.id.as_str(),
            &*record.data,
        ])?;
        self.index.add(head.id, head.seq, self.position)
    }
}

/// A stream begins with an event, so rows alone cannot make one.
fn check_head(append: &Append, found: Option<Head>) -> std::result::Result<(), AppendError> {
    let head = found.map_or(0, |head| head.seq);
    let fits = match found {
        Some(found) => found.epoch == append.epoch && head == append.expected_head,
        None => append.expected_head == 0 && !append.records.is_empty(),
    };
    if fits { Ok(()) } else { Err(AppendError::HeadMoved { head }) }
}
