//! The data directory and its disk.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Finding;
use crate::text;

/// Below this much space a warning is due, and below that the next burst of events may not fit.
const SPACE_WARN: u64 = 1 << 30;
const SPACE_FAIL: u64 = 64 << 20;

/// Every commit waits for the disk. Slower than this is a network disk or a worn one.
const SYNC_WARN: Duration = Duration::from_millis(20);

/// How often the disk is asked; the median counts.
const SYNCS: usize = 21;

/// What every SQLite database begins with, and where it says which version wrote it last.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Looks at `directory`, which need not exist.
pub(super) fn examine(directory: &Path) -> Vec<Finding> {
    if !directory.exists() {
        let above = directory.ancestors().skip(1).find(|above| above.exists() || above.as_os_str().is_empty());
        let above = above.filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let created = format!("{} is not there yet; the server creates it", directory.display());
        return vec![Finding::ok("data directory", created), space(above), sync(above)];
    }
    vec![permissions(directory), lock(directory), database(directory), space(directory), sync(directory)]
}

#[cfg(unix)]
fn permissions(directory: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt as _;
    let what = "data directory";
    let shown = directory.display();
    match directory.metadata() {
        Err(error) => Finding::fail(what, format!("{shown}: {error}")),
        Ok(found) if !found.is_dir() => Finding::fail(what, format!("{shown} is no directory")),
        Ok(found) if found.permissions().mode() & 0o007 != 0 => {
            let words = format!("every user of this machine can look into {shown}; `chmod o= {shown}` keeps them out");
            Finding::warn(what, words)
        }
        Ok(_) => Finding::ok(what, format!("{shown}, closed to other users")),
    }
}

#[cfg(not(unix))]
fn permissions(directory: &Path) -> Finding {
    Finding::ok("data directory", directory.display().to_string())
}

/// Only asks: the lock is given back at once.
fn lock(directory: &Path) -> Finding {
    let what = "lock";
    match File::open(directory.join("lock")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::ok(what, "no server was here yet".to_owned()),
        Err(error) => Finding::fail(what, format!("it cannot be opened: {error}")),
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Finding::ok(what, "no server runs on this directory".to_owned()),
            Err(TryLockError::WouldBlock) => Finding::ok(what, "a server runs on this directory".to_owned()),
            Err(TryLockError::Error(error)) => {
                Finding::fail(what, format!("this file system has no locks, two servers could run here: {error}"))
            }
        },
    }
}

fn database(directory: &Path) -> Finding {
    let what = "database";
    match written_by(&directory.join("milepost.db")) {
        Ok(Some(version)) => Finding::ok(what, format!("last written by SQLite {version}")),
        Ok(None) => Finding::fail(what, "milepost.db is no SQLite database".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::ok(what, "there is none yet".to_owned()),
        Err(error) => Finding::fail(what, format!("milepost.db cannot be read: {error}")),
    }
}

/// The version of SQLite that wrote a database last, as its header has it (<https://sqlite.org/fileformat.html#the_database_header>).
pub(super) fn written_by(database: &Path) -> io::Result<Option<String>> {
    let mut header = [0; 100];
    match File::open(database)?.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    if !header.starts_with(MAGIC) {
        return Ok(None);
    }
    let number = u32::from_be_bytes([header[96], header[97], header[98], header[99]]);
    Ok(Some(format!("{}.{}.{}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)))
}

#[cfg(unix)]
fn space(directory: &Path) -> Finding {
    let what = "free space";
    match rustix::fs::statvfs(directory) {
        Err(error) => Finding::warn(what, format!("it cannot be found out: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let words = format!("{} where {} is", text::bytes(free), directory.display());
            match free {
                0..SPACE_FAIL => Finding::fail(what, words),
                SPACE_FAIL..SPACE_WARN => Finding::warn(what, words),
                _ => Finding::ok(what, words),
            }
        }
    }
}

#[cfg(not(unix))]
fn space(_directory: &Path) -> Finding {
    Finding::warn("free space", "it cannot be found out on this system".to_owned())
}

fn sync(directory: &Path) -> Finding {
    let what = "disk";
    match sync_time(directory) {
        Err(error) => Finding::fail(what, format!("{} cannot be written to: {error}", directory.display())),
        Ok(median) => {
            let words = format!("a write is durable after {:.1} ms", median.as_secs_f64() * 1e3);
            if median < SYNC_WARN {
                return Finding::ok(what, words);
            }
            Finding::warn(what, format!("{words}; so long does every publish take at least"))
        }
    }
}

/// The median of some small writes, each followed by fdatasync, as a commit does.
fn sync_time(directory: &Path) -> io::Result<Duration> {
    let mut file = tempfile::Builder::new().prefix(".milepost-doctor-").tempfile_in(directory)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.as_file().sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_which_version_wrote_it() {
        let directory = tempfile::tempdir().unwrap();
        let check = |bytes: &[u8], expect: Option<&str>| {
            let path = directory.path().join("x.db");
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(written_by(&path).unwrap().as_deref(), expect);
        };
        let mut header = vec![0; 100];
        header[..16].copy_from_slice(MAGIC);
        header[96..].copy_from_slice(&3_051_003_u32.to_be_bytes());
        check(&header, Some("3.51.3"));
        check(&header[..50], None);
        check(&[b'x'; 200], None);
    }
}
