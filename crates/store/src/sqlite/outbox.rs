//! The log of all streams, and the tables of its receivers.

use milepost_core::{Epoch, EventType, Project};
use rusqlite::{Connection, OptionalExtension, Result, Row, Statement, ToSql, params};

use super::error::read_error;
use super::query::{bounded, name, record};
use crate::contract::StoreError;
use crate::outbox::{DEAD_LETTERS, DeadLetter, LogEntry, LogPage, SCAN};

/// A page of the log. The end is looked up first: what is committed in between comes with the next page.
pub(super) fn log(
    connection: &Connection,
    after: u64,
    types: Option<&[EventType]>,
    limit: usize,
) -> std::result::Result<LogPage, StoreError> {
    let end = end(connection)?;
    let last = end.min(after.saturating_add(SCAN));
    let marks = types.map(|types| format!(" AND type IN ({})", vec!["?"; types.len()].join(", ")));
    let sql = format!(
        "SELECT events.seq, run, type, time, events.id, data, pos, project, root, epoch
         FROM events JOIN streams ON streams.id = events.stream
         WHERE pos > ? AND pos <= ?{} ORDER BY pos LIMIT ?",
        marks.unwrap_or_default()
    );
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(bounded(after)), Box::new(bounded(last))];
    values.extend(types.into_iter().flatten().map(|name| Box::new(name.as_str().to_owned()) as Box<dyn ToSql>));
    values.push(Box::new(limit));
    let read = || -> Result<Vec<std::result::Result<LogEntry, StoreError>>> {
        let mut statement = connection.prepare_cached(&sql)?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| &**value as &dyn ToSql).collect();
        statement.query_map(&*values, entry)?.collect()
    };
    let entries: Vec<_> =
        read().map_err(|error| read_error(&error))?.into_iter().collect::<std::result::Result<_, _>>()?;
    let full = entries.len() == limit;
    let position = entries.last().filter(|_| full).map_or(last, |entry| entry.position).max(after);
    Ok(LogPage { at_end: position >= end, entries, position })
}

pub(super) fn end(connection: &Connection) -> std::result::Result<u64, StoreError> {
    let read = || connection.query_row("SELECT coalesce(max(pos), 0) FROM events", [], |row| row.get(0));
    read().map_err(|error| read_error(&error))
}

fn entry(row: &Row<'_>) -> Result<std::result::Result<LogEntry, StoreError>> {
    let record = record(row, None)?;
    let (position, project, root): (u64, String, String) = (row.get(6)?, row.get(7)?, row.get(8)?);
    let epoch = Epoch(row.get(9)?);
    let entry = || Ok(LogEntry { position, project: name(&project)?, stream: name(&root)?, epoch, record: record? });
    Ok(entry())
}

pub(super) fn position(connection: &Connection, sink: &str) -> std::result::Result<Option<u64>, StoreError> {
    let read =
        || connection.query_row("SELECT position FROM outbox WHERE sink = ?", [sink], |row| row.get(0)).optional();
    read().map_err(|error| read_error(&error))
}

const LETTER: &str = "SELECT id, sink, project, stream, epoch, seq, body FROM dead_letters";

pub(super) fn dead_letters(
    connection: &Connection,
    project: &Project,
    before: Option<u64>,
    limit: usize,
) -> std::result::Result<Vec<DeadLetter>, StoreError> {
    let sql = format!("{LETTER} WHERE project = ? AND id < ? ORDER BY id DESC LIMIT ?");
    let read = || -> Result<Vec<std::result::Result<DeadLetter, StoreError>>> {
        let mut statement = connection.prepare_cached(&sql)?;
        let values = params![project.as_str(), before.map_or(i64::MAX, bounded), limit];
        statement.query_map(values, letter)?.collect()
    };
    read().map_err(|error| read_error(&error))?.into_iter().collect()
}

fn letter(row: &Row<'_>) -> Result<std::result::Result<DeadLetter, StoreError>> {
    let (id, sink, project, stream): (u64, String, String, String) =
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    let (epoch, seq, body) = (Epoch(row.get(4)?), row.get(5)?, row.get(6)?);
    let letter = || Ok(DeadLetter { id, sink, project: name(&project)?, stream: name(&stream)?, epoch, seq, body });
    Ok(letter())
}

/// What is to be remembered.
#[derive(Debug)]
pub(super) enum Note {
    Position { sink: String, position: u64 },
    Bury(DeadLetter),
    Exhume(u64),
}

/// The writer's side. Everything here runs within a transaction.
pub(super) struct Outbox<'c> {
    keep: Statement<'c>,
    bury: Statement<'c>,
    trim: Statement<'c>,
    exhume: Statement<'c>,
}

impl<'c> Outbox<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            keep: connection.prepare("INSERT OR REPLACE INTO outbox (sink, position) VALUES (?, ?)")?,
            bury: connection.prepare(
                "INSERT INTO dead_letters (sink, project, stream, epoch, seq, body) VALUES (?, ?, ?, ?, ?, ?)",
            )?,
            trim: connection.prepare("DELETE FROM dead_letters WHERE id <= ?")?,
            exhume: connection.prepare("DELETE FROM dead_letters WHERE id = ?")?,
        })
    }

    pub(super) fn note(&mut self, note: &Note) -> Result<()> {
        match note {
            Note::Position { sink, position } => self.keep.execute(params![sink, bounded(*position)])?,
            Note::Bury(letter) => {
                let (project, stream, epoch) = (letter.project.as_str(), letter.stream.as_str(), letter.epoch.0);
                let id = self.bury.insert(params![letter.sink, project, stream, epoch, letter.seq, letter.body])?;
                self.trim.execute([id.saturating_sub(bounded(DEAD_LETTERS))])?
            }
            Note::Exhume(id) => self.exhume.execute([bounded(*id)])?,
        };
        Ok(())
    }
}
