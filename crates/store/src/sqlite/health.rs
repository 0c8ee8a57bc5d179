//! Whether the store still serves.

use std::sync::OnceLock;

use crate::contract::StoreError;

/// Serves until it is stopped, once and for all: by [`close`](crate::EventStore::close), or by an error after which
/// nobody knows what is on the disk.
#[derive(Debug, Default)]
pub(super) struct Health {
    stopped: OnceLock<String>,
}

impl Health {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.stopped.get() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Unavailable(reason.clone())),
        }
    }

    /// The first reason stays.
    pub(super) fn stop(&self, reason: String) {
        self.stopped.get_or_init(|| reason);
    }

    pub(super) fn poison(&self, error: &rusqlite::Error) -> StoreError {
        let reason = format!("writing failed, the server has to be restarted: {error}");
        tracing::error!(error = %error, "the store is poisoned and refuses everything until it is opened again");
        self.stop(reason.clone());
        StoreError::Unavailable(reason)
    }
}
