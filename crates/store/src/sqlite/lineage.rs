//! Notices that the database was replaced by an older one.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::Connection;

/// A file beside the database that remembers which store this is and how far its log went.
///
/// The position is noted after each commit, so the file is never ahead of its own database. When it is, the database
/// comes from a backup, and cursors that viewers hold may point behind its end or, worse, at events that will be others.
/// Then every stream gets a new epoch. The note is not synced each time: after a power cut it may be behind, which hides
/// only a restore that lost nothing noted.
#[derive(Debug)]
pub(super) struct Lineage {
    file: File,
    store: String,
}

impl Lineage {
    /// Compares, renews the epochs when the two disagree, and begins to note. Also gives the last position of the log.
    pub(super) fn open(path: &Path, connection: &Connection) -> io::Result<(Self, u64)> {
        let (store, position) = of_database(connection).map_err(io::Error::other)?;
        let noted = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        if !parse(&noted).is_some_and(|(noted_store, noted)| noted_store == store && noted <= position) {
            let streams = renew_epochs(connection).map_err(io::Error::other)?;
            if streams > 0 {
                tracing::warn!(streams, "the database was restored from a backup: every stream gets a new epoch");
            }
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        let mut lineage = Self { file, store };
        lineage.note(position)?;
        lineage.sync()?;
        Ok((lineage, position))
    }

    /// Notes the position of a commit that succeeded. Always the same number of bytes, over the former ones.
    pub(super) fn note(&mut self, position: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(format!("{} {position:016x}\n", self.store).as_bytes())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn parse(text: &str) -> Option<(&str, u64)> {
    let (store, position) = text.strip_suffix('\n')?.split_once(' ')?;
    Some((store, u64::from_str_radix(position, 16).ok()?))
}

fn of_database(connection: &Connection) -> rusqlite::Result<(String, u64)> {
    let store = connection.query_row("SELECT value FROM meta WHERE name = 'store'", [], |row| row.get(0))?;
    // The end of the log can be deleted; `meta` remembers how far it went.
    let position = connection.query_row(
        "SELECT max((SELECT coalesce(max(pos), 0) FROM events), (SELECT value FROM meta WHERE name = 'position'))",
        [],
        |row| row.get(0),
    )?;
    Ok((store, position))
}

/// Adds something that is not 0 modulo 2^32, so that each epoch becomes another one for certain. Checkpoints go, because
/// their bodies may hold cursors of the former epoch.
fn renew_epochs(connection: &Connection) -> rusqlite::Result<usize> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute("DELETE FROM checkpoints", [])?;
    let renewed =
        transaction.execute("UPDATE streams SET epoch = (epoch + 1 + (random() & 0x7fffffff)) & 0xffffffff", [])?;
    transaction.commit()?;
    Ok(renewed)
}
