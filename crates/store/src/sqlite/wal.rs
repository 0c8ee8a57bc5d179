//! Moving the write-ahead log into the database, beside the commits and not in them.
//!
//! A log that is written all the time is never moved completely by somebody else: there are always newer frames, and it
//! begins anew only when all are moved. So a thread moves the bulk while commits go on, and then the writer, between two
//! commits, moves the little that came meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::Limits;
use super::error::{Phase, Severity, severity};
use super::health::Health;

/// Size of the log at which the thread moves it. Larger means fewer writes in all, because a page that changes often is
/// moved once; smaller means shorter bursts of writing and faster reads.
pub(super) const START_BYTES: u64 = 16 * 1024 * 1024;

/// Size of the log at which the writer waits for readers that are in the way, to bound the disk space and the time of a
/// restart. Asked again after as much more, when somebody does not go away.
const HARD_BYTES: u64 = 256 * 1024 * 1024;

/// What the thread is at.
const IDLE: u8 = 0;
const MOVING: u8 = 1;
const MOVED: u8 = 2;

/// The writer's side.
#[derive(Debug)]
pub(super) struct Wal {
    /// Bytes in the log, as of the last commit.
    bytes: Arc<AtomicU64>,
    state: Arc<AtomicU8>,
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
    start: u64,
    hard: u64,
}

impl Wal {
    /// Watches the commits of `writer`; `connection` is for the thread.
    pub(super) fn watch(
        writer: &mut Connection,
        limits: &Limits,
        connection: Connection,
        health: Arc<Health>,
    ) -> std::io::Result<Self> {
        let bytes = Arc::new(AtomicU64::new(0));
        let (seen, page_size) = (Arc::clone(&bytes), u64::from(limits.page_size));
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            seen.store(u64::from(pages.unsigned_abs()) * page_size, Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(hook)).map_err(std::io::Error::other)?;
        let state = Arc::new(AtomicU8::new(IDLE));
        let (wake, wakes) = sync_channel(1);
        let (shared, name) = (Arc::clone(&state), "milepost-wal".to_owned());
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || move_when_woken(&connection, &wakes, &shared, &health))?;
        Ok(Self { bytes, state, wake, thread, start: limits.wal_bytes, hard: HARD_BYTES })
    }

    /// Called between two commits.
    pub(super) fn tend(&mut self, connection: &Connection, health: &Health) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes < self.start {
            self.hard = HARD_BYTES;
            return;
        }
        match self.state.load(Ordering::Acquire) {
            // Two at a time cannot move it.
            MOVING => {}
            _ if bytes >= self.hard => {
                self.hard = bytes + HARD_BYTES;
                checkpoint(connection, Mode::Restart, health);
            }
            IDLE => {
                self.state.store(MOVING, Ordering::Relaxed);
                // Cannot be full, as nobody wakes a thread that is at work; a thread that has ended moves nothing.
                self.wake.try_send(()).unwrap_or_default();
            }
            _ => {
                self.state.store(IDLE, Ordering::Relaxed);
                checkpoint(connection, Mode::Passive, health);
            }
        }
    }

    /// Moves everything and empties the log, so that what stays behind is one file.
    pub(super) fn finish(self, connection: &Connection, health: &Health) {
        drop(self.wake);
        // A panic of the thread has been reported where it happened.
        drop(self.thread.join());
        checkpoint(connection, Mode::Truncate, health);
    }
}

fn move_when_woken(connection: &Connection, wakes: &Receiver<()>, state: &AtomicU8, health: &Health) {
    while wakes.recv().is_ok() {
        checkpoint(connection, Mode::Passive, health);
        state.store(MOVED, Ordering::Release);
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// Moves what it can without waiting for anybody.
    Passive,
    /// Waits for readers and lets the log begin anew.
    Restart,
    /// And empties the file.
    Truncate,
}

/// An I/O error here is as bad as one in a commit: the same files, and the same fsync.
fn checkpoint(connection: &Connection, mode: Mode, health: &Health) {
    if health.check().is_err() {
        return;
    }
    match run(connection, mode) {
        Ok(Completion::Done) => {}
        Ok(Completion::Blocked) => tracing::debug!(?mode, "a reader or another checkpoint is in the way"),
        Err(error) if severity(&error, Phase::Commit) == Severity::Passing => {
            tracing::warn!(%error, "the write-ahead log cannot be moved into the database now");
        }
        Err(error) => drop(health.poison(&error)),
    }
}

/// Whether a checkpoint did all that its mode promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    Done,
    Blocked,
}

pub(super) fn run(connection: &Connection, mode: Mode) -> rusqlite::Result<Completion> {
    let pragma = match mode {
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Restart => "PRAGMA wal_checkpoint(RESTART)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let busy: bool = connection.query_row(pragma, [], |row| row.get(0))?;
    Ok(if busy { Completion::Blocked } else { Completion::Done })
}
