//! Hashes of idempotency ids.

use std::hash::{DefaultHasher, Hash, Hasher};

use milepost_core::EventId;

/// A hash of an idempotency id, for the table of ids that a live stream keeps in memory. Stable within one build only.
pub fn id_hash(id: &EventId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.as_str().hash(&mut hasher);
    hasher.finish()
}
