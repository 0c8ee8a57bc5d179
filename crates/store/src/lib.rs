//! Durable event logs: the [`EventStore`] contract, its engines, and the suite that every engine passes.
//!
//! An engine offers one way to write, [`append`](EventStore::append): to one stream, at an expected head, atomically with
//! the rows that change in the projection of runs. Nothing else assigns sequences, and when it answers the events are durable.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod contract;
mod id_hash;
mod memory;
mod outbox;
mod sqlite;

pub use contract::{Append, AppendError, EventStore, ListRuns, Loaded, Page, RunRow, StoreError};
pub use id_hash::id_hash;
pub use memory::MemoryStore;
pub use milepost_core::{Corrupt, Record};
pub use outbox::{DEAD_LETTERS, DeadLetter, LogEntry, LogPage, SCAN};
pub use sqlite::{OpenError, SqliteStore};
