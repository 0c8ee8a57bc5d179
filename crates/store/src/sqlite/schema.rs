//! Connections, the tables, and how they came to be.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{Limits, OpenError};

/// How long to wait for a lock that somebody else has, a backup tool for instance.
const BUSY: Duration = Duration::from_secs(2);

/// One step for each version of the schema. A released step never changes; the next version gets a new one.
const STEPS: &[&str] =
    &[include_str!("schema/1.sql"), include_str!("schema/2-generation-jobs.sql"), include_str!("schema/3-outbox.sql")];

/// The connection that writes, with the schema up to date.
pub(super) fn writer(directory: &Path, path: &Path, limits: &Limits) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Database { directory: directory.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let found = version(&connection).map_err(failed)?;
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(OpenError::Newer { directory: directory.to_owned(), found, known });
    }
    configure_writer(&connection, limits).and_then(|()| migrate(&connection, found)).map_err(failed)?;
    Ok(connection)
}

/// A connection that reads.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.set_prepared_statement_cache_capacity(32);
    share(&connection)?;
    Ok(connection)
}

/// The connection of the thread that moves the WAL into the database.
pub(super) fn checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    share(&connection)?;
    Ok(connection)
}

fn configure_writer(connection: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", limits.page_size)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL syncs the WAL at every commit: an acknowledged event survives a power cut. NORMAL would not promise that,
    // and with group commit it would save little.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    // Checkpoints are made in a thread of their own, not by the commit that happens to pass the mark.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    if let Some(pages) = limits.max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    share(connection)
}

/// What all connections have in common.
fn share(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // A read error of a mapped page is a SIGBUS, and takes the server with it.
    connection.pragma_update(None, "mmap_size", 0)?;
    // The last connection would make a checkpoint when it closes, also after a failed fsync, where nothing may be
    // written any more.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(connection: &Connection, from: u32) -> rusqlite::Result<()> {
    for (done, step) in (0_u32..).zip(STEPS).skip(from as usize) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", done + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bundled_sqlite_has_the_fix_of_the_wal_reset_bug() {
        assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    }
}
