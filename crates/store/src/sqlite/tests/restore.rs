//! A database that was restored from a backup.

use std::path::Path;

use super::*;

/// Opens, appends to the head, and closes.
async fn session(directory: &Path, appends: u64) -> Epoch {
    let store = SqliteStore::open(directory).unwrap();
    let loaded = load(&store, "a").await;
    let (epoch, mut head) = loaded.map_or((Epoch(1), 0), |loaded| (loaded.epoch, loaded.head));
    for _ in 0..appends {
        store.append(Append { epoch, ..append("a", head, 1) }).await.unwrap();
        head += 1;
    }
    store.close().await;
    epoch
}

#[tokio::test]
async fn restarts_keep_the_epochs() {
    let directory = tempfile::tempdir().unwrap();
    session(directory.path(), 3).await;
    for _ in 0..3 {
        assert_eq!(session(directory.path(), 1).await, Epoch(1));
    }
}

#[tokio::test]
async fn deleting_the_newest_stream_is_no_restore() {
    let directory = tempfile::tempdir().unwrap();
    session(directory.path(), 1).await;
    let store = SqliteStore::open(directory.path()).unwrap();
    store.append(append("b", 0, 1)).await.unwrap();
    store.delete(&project(), &run("b")).await.unwrap();
    drop(store);
    assert_eq!(session(directory.path(), 1).await, Epoch(1));
    assert_eq!(session(directory.path(), 0).await, Epoch(1));
}

#[tokio::test]
async fn an_older_database_gets_new_epochs() {
    let directory = tempfile::tempdir().unwrap();
    let (database, backup) = (directory.path().join("milepost.db"), directory.path().join("backup.db"));
    session(directory.path(), 3).await;
    std::fs::copy(&database, &backup).unwrap();
    session(directory.path(), 3).await;
    std::fs::copy(&backup, &database).unwrap();
    let renewed = session(directory.path(), 1).await;
    assert_ne!(renewed, Epoch(1));
    assert_eq!(session(directory.path(), 1).await, renewed, "once");

    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(head(&store, "a").await, 5, "3 of the backup and 2 since");
    assert!(store.append(append("a", 5, 1)).await.is_err(), "the former incarnation is over");
}

/// The backup is made while the server runs, and the server is killed: no restart tells the two apart.
#[tokio::test]
async fn a_backup_of_the_same_session_gets_new_epochs() {
    let directory = tempfile::tempdir().unwrap();
    let (database, backup) = (directory.path().join("milepost.db"), directory.path().join("backup.db"));
    let store = SqliteStore::open(directory.path()).unwrap();
    store.append(append("a", 0, 3)).await.unwrap();
    let copy = rusqlite::Connection::open(&database).unwrap();
    copy.execute("VACUUM INTO ?", [backup.to_str().unwrap()]).unwrap();
    drop(copy);
    store.append(append("a", 3, 1)).await.unwrap();
    drop(store);
    std::fs::rename(&backup, &database).unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_whole(&store, "a", 3).await;
    assert_ne!(load(&store, "a").await.unwrap().epoch, Epoch(1));
}

#[tokio::test]
async fn a_missing_lineage_counts_as_a_restore() {
    let directory = tempfile::tempdir().unwrap();
    session(directory.path(), 3).await;
    std::fs::remove_file(directory.path().join("lineage")).unwrap();
    assert_ne!(session(directory.path(), 0).await, Epoch(1));
}
