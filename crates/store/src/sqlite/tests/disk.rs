//! Disks that are full, or fail.

use std::collections::HashMap;
use std::io::BufReader;
use std::process::{Command, Stdio};

use super::crash::{acknowledge, acknowledged, child_test, given_directory, in_directory};
use super::*;

/// Appends until it fails, and gives the head that was acknowledged last.
async fn fill(store: &SqliteStore, mut head: u64, count: u64) -> u64 {
    loop {
        match store.append(append("a", head, count)).await {
            Ok(()) => head += count,
            failed => {
                assert_unavailable(failed);
                return head;
            }
        }
    }
}

#[tokio::test]
async fn a_full_database_recovers_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { max_pages: Some(200), ..Limits::default() };
    let store = SqliteStore::open_with(directory.path(), &limits).unwrap();
    store.append(append("ballast", 0, 100)).await.unwrap();
    let head = fill(&store, 0, 7).await;
    assert!(head > 0);
    assert_unavailable(store.append(append("b", 0, 500)).await);
    assert_whole(&store, "a", head).await;
    assert_whole(&store, "ballast", 100).await;

    store.delete(&project(), &run("ballast")).await.unwrap();
    let mut answer = store.append(append("a", head, 7)).await;
    while answer.is_err() {
        // The events of the ballast go one part after the other.
        store.probe().await.unwrap();
        answer = store.append(append("a", head, 7)).await;
    }
    assert_whole(&store, "a", head + 7).await;
}

/// A file system of its own, of 3 MiB. Needs a user namespace; where there are none, it tests nothing and says so.
#[tokio::test]
async fn a_full_disk_recovers_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let inner = child_test("disk::fills_the_disk");
    let mut outer = Command::new("unshare");
    let script = "mount -t tmpfs -o size=3m milepost \"$MILEPOST_TEST_DIRECTORY\" || exit 77; exec \"$0\" \"$@\"";
    outer.args(["-rm", "sh", "-c", script]).arg(inner.get_program()).args(inner.get_args());
    outer.stdout(Stdio::piped()).stderr(Stdio::piped()).env("MILEPOST_TEST_DIRECTORY", directory.path());
    let output = match outer.output() {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("running 1 test") => output,
        unusable => return eprintln!("no file system of its own to be had: {unusable:?}"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("recovered"));
}

#[tokio::test]
async fn fills_the_disk() {
    let Some(directory) = given_directory() else { return };
    let ballast = directory.join("ballast");
    std::fs::write(&ballast, vec![1; 1024 * 1024]).unwrap();
    let store = SqliteStore::open(&directory).unwrap();
    let head = fill(&store, 0, 7).await;
    assert!(head > 0);
    assert_unavailable(store.append(append("b", 0, 1_000)).await);
    assert_whole(&store, "a", head).await;
    std::fs::remove_file(&ballast).unwrap();
    store.probe().await.unwrap();
    store.append(append("a", head, 7)).await.unwrap();
    assert_whole(&store, "a", head + 7).await;
    drop(store);
    let store = SqliteStore::open(&directory).unwrap();
    assert_whole(&store, "a", head + 7).await;
    println!("\nrecovered");
}

/// The process may not write files larger than that: a write fails with EFBIG, which is an I/O error like any other.
#[tokio::test]
async fn an_io_error_poisons_until_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let inner = child_test("disk::writes_until_it_is_poisoned");
    let mut outer = Command::new("sh");
    outer
        .args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args());
    outer.stdout(Stdio::piped());
    let mut child = in_directory(outer, directory.path());
    let mut heads = HashMap::new();
    acknowledged(&mut BufReader::new(child.stdout.take().unwrap()), usize::MAX, &mut heads);
    assert!(child.wait().unwrap().success());

    let store = SqliteStore::open(directory.path()).unwrap();
    let head = heads["a"];
    assert!(head > 0);
    assert_whole(&store, "a", head).await;
    store.append(append("a", head, 1)).await.unwrap();
    assert_whole(&store, "a", head + 1).await;
}

#[tokio::test]
async fn writes_until_it_is_poisoned() {
    let Some(directory) = given_directory() else { return };
    let store = SqliteStore::open(&directory).unwrap();
    let head = fill(&store, 0, 7).await;
    assert_unavailable(store.append(append("a", head, 1)).await);
    assert_unavailable(store.probe().await);
    assert_unavailable(store.delete(&project(), &run("a")).await);
    assert_unavailable(store.load(&project(), &run("a")).await.map(drop));
    assert_unavailable(store.read(&project(), &run("a"), 0, 1).await.map(drop));
    store.close().await;
    acknowledge("a", head);
}
