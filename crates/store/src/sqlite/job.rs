//! What the writer is asked to do.

use milepost_core::Epoch;
use tokio::sync::oneshot;

use super::key::Key;
use super::outbox::Note;
use crate::contract::{Append, AppendError, StoreError};

#[derive(Debug)]
pub(super) enum Job {
    Append(Append, oneshot::Sender<Result<(), AppendError>>),
    Delete(Key, oneshot::Sender<Result<(), StoreError>>),
    Note(Note, oneshot::Sender<Result<(), StoreError>>),
    Probe(oneshot::Sender<Result<(), StoreError>>),
    /// Has no answer: it waits until nothing better is to do.
    Checkpoint(Checkpoint),
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) key: Key,
    pub(super) epoch: Epoch,
    pub(super) seq: u64,
    pub(super) body: String,
}

impl Job {
    /// About how many bytes it writes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append(append, _) => {
                let records: usize = append.records.iter().map(|record| record.data.len()).sum();
                let rows: usize = append.rows.iter().map(|row| row.body.len()).sum();
                records + rows
            }
            _ => 0,
        }
    }

    /// Whoever asked may have gone away; that changes nothing.
    pub(super) fn refuse(self, error: StoreError) {
        match self {
            Self::Append(_, answer) => drop(answer.send(Err(error.into()))),
            Self::Delete(_, answer) | Self::Note(_, answer) | Self::Probe(answer) => drop(answer.send(Err(error))),
            Self::Checkpoint(_) => {}
            Self::Close(answer) => drop(answer.send(())),
        }
    }
}
