//! What can be read of the log. Each function sees one state of the database.

use std::sync::Arc;

use milepost_core::{Epoch, EventId, Record, RunId, Time};
use rusqlite::{Connection, OptionalExtension, Row};

use super::error::read_error;
use super::key::Key;
use super::tails::Published;
use crate::contract::{Loaded, StoreError};
use crate::id_hash::id_hash;

pub(super) fn stream_of(connection: &Connection, run: &Key) -> Result<Option<RunId>, StoreError> {
    let sql = "SELECT root FROM runs JOIN streams ON streams.id = runs.stream WHERE runs.project = ? AND run = ?";
    let mut statement = connection.prepare_cached(sql).map_err(|error| read_error(&error))?;
    let root = statement
        .query_row([run.project.as_str(), run.stream.as_str()], |row| row.get::<_, String>(0))
        .optional()
        .map_err(|error| read_error(&error))?;
    root.map(|root| name(&root)).transpose()
}

pub(super) fn load(connection: &Connection, tails: &Published, key: &Key) -> Result<Option<Loaded>, StoreError> {
    let sql =
        "SELECT epoch, (SELECT coalesce(max(seq), 0) FROM places WHERE stream = streams.id), checkpoints.seq, body
               FROM streams LEFT JOIN checkpoints ON checkpoints.stream = streams.id WHERE id = ?";
    let read = || -> rusqlite::Result<Option<Loaded>> {
        let Some(stream) = number(connection, key)? else { return Ok(None) };
        let unindexed = tails.of(stream).map_or(0, |tail| tail.head());
        let loaded = |row: &Row<'_>| {
            let seq = row.get::<_, Option<u64>>(2)?;
            let checkpoint = match seq {
                Some(seq) => Some((seq, row.get(3)?)),
                None => None,
            };
            Ok(Loaded { epoch: Epoch(row.get(0)?), head: row.get::<_, u64>(1)?.max(unindexed), checkpoint })
        };
        connection.prepare_cached(sql)?.query_row([stream], loaded).optional()
    };
    read().map_err(|error| read_error(&error))
}

pub(super) fn records(
    connection: &Connection,
    tails: &Published,
    key: &Key,
    after: u64,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let mut records = Ok(Vec::new());
    let range = Range { key, after, limit };
    let read = each(connection, tails, &range, "events.seq, run, type, time, id, data", |row| {
        if let Ok(found) = &mut records {
            match record(row, found.last())? {
                Ok(record) => found.push(record),
                Err(corrupt) => records = Err(corrupt),
            }
        }
        Ok(())
    });
    read.map_err(|error| read_error(&error)).and(records)
}

pub(super) fn ids(connection: &Connection, tails: &Published, key: &Key) -> Result<Vec<(u64, u64)>, StoreError> {
    let mut ids = Vec::new();
    let range = Range { key, after: 0, limit: usize::MAX };
    let read = each(connection, tails, &range, "events.seq, id", |row| {
        let seq = row.get(0)?;
        ids.push(EventId::new(text(row, 1)?).map(|id| (id_hash(&id), seq)).map_err(|error| corrupt(&error)));
        Ok(())
    });
    read.map_err(|error| read_error(&error))?;
    ids.into_iter().collect()
}

/// A part of a stream.
struct Range<'a> {
    key: &'a Key,
    after: u64,
    limit: usize,
}

/// Gives `columns` of each event of a range to `take`, in order: those that the index knows, then those of the tail.
/// Nothing when the stream is deleted meanwhile.
fn each(
    connection: &Connection,
    tails: &Published,
    range: &Range<'_>,
    columns: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let Some(stream) = number(connection, range.key)? else { return Ok(()) };
    let tail = tails.of(stream);
    // One state of the database for all that follows; as long as the stream is in it, so are all its events.
    let transaction = connection.unchecked_transaction()?;
    if number(connection, range.key)? != Some(stream) {
        return Ok(());
    }
    let first = tail.as_ref().map_or(u64::MAX, |tail| tail.first);
    let mut taken = 0;
    if range.after.saturating_add(1) < first {
        let sql = format!(
            "SELECT {columns} FROM places CROSS JOIN events ON events.pos = places.pos
             WHERE places.stream = ? AND places.seq > ? AND places.seq < ? ORDER BY places.seq LIMIT ?"
        );
        let mut statement = transaction.prepare_cached(&sql)?;
        let limit = i64::try_from(range.limit).unwrap_or(i64::MAX);
        let mut rows = statement.query((stream, bounded(range.after), bounded(first), limit))?;
        while let Some(row) = rows.next()? {
            take(row)?;
            taken += 1;
        }
    }
    let Some(tail) = tail else { return Ok(()) };
    let skip = usize::try_from(range.after.saturating_add(1).saturating_sub(tail.first)).unwrap_or(usize::MAX);
    let mut statement = transaction.prepare_cached(&format!("SELECT {columns} FROM events WHERE pos = ?"))?;
    for position in tail.positions.iter().skip(skip).take(range.limit - taken) {
        statement.query_row([position], |row| take(row))?;
    }
    Ok(())
}

/// The number of a stream within this database.
fn number(connection: &Connection, key: &Key) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM streams WHERE project = ? AND root = ?")?;
    statement.query_row([key.project.as_str(), key.stream.as_str()], |row| row.get(0)).optional()
}

/// A record; `before` is the one before it, most often of the same run, whose name is then shared.
pub(super) fn record(row: &Row<'_>, before: Option<&Record>) -> rusqlite::Result<Result<Record, StoreError>> {
    let (run, event_type) = (text(row, 1)?, text(row, 2)?);
    let run = match before {
        Some(before) if before.run.as_str() == run => Ok(before.run.clone()),
        _ => name(run),
    };
    let event_type = event_type.parse().map_err(|error| corrupt(&error));
    let id = EventId::new(text(row, 4)?).map_err(|error| corrupt(&error));
    let (seq, time, data) = (row.get(0)?, Time::from_millis(row.get(3)?), Arc::from(text(row, 5)?));
    let record = || Ok(Record { seq, run: run?, event_type: event_type?, time, id: id?, data });
    Ok(record())
}

/// A text of a row, without copying it.
fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}

pub(super) fn name<N: std::str::FromStr<Err = milepost_core::InvalidName>>(text: &str) -> Result<N, StoreError> {
    text.parse().map_err(|error: milepost_core::InvalidName| corrupt(&error))
}

fn corrupt(error: &dyn std::error::Error) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

/// SQLite counts to 2^63; no sequence or position is behind that.
pub(super) fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
