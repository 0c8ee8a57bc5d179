//! What only this engine promises.

mod crash;
mod disk;
mod opening;
mod restore;

use milepost_core::{Epoch, EventId, EventType, Kind, Project, Record, RunId, RunState, Time};

use super::{Limits, SqliteStore};
use crate::contract::{Append, AppendError, EventStore, Loaded, RunRow, StoreError};

mod conformance {
    use super::SqliteStore;

    crate::conformance_suite!({
        let directory = tempfile::tempdir().unwrap();
        (SqliteStore::open(directory.path()).unwrap(), directory)
    });
}

fn project() -> Project {
    Project::default_project()
}

fn run(name: &str) -> RunId {
    RunId::new(name).unwrap()
}

/// `count` events after `head`, and a row that says where the stream stands then.
fn append(stream: &str, head: u64, count: u64) -> Append {
    let (root, new_head) = (run(stream), head + count);
    let record = |seq: u64| Record {
        seq,
        run: root.clone(),
        event_type: EventType::RunProgressed,
        time: Time::from_millis(0),
        id: EventId::new(&format!("{stream}-{seq}")).unwrap(),
        data: format!("\"{}\"", "x".repeat(1_000)).into(),
    };
    let row = RunRow {
        run: root.clone(),
        parent: None,
        kind: Kind::new("step").unwrap(),
        state: RunState::Running,
        created: head == 0,
        timed: false,
        claimable: false,
        body: new_head.to_string(),
    };
    let records = (head + 1..=new_head).map(record).collect();
    Append { project: project(), stream: root, epoch: Epoch(1), expected_head: head, records, rows: vec![row] }
}

async fn load(store: &SqliteStore, stream: &str) -> Option<Loaded> {
    store.load(&project(), &run(stream)).await.unwrap()
}

async fn head(store: &SqliteStore, stream: &str) -> u64 {
    load(store, stream).await.map_or(0, |loaded| loaded.head)
}

/// Everything of a stream is there once, in order, and the row is that of the last event.
async fn assert_whole(store: &SqliteStore, stream: &str, head: u64) {
    let log = store.read(&project(), &run(stream), 0, 1_000_000).await.unwrap();
    let found: Vec<(u64, &str)> = log.iter().map(|record| (record.seq, record.id.as_str())).collect();
    let ids: Vec<String> = (1..=head).map(|seq| format!("{stream}-{seq}")).collect();
    let expect: Vec<(u64, &str)> = (1..=head).zip(ids.iter().map(String::as_str)).collect();
    assert_eq!(found, expect);
    let list = crate::ListRuns { project: project(), kind: None, state: None, parent: None, limit: 100, before: None };
    let rows = store.list(list).await.unwrap().runs;
    let row = rows.iter().find(|(root, _)| root.as_str() == stream).map(|(_, body)| body.clone());
    assert_eq!(row, (head > 0).then(|| head.to_string()));
}

#[track_caller]
fn assert_unavailable(answer: Result<(), impl Into<AppendError>>) {
    let answer = answer.map_err(Into::into);
    assert!(matches!(answer, Err(AppendError::Store(StoreError::Unavailable(_)))), "{answer:?}");
}
