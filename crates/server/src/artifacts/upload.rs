//! An upload, from the first byte to its place.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path as Location;
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayloadMut};
use sha2::{Digest, Sha256};

use super::hex;
use crate::caps::ARTIFACT_PART_BYTES;

/// An upload under way. Dropped before it is complete, it leaves nothing behind.
pub(crate) struct Upload {
    store: Arc<dyn ObjectStore>,
    staging: Location,
    writing: Box<dyn MultipartUpload>,
    part: PutPayloadMut,
    hasher: Sha256,
    size: u64,
}

impl Upload {
    pub(super) async fn begin(store: Arc<dyn ObjectStore>, staging: Location) -> Result<Self, Error> {
        let writing = store.put_multipart(&staging).await?;
        Ok(Self { store, staging, writing, part: PutPayloadMut::new(), hasher: Sha256::new(), size: 0 })
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes, and writes when there are enough.
    pub(crate) async fn push(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.hasher.update(&bytes);
        self.size += bytes.len() as u64;
        self.part.push(bytes);
        if self.part.content_length() >= ARTIFACT_PART_BYTES {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes the rest, and makes all of it durable.
    pub(crate) async fn complete(mut self) -> Result<Staged, Error> {
        self.write().await?;
        self.writing.complete().await?;
        let sha256 = hex(&self.hasher.finalize());
        Ok(Staged { store: self.store, staging: Some(self.staging), sha256, size: self.size })
    }

    // One part at a time: the disk is faster than the network, and the order is that of the bytes.
    async fn write(&mut self) -> Result<(), Error> {
        let part = std::mem::take(&mut self.part);
        if part.is_empty() {
            return Ok(());
        }
        self.writing.put_part(part.freeze()).await
    }
}

/// A complete and durable upload that is not in its place yet.
pub(crate) struct Staged {
    store: Arc<dyn ObjectStore>,
    /// None once it has been moved.
    staging: Option<Location>,
    sha256: String,
    size: u64,
}

impl Staged {
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn move_to(mut self, place: &Location) -> Result<(), Error> {
        let Some(staging) = &self.staging else { return Ok(()) };
        self.store.rename(staging, place).await?;
        self.staging = None;
        Ok(())
    }
}

impl Drop for Staged {
    /// Bytes that were not wanted in the end. Should this not get to run, the next start does it.
    fn drop(&mut self) {
        let (Some(staging), Ok(runtime)) = (self.staging.take(), tokio::runtime::Handle::try_current()) else { return };
        let store = self.store.clone();
        runtime.spawn(async move { drop(store.delete(&staging).await) });
    }
}
