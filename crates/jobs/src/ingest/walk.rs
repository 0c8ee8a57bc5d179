//! Lists the files of a commit, straight from its trees.

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice as _};
use gix::objs::tree::EntryKind;

use super::error::IngestError;
use super::limits::{Limits, MAX_PATH_BYTES};
use super::watch::Watch;

/// The files of a commit in git's order: by path, byte by byte.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<File>,
    pub(crate) symlinks: u64,
    pub(crate) submodules: u64,
}

/// A regular file. Its size is asked for when it is its turn.
#[derive(Debug)]
pub(crate) struct File {
    path: BString,
    pub(crate) id: ObjectId,
}

impl File {
    /// The path for people and documents: paths are bytes, and what is not UTF-8 is replaced.
    pub(crate) fn path(&self) -> String {
        self.path.to_str_lossy().into_owned()
    }
}

/// Lists what `commit` holds.
pub(crate) fn list(
    repository: &gix::Repository,
    commit: ObjectId,
    limits: Limits,
    watch: &Watch<'_>,
) -> Result<Listing, IngestError> {
    let broken = |error: gix::Error| IngestError::unexpected("cannot read the commit", &error);
    let root = repository.find_object(commit).and_then(|object| object.peel_to_tree()).map_err(broken)?;
    let mut listing = Listing::default();
    let mut directories = 0;
    // Directories still to read, the next one last. Entries come sorted, so a directory's place is kept by going
    // down at once and coming back to the rest of its parent.
    let mut stack = vec![(BString::default(), entries(&root)?.into_iter())];
    while let Some((prefix, rest)) = stack.last_mut() {
        let Some(entry) = rest.next() else {
            stack.pop();
            continue;
        };
        watch.check()?;
        let mut path = prefix.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        match entry.kind {
            EntryKind::Link => listing.symlinks += 1,
            EntryKind::Commit => listing.submodules += 1,
            EntryKind::Blob | EntryKind::BlobExecutable => listing.files.push(File { path, id: entry.id }),
            EntryKind::Tree => {
                if path.len() > MAX_PATH_BYTES {
                    return Err(too_large("a path longer than", MAX_PATH_BYTES as u64, "bytes"));
                }
                directories += 1;
                let tree = repository.find_tree(entry.id).map_err(broken)?;
                stack.push((path, entries(&tree)?.into_iter()));
            }
        }
        let files = listing.files.len() as u64;
        if files + listing.symlinks + listing.submodules > limits.max_files {
            return Err(too_large("more than", limits.max_files, "files"));
        }
        if directories > limits.max_files {
            return Err(too_large("more than", limits.max_files, "directories"));
        }
    }
    Ok(listing)
}

struct Entry {
    name: BString,
    id: ObjectId,
    kind: EntryKind,
}

fn entries(tree: &gix::Tree<'_>) -> Result<Vec<Entry>, IngestError> {
    tree.iter()
        .map(|entry| {
            let entry = entry.map_err(|error| IngestError::unexpected("a directory is broken", &error))?;
            Ok(Entry { name: entry.filename().to_owned(), id: entry.object_id(), kind: entry.mode().kind() })
        })
        .collect()
}

fn too_large(what: &str, limit: u64, unit: &str) -> IngestError {
    IngestError::TooLarge(format!("the repository has {what} the limit of {limit} {unit}"))
}
