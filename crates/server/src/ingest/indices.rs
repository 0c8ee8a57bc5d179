//! The indices of finished jobs, unpacked from their artifacts when somebody searches.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use milepost_jobs::ingest::search::Index;
use milepost_jobs::ingest::unpack;

/// Open indices that are kept. Each holds a few file handles and maps its files.
const OPEN: usize = 16;

/// Unpacked and opened indices, by the SHA-256 of their artifact: the same bytes are the same index, whoever made it.
pub(super) struct Indices {
    directory: PathBuf,
    open: Mutex<VecDeque<(String, Arc<Index>)>>,
}

impl Indices {
    /// Unpacks below `directory`, which is a cache: it may be deleted while the server is down.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, open: Mutex::default() }
    }

    /// The index if it is open.
    pub(super) fn get(&self, sha256: &str) -> Option<Arc<Index>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|(known, _)| known == sha256)?;
        let found = open.remove(at)?;
        let index = found.1.clone();
        open.push_back(found);
        Some(index)
    }

    /// Where an archive is to be put for [`open`](Self::open).
    pub(super) fn archive(&self, sha256: &str) -> io::Result<tempfile::NamedTempFile> {
        std::fs::create_dir_all(&self.directory)?;
        tempfile::Builder::new().prefix(sha256).suffix(".tar").tempfile_in(&self.directory)
    }

    /// Unpacks an archive and opens what is in it. Blocks.
    pub(super) fn open(&self, sha256: &str, archive: &Path) -> io::Result<Arc<Index>> {
        let target = self.directory.join(sha256);
        if !target.exists() {
            // Unpacked beside and renamed, so that half an index is never taken for a whole one.
            let unpacked = tempfile::Builder::new().prefix("unpacking-").tempdir_in(&self.directory)?;
            unpack(archive, unpacked.path())?;
            match std::fs::rename(unpacked.path(), &target) {
                Ok(()) => drop(unpacked.keep()),
                // Somebody else unpacked the same.
                Err(_) if target.exists() => {}
                Err(error) => return Err(error),
            }
        }
        let index = Arc::new(Index::open(&target).map_err(io::Error::other)?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_back((sha256.to_owned(), index.clone()));
        if open.len() > OPEN
            && let Some((oldest, _)) = open.pop_front()
        {
            self.remove(&oldest);
        }
        Ok(index)
    }

    /// Forgets an index: it is unpacked again when somebody asks for it.
    pub(super) fn forget(&self, sha256: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != sha256);
        self.remove(sha256);
    }

    /// Forgets all that a former server unpacked, so that the cache is bounded by what is open.
    pub(super) fn clear(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Who searches it at this moment goes on: its files stay until they are closed.
    fn remove(&self, sha256: &str) {
        if let Err(error) = std::fs::remove_dir_all(self.directory.join(sha256))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an unpacked index stays behind");
        }
    }
}
