//! Killing a server that writes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::*;

const STREAMS: u64 = 6;
const DIRECTORY: &str = "MILEPOST_TEST_DIRECTORY";

/// This test binary again, to run one of its tests in a process of its own.
pub(super) fn child_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("sqlite::tests::{name}"), "--exact", "--nocapture"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

pub(super) fn in_directory(mut command: Command, directory: &Path) -> Child {
    command.env(DIRECTORY, directory).spawn().unwrap()
}

/// The directory that the parent gave. None when the test is run among all others: then there is nothing for it to do.
pub(super) fn given_directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

pub(super) fn acknowledge(stream: &str, head: u64) {
    println!("\nack {stream} {head}");
}

/// Reads up to `limit` acknowledgements, only whole lines.
pub(super) fn acknowledged(output: &mut impl BufRead, limit: usize, heads: &mut HashMap<String, u64>) {
    let (mut line, mut count) = (String::new(), 0);
    while count < limit && output.read_line(&mut line).unwrap() > 0 {
        if let [Some("ack"), Some(stream), Some(head)] = parts(&line) {
            heads.insert(stream.to_owned(), head.parse().unwrap());
            count += 1;
        }
        line.clear();
    }
}

fn parts(line: &str) -> [Option<&str>; 3] {
    let mut words = line.strip_suffix('\n').unwrap_or("").split(' ');
    [words.next(), words.next(), words.next()]
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut heads = HashMap::new();
    for round in 0..6_u64 {
        let mut child = in_directory(child_test("crash::appends_until_it_is_killed"), directory.path());
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let moment = RandomState::new().hash_one(round) % 600;
        acknowledged(&mut output, usize::try_from(moment).unwrap() + 1, &mut heads);
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it died counts, too.
        acknowledged(&mut output, usize::MAX, &mut heads);
        assert_eq!(output.read(&mut [0]).unwrap(), 0);

        let store = SqliteStore::open(directory.path()).unwrap();
        for (stream, acknowledged) in &mut heads {
            let head = head(&store, stream).await;
            assert!(head >= *acknowledged, "round {round}: {stream} ends at {head}, acknowledged {acknowledged}");
            assert_whole(&store, stream, head).await;
            assert_eq!(load(&store, stream).await.unwrap().epoch, Epoch(1), "a crash is no restore");
            *acknowledged = head;
        }
    }
    assert!(heads.len() as u64 == STREAMS, "{heads:?}");
}

/// The child of `what_was_acknowledged_survives_kill_9`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_until_it_is_killed() {
    let Some(directory) = given_directory() else { return };
    // A small log, so that kills hit the moving of it as well.
    let limits = Limits { wal_bytes: 64 * 1024, ..Limits::default() };
    let store = Arc::new(SqliteStore::open_with(&directory, &limits).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..STREAMS {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let stream = format!("s{number}");
            let mut head = head(&store, &stream).await;
            loop {
                let count = 1 + head % 3;
                store.append(append(&stream, head, count)).await.unwrap();
                head += count;
                acknowledge(&stream, head);
                if head % 7 == 0 {
                    store.checkpoint(&project(), &run(&stream), Epoch(1), head, "{}".to_owned()).await.unwrap();
                }
            }
        });
    }
    tasks.join_next().await;
}
