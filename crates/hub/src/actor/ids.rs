//! The idempotency ids of a stream.

use std::collections::HashMap;

use milepost_core::{EventId, Tree};
use milepost_store::{EventStore, StoreError, id_hash};

use crate::live::Key;

/// The hashes of all event ids of a stream, with their sequences. They are read from the log when the first producer
/// brings an id of its own; an index in the store would cost a random page write per event.
#[derive(Debug)]
pub(super) struct Ids(Option<HashMap<u64, u64>>);

impl Ids {
    /// A stream without events has no ids; those of another one are not known yet.
    pub(super) fn of(tree: &Tree) -> Self {
        Self((tree.seq() == 0).then(HashMap::new))
    }

    /// Makes sure that all ids are known.
    pub(super) async fn load(&mut self, store: &dyn EventStore, key: &Key) -> Result<(), StoreError> {
        if self.0.is_none() {
            let ids = store.ids(&key.project, &key.stream).await?;
            self.0 = Some(ids.into_iter().collect());
        }
        Ok(())
    }

    /// The sequence of the event that may have `id`; whoever asks compares the ids, because hashes collide.
    pub(super) fn candidate(&self, id: &EventId) -> Option<u64> {
        self.0.as_ref()?.get(&id_hash(id)).copied()
    }

    pub(super) fn insert(&mut self, id: &EventId, seq: u64) {
        if let Some(ids) = &mut self.0 {
            ids.insert(id_hash(id), seq);
        }
    }

    /// Takes back ids of events that did not become durable.
    pub(super) fn remove(&mut self, id: &EventId) {
        if let Some(ids) = &mut self.0 {
            ids.remove(&id_hash(id));
        }
    }
}
