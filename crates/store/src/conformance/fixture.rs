//! What the tests say often, said shortly.

use milepost_core::{Epoch, EventId, EventType, Kind, Project, Record, RunId, RunState, Time};

use crate::contract::{Append, AppendError, EventStore, ListRuns, RunRow};

pub(super) const EPOCH: Epoch = Epoch(7);

pub(super) fn project() -> Project {
    Project::default_project()
}

pub(super) fn run(name: &str) -> RunId {
    RunId::new(name).expect("a valid run id")
}

pub(super) fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a valid kind")
}

pub(super) fn record(run: &RunId, seq: u64, id: &str) -> Record {
    Record {
        seq,
        run: run.clone(),
        event_type: EventType::RunProgressed,
        time: Time::from_millis(1_700_000_000_000 + seq as i64),
        id: EventId::new(id).expect("a valid event id"),
        data: format!("{{\"current\":{seq}}}").into(),
    }
}

/// `count` records after `head`, and no rows.
pub(super) fn append(stream: &str, head: u64, count: u64) -> Append {
    let root = run(stream);
    let records = (head + 1..=head + count).map(|seq| record(&root, seq, &format!("{stream}-{seq}"))).collect();
    Append { project: project(), stream: root, epoch: EPOCH, expected_head: head, records, rows: Vec::new() }
}

/// The same, with rows.
pub(super) fn append_with(stream: &str, head: u64, count: u64, rows: Vec<RunRow>) -> Append {
    Append { rows, ..append(stream, head, count) }
}

/// The row of a run that is created.
pub(super) fn created(name: &str, parent: Option<&str>, of_kind: &str) -> RunRow {
    RunRow {
        run: run(name),
        parent: parent.map(run),
        kind: kind(of_kind),
        state: RunState::Queued,
        created: true,
        timed: false,
        claimable: false,
        body: format!("{{\"id\":\"{name}\"}}"),
    }
}

/// Makes a stream with a root run.
pub(super) async fn create(store: &dyn EventStore, name: &str, of_kind: &str) {
    let rows = vec![created(name, None, of_kind)];
    store.append(append_with(name, 0, 1, rows)).await.expect("a new stream");
}

pub(super) async fn log(store: &dyn EventStore, stream: &str) -> Vec<Record> {
    store.read(&project(), &run(stream), 0, usize::MAX >> 1).await.expect("a log")
}

pub(super) async fn head(store: &dyn EventStore, stream: &str) -> Option<u64> {
    store.load(&project(), &run(stream)).await.expect("an answer").map(|loaded| loaded.head)
}

pub(super) fn roots(limit: usize) -> ListRuns {
    ListRuns { project: project(), kind: None, state: None, parent: None, limit, before: None }
}

#[track_caller]
pub(super) fn assert_moved(answer: &Result<(), AppendError>, to: u64) {
    assert!(matches!(answer, Err(AppendError::HeadMoved { head }) if *head == to), "{answer:?}, not moved to {to}");
}

#[track_caller]
pub(super) fn assert_exists(answer: &Result<(), AppendError>, run: &str) {
    assert!(matches!(answer, Err(AppendError::RunExists(found)) if found.as_str() == run), "{answer:?}, not {run}");
}
