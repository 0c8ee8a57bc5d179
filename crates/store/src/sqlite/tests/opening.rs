//! Opening, and opening again.

use super::super::OpenError;
use super::*;

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut heads = [0, 0];
    // Whether it is closed properly or just dropped.
    for closed in [true, false, true, false] {
        let store = SqliteStore::open(directory.path()).unwrap();
        for (head, (stream, count)) in heads.iter_mut().zip([("short", 3), ("long", 70)]) {
            for count in [1, count, 1] {
                store.append(append(stream, *head, count)).await.unwrap();
                *head += count;
            }
            assert_whole(&store, stream, *head).await;
        }
        store.checkpoint(&project(), &run("long"), Epoch(1), heads[1], "body".to_owned()).await.unwrap();
        if closed {
            store.close().await;
        }
        drop(store);
        let store = SqliteStore::open(directory.path()).unwrap();
        assert_whole(&store, "short", heads[0]).await;
        assert_whole(&store, "long", heads[1]).await;
        let loaded = Loaded { epoch: Epoch(1), head: heads[1], checkpoint: Some((heads[1], "body".to_owned())) };
        assert_eq!(load(&store, "long").await, Some(loaded), "what waited is written at the end");
    }
}

#[tokio::test]
async fn a_deletion_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    store.append(append("a", 0, 5_000)).await.unwrap();
    store.append(append("b", 0, 1)).await.unwrap();
    store.delete(&project(), &run("a")).await.unwrap();
    drop(store);
    let store = SqliteStore::open(directory.path()).unwrap();
    store.append(append("a", 0, 1)).await.unwrap();
    assert_whole(&store, "a", 1).await;
    assert_whole(&store, "b", 1).await;
    drop(store);
    let database = rusqlite::Connection::open(directory.path().join("milepost.db")).unwrap();
    let mut left = u64::MAX;
    while left > 2 {
        // The store sweeps when it is idle; each start goes on where the former one ended.
        SqliteStore::open(directory.path()).unwrap().probe().await.unwrap();
        let before = left;
        left = database.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
        assert!(left <= before);
    }
}

#[tokio::test]
async fn a_directory_belongs_to_one_server() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let error = SqliteStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }));
    let expect = format!("the data directory {} is in use by another process", directory.path().display());
    assert_eq!(error.to_string(), expect);
    drop(store);
    SqliteStore::open(directory.path()).unwrap();
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    let database = rusqlite::Connection::open(directory.path().join("milepost.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let error = SqliteStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
}

/// A directory as the first version left it: one campaign with one job that is at work.
const FIRST_VERSION: &str = r#"
    INSERT INTO streams (id, project, root, epoch) VALUES (1, 'default', 'c', 7);
    INSERT INTO events (pos, stream, seq, run, type, time, id, data) VALUES
        (1, 1, 1, 'c', 'run.created', 0, 'e1', '{"kind":"campaign"}'),
        (2, 1, 2, 'c:text', 'run.created', 0, 'e2', '{"kind":"text","parent":"c"}');
    INSERT INTO runs (pos, project, run, stream, parent, kind, state, timed, claimable, body) VALUES
        (1, 'default', 'c', 1, NULL, 'campaign', 'running', 0, 0, '{}'),
        (2, 'default', 'c:text', 1, 'c', 'text', 'running', 0, 1, '{"progress":{"fraction":0.5},"values":{"content_id":"d"}}');
    PRAGMA user_version = 1;
"#;

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("milepost.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(include_str!("../schema/1.sql")).unwrap();
    database.execute_batch(FIRST_VERSION).unwrap();
    drop(database);

    // The second time there is nothing to do.
    for position in [2, 3] {
        let store = SqliteStore::open(directory.path()).unwrap();
        let loaded = load(&store, "c").await.unwrap();
        assert_eq!(loaded.head, position);
        assert_eq!(store.queued(9).await.unwrap(), [(Kind::new("text").unwrap(), 1)]);
        assert_eq!(store.unfinished(&Kind::new("campaign").unwrap()).await.unwrap(), [(project(), run("c"))]);
        let page = store.log(0, Some(&[EventType::RunCreated]), 9).await.unwrap();
        let seqs: Vec<u64> = page.entries.iter().map(|entry| entry.record.seq).collect();
        assert_eq!((seqs, page.position), (vec![1, 2], position));
        assert_eq!(store.position("s").await.unwrap(), (position > 2).then_some(2));
        store.keep_position("s", 2).await.unwrap();
        let more = Append { epoch: loaded.epoch, rows: Vec::new(), ..append("c", position, 1) };
        store.append(more).await.unwrap();
        store.close().await;
    }
    let database = rusqlite::Connection::open(&path).unwrap();
    let sql = "SELECT status, progress, content_id FROM generation_jobs WHERE campaign_id = 'c'";
    let job: (String, f64, String) =
        database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(job, ("processing".to_owned(), 0.5, "d".to_owned()));
}

#[test]
fn something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("milepost.db"), "this is no database, it is a text".repeat(100)).unwrap();
    assert!(matches!(SqliteStore::open(directory.path()), Err(OpenError::Database { .. })));
    let file = directory.path().join("lock");
    assert!(matches!(SqliteStore::open(&file), Err(OpenError::Directory { .. })));
}

/// The plans of the queries that run often: each finds its index, and none sorts.
#[test]
fn queries_find_their_index() {
    let directory = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    let database = rusqlite::Connection::open(directory.path().join("milepost.db")).unwrap();
    let roots = "SELECT body FROM runs JOIN streams ON streams.id = runs.stream WHERE runs.project = ?";
    let newest = "AND runs.pos < ? ORDER BY runs.pos DESC LIMIT ?";
    let cases = [
        (format!("{roots} AND parent IS NULL {newest}"), "roots "),
        (format!("{roots} AND parent IS NULL AND kind = ? {newest}"), "roots_by_kind "),
        (format!("{roots} AND parent IS NULL AND state = ? {newest}"), "roots_by_state "),
        (format!("{roots} AND parent IS NULL AND kind = ? AND state = ? {newest}"), "roots_by_kind_and_state "),
        (format!("{roots} AND parent = ? {newest}"), "children "),
        (format!("{roots} AND kind = ? AND claimable = 1 ORDER BY runs.pos LIMIT ?"), "claimable_runs "),
        (
            "SELECT project, root FROM streams WHERE id IN (SELECT stream FROM runs WHERE timed = 1)".to_owned(),
            "timed_runs",
        ),
        (
            "SELECT id, campaign_id, job_type, status, progress, content_id, result_data, created_at, updated_at
             FROM generation_jobs WHERE campaign_id = ? AND status = ?"
                .to_owned(),
            "generation_jobs_by_status (parent=? AND job_status=?)",
        ),
    ];
    for (sql, index) in cases {
        let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let unbound = rusqlite::params_from_iter(vec![rusqlite::types::Null; statement.parameter_count()]);
        let plan = statement.query_map(unbound, |row| row.get::<_, String>(3)).unwrap();
        let plan = plan.collect::<Result<Vec<_>, _>>().unwrap().join("; ");
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE FOR ORDER"), "{sql}: {plan}");
    }
}

#[tokio::test]
async fn the_write_ahead_log_begins_anew() {
    const WRITTEN: u64 = 30 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { wal_bytes: 64 * 1024, ..Limits::default() };
    let store = SqliteStore::open_with(directory.path(), &limits).unwrap();
    for number in 0..WRITTEN / 100_000 {
        store.append(append("a", number * 100, 100)).await.unwrap();
    }
    let log = directory.path().join("milepost.db-wal");
    let bytes = std::fs::metadata(&log).unwrap().len();
    assert!(bytes < WRITTEN / 2, "{bytes} bytes of log");
    store.close().await;
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
}
