//! What can go wrong with the database, and whether it passes.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::contract::StoreError;

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or a file in it cannot be made, read or written.
    #[error("the data directory {} cannot be used", directory.display())]
    Directory {
        /// Which directory.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another server has it, or another process is reading the database.
    #[error("the data directory {} is in use by another process", directory.display())]
    InUse {
        /// Which directory.
        directory: PathBuf,
    },
    /// A newer version has written it; this one would not understand everything in it.
    #[error("the data directory {} was written by a newer version: its schema is {found}, this version knows {known}", directory.display())]
    Newer {
        /// Which directory.
        directory: PathBuf,
        /// The version of the schema in the database.
        found: u32,
        /// The newest version that is understood here.
        known: u32,
    },
    /// The database cannot be opened, or not be brought up to date.
    #[error("the database in {} cannot be opened", directory.display())]
    Database {
        /// Which directory.
        directory: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Where in a transaction an error came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before COMMIT: whatever was written is not valid without the commit record, which was not tried.
    Work,
    /// At COMMIT: the commit record may be on the disk, or in the page cache on its way there.
    Commit,
}

/// Whether the store can go on after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The transaction is rolled back for certain. The next one may succeed.
    Passing,
    /// It is not known what is on the disk. After a failed fsync the kernel may call pages clean that were never
    /// written, so a second fsync that succeeds proves nothing.
    Poison,
}

/// A full disk passes even at COMMIT: SQLite says so while it writes pages to the WAL, where the commit record is the
/// last, and a disk that turns out to be full only in fsync is an I/O error instead.
pub(super) fn severity(error: &rusqlite::Error, phase: Phase) -> Severity {
    match (error.sqlite_error_code(), phase) {
        (Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy), _) => Severity::Passing,
        (Some(ErrorCode::OutOfMemory | ErrorCode::TooBig), Phase::Work) => Severity::Passing,
        _ => Severity::Poison,
    }
}

/// An error of a query that only reads: it never says anything about what is durable, so it poisons nothing.
pub(super) fn read_error(error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(cause, _)
            if !matches!(cause.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) =>
        {
            StoreError::Unavailable(error.to_string())
        }
        _ => StoreError::Corrupt(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn only_what_certainly_left_nothing_passes() {
        let cases = [
            (ffi::SQLITE_FULL, Phase::Work, Severity::Passing),
            (ffi::SQLITE_FULL, Phase::Commit, Severity::Passing),
            (ffi::SQLITE_BUSY, Phase::Work, Severity::Passing),
            (ffi::SQLITE_NOMEM, Phase::Work, Severity::Passing),
            (ffi::SQLITE_TOOBIG, Phase::Work, Severity::Passing),
            (ffi::SQLITE_NOMEM, Phase::Commit, Severity::Poison),
            (ffi::SQLITE_IOERR_WRITE, Phase::Work, Severity::Poison),
            (ffi::SQLITE_IOERR_FSYNC, Phase::Commit, Severity::Poison),
            (ffi::SQLITE_IOERR_SHMSIZE, Phase::Commit, Severity::Poison),
            (ffi::SQLITE_CORRUPT, Phase::Work, Severity::Poison),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Phase::Work, Severity::Poison),
        ];
        for (code, phase, expect) in cases {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(severity(&error, phase), expect, "{error} in {phase:?}");
        }
    }
}
