//! The index as one file, `index.tar`, so that it can be an artifact.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::error::IngestError;
use super::watch::Watch;

/// Writes the files of `directory`, which has no subdirectories, into the archive `into`.
pub(crate) fn pack(directory: &Path, into: &Path, watch: &Watch<'_>) -> Result<(), IngestError> {
    let mut names: Vec<_> = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    let mut archive = tar::Builder::new(io::BufWriter::new(File::create(into)?));
    for name in names {
        let file = File::open(directory.join(&name))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(file.metadata()?.len());
        header.set_mode(0o644);
        let watched = Watched { file, watch, stopped: None };
        append(&mut archive, &mut header, &name, watched)?;
    }
    archive.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

/// Writes the files of an archive made by an ingestion into `directory`, which is made if need be. Refuses anything but
/// plain files side by side, so a forged archive cannot write elsewhere.
///
/// # Errors
/// What reading and writing files gives; `InvalidData` for what is no packed index.
pub fn unpack(archive: &Path, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut archive = tar::Archive::new(io::BufReader::new(File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        if !entry.header().entry_type().is_file() || !is_plain(&name) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a packed index"));
        }
        let mut file = File::create_new(directory.join(name))?;
        io::copy(&mut entry, &mut file)?;
    }
    Ok(())
}

fn is_plain(name: &Path) -> bool {
    let mut components = name.components();
    matches!((components.next(), components.next()), (Some(Component::Normal(_)), None))
}

fn append(
    archive: &mut tar::Builder<io::BufWriter<File>>,
    header: &mut tar::Header,
    name: &std::ffi::OsStr,
    mut content: Watched<'_>,
) -> Result<(), IngestError> {
    let result = archive.append_data(header, PathBuf::from(name), &mut content);
    match (content.stopped, result) {
        (Some(error), _) => Err(error),
        (None, result) => Ok(result?),
    }
}

/// A file that stops being readable when the job has to stop.
struct Watched<'a> {
    file: File,
    watch: &'a Watch<'a>,
    stopped: Option<IngestError>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Err(error) = self.watch.check() {
            self.stopped = Some(error);
            return Err(io::Error::other("stopped"));
        }
        self.file.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive_of(name: &str, kind: tar::EntryType) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut header = tar::Header::new_gnu();
        // Straight into the bytes: the library would refuse to write such names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_cksum();
        let mut archive = tar::Builder::new(file.reopen().unwrap());
        archive.append(&header, io::empty()).unwrap();
        archive.into_inner().unwrap();
        file
    }

    #[test]
    fn forged_archives_are_refused() {
        use tar::EntryType::{Directory, Link, Regular, Symlink};
        let cases = [
            ("../evil", Regular),
            ("/evil", Regular),
            ("a/b", Regular),
            ("..", Regular),
            ("a", Symlink),
            ("a", Link),
            ("a", Directory),
        ];
        let root = tempfile::tempdir().unwrap();
        for (name, kind) in cases {
            let target = root.path().join("index");
            let error = unpack(archive_of(name, kind).path(), &target).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{name} {kind:?}");
        }
        unpack(archive_of("fine", Regular).path(), &root.path().join("good")).unwrap();
        assert!(root.path().join("good/fine").exists());
    }
}
