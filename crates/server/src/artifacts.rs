//! The bytes of artifacts, on the disk of the server.
//!
//! The log is what says that an artifact is there: `artifact.ready` is published after its bytes are durable, and nobody
//! is given bytes that no such event names. So what a crash leaves behind is garbage at worst, never half an artifact.
//!
//! Files are named after hashes: ids may be as long as names of files may be, or differ by upper and lower case only, and
//! the hash of the content keeps two uploads of one artifact apart until the log has decided between them. All files of a
//! stream are in one directory, which goes when the stream is deleted. What a crash in between leaves there is found by
//! nobody but an artifact of the same bytes.

mod upload;

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use milepost_core::{ArtifactId, Project, RunId};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{Error, GetOptions, GetResult, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use crate::server::StartError;
pub(crate) use upload::{Staged, Upload};

/// Where uploads are until they are complete. Emptied at the start: they were cut off by the end of the former server.
const STAGING: &str = "staging";

/// Uploads of one stream take their places one after the other; those of two streams wait for each other with this much
/// probability. Either costs a few milliseconds.
const LOCKS: usize = 64;

/// The store of artifacts.
#[derive(Debug)]
pub(crate) struct Artifacts {
    store: Arc<dyn ObjectStore>,
    deciding: [Mutex<()>; LOCKS],
}

/// Which artifact of which stream.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) project: Project,
    pub(crate) stream: RunId,
    pub(crate) run: RunId,
    pub(crate) artifact: ArtifactId,
}

impl Artifacts {
    pub(crate) async fn open(directory: &Path) -> Result<Self, StartError> {
        let unusable = |reason: String| StartError::Artifacts { path: directory.to_owned(), reason };
        let root = directory.to_owned();
        let opened = tokio::task::spawn_blocking(move || open(&root)).await;
        let store = opened.map_err(|error| unusable(error.to_string()))?.map_err(unusable)?;
        Ok(Self { store: Arc::new(store), deciding: std::array::from_fn(|_| Mutex::new(())) })
    }

    /// Begins an upload.
    pub(crate) async fn upload(&self) -> Result<Upload, Error> {
        Upload::begin(self.store.clone(), Location::from_iter([STAGING, &uuid::Uuid::now_v7().to_string()])).await
    }

    /// Held from before bytes take their place, or a stream is deleted, until the log and the disk agree again. Else an
    /// upload that is refused could remove the bytes of an equal one that is accepted, and a deletion those of a run that
    /// was made again under the same id.
    pub(crate) async fn decide(&self, project: &Project, stream: &RunId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (project, stream).hash(&mut hasher);
        let at = hasher.finish() % LOCKS as u64;
        self.deciding[usize::try_from(at).unwrap_or(0)].lock().await
    }

    /// Puts complete bytes in their place, durably.
    pub(crate) async fn keep(&self, staged: Staged, key: &Key) -> Result<(), Error> {
        let place = place(key, staged.sha256());
        staged.move_to(&place).await
    }

    /// Removes bytes that no event names.
    pub(crate) async fn forget(&self, key: &Key, sha256: &str) -> Result<(), Error> {
        self.store.delete(&place(key, sha256)).await
    }

    /// Opens bytes for reading. None when there are none.
    pub(crate) async fn read(&self, key: &Key, sha256: &str, options: GetOptions) -> Result<Option<GetResult>, Error> {
        match self.store.get_opts(&place(key, sha256), options).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes all bytes of a stream.
    pub(crate) async fn delete(&self, project: &Project, stream: &RunId) -> Result<(), Error> {
        let directory = Location::from(directory(project, stream));
        let files = self.store.list(Some(&directory)).map_ok(|file| file.location).boxed();
        self.store.delete_stream(files).try_for_each(|_| std::future::ready(Ok(()))).await
    }
}

fn open(root: &PathBuf) -> Result<LocalFileSystem, String> {
    let staging = root.join(STAGING);
    if staging.exists() {
        std::fs::remove_dir_all(&staging).map_err(|error| error.to_string())?;
    }
    std::fs::create_dir_all(root).map_err(|error| error.to_string())?;
    let store = LocalFileSystem::new_with_prefix(root).map_err(|error| error.to_string())?;
    // What is answered to a producer has to survive a power failure.
    Ok(store.with_fsync(true).with_automatic_cleanup(true))
}

fn place(key: &Key, sha256: &str) -> Location {
    let name = hash(&[key.run.as_str(), key.artifact.as_str()]);
    Location::from_iter([directory(&key.project, &key.stream), format!("{name}-{sha256}")])
}

fn directory(project: &Project, stream: &RunId) -> String {
    hash(&[project.as_str(), stream.as_str()])
}

/// 128 bits are plenty: nobody gains by a collision, for who may upload may upload anything.
fn hash(names: &[&str]) -> String {
    // No name has a slash in it, so nothing is ambiguous.
    hex(&Sha256::digest(names.join("/"))[..16])
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // A string takes everything.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}
