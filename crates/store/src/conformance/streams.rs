//! Reading, checkpoints, deletion, and the end.

use std::sync::Arc;

use milepost_core::Epoch;

use super::fixture::{EPOCH, append, append_with, create, created, head, log, project, roots, run};
use crate::contract::{Append, EventStore, Loaded, StoreError};
use crate::id_hash::id_hash;

pub async fn reads_are_paged(store: Arc<dyn EventStore>) {
    // Two appends, so that a page may span what an engine keeps in different places.
    store.append(append("a", 0, 150)).await.expect("a long one");
    for number in 150..170 {
        store.append(append("a", number, 1)).await.expect("a short one");
    }
    let cases = [
        (0, 10, (1, 10)),
        (5, 1, (6, 6)),
        (140, 20, (141, 160)),
        (149, 2, (150, 151)),
        (150, 100, (151, 170)),
        (165, 3, (166, 168)),
        (169, 10, (170, 170)),
        (0, 1_000, (1, 170)),
    ];
    for (after, limit, (from, to)) in cases {
        let page = store.read(&project(), &run("a"), after, limit).await.expect("a page");
        let seqs: Vec<u64> = page.iter().map(|record| record.seq).collect();
        assert_eq!(seqs, (from..=to).collect::<Vec<_>>(), "{limit} after {after}");
    }
    for (after, limit) in [(170, 10), (171, 10), (u64::MAX, 10), (0, 0)] {
        let page = store.read(&project(), &run("a"), after, limit).await.expect("a page");
        assert_eq!(page, [], "{limit} after {after}");
    }
}

pub async fn unknown_streams_are_empty(store: Arc<dyn EventStore>) {
    assert_eq!(head(&*store, "a").await, None);
    assert_eq!(log(&*store, "a").await, []);
    assert_eq!(store.ids(&project(), &run("a")).await.expect("an answer"), []);
    assert_eq!(store.stream_of(&project(), &run("a")).await.expect("an answer"), None);
    store.checkpoint(&project(), &run("a"), EPOCH, 1, "{}".to_owned()).await.expect("it is dropped");
    store.delete(&project(), &run("a")).await.expect("nothing happens");
}

pub async fn ids_are_those_of_the_log(store: Arc<dyn EventStore>) {
    store.append(append("b", 0, 3)).await.expect("another stream");
    store.append(append("a", 0, 100)).await.expect("a long one");
    store.append(append("a", 100, 3)).await.expect("a short one");
    let mut ids = store.ids(&project(), &run("a")).await.expect("ids");
    ids.sort_unstable_by_key(|(_, seq)| *seq);
    let expect: Vec<(u64, u64)> = log(&*store, "a").await.iter().map(|r| (id_hash(&r.id), r.seq)).collect();
    assert_eq!(expect.len(), 103);
    assert_eq!(ids, expect);
}

pub async fn a_checkpoint_replaces_the_former_one(store: Arc<dyn EventStore>) {
    store.append(append("a", 0, 5)).await.expect("a stream");
    for seq in [2, 5] {
        store.checkpoint(&project(), &run("a"), EPOCH, seq, format!("at {seq}")).await.expect("it is taken");
        let loaded = Loaded { epoch: EPOCH, head: 5, checkpoint: Some((seq, format!("at {seq}"))) };
        eventually(&*store, "a", &loaded).await;
    }
}

pub async fn a_checkpoint_of_another_incarnation_is_dropped(store: Arc<dyn EventStore>) {
    store.append(append("a", 0, 5)).await.expect("a stream");
    store.append(append("b", 0, 1)).await.expect("another stream");
    store.checkpoint(&project(), &run("a"), Epoch(8), 2, "other".to_owned()).await.expect("it is taken");
    store.checkpoint(&project(), &run("a"), EPOCH, 6, "ahead".to_owned()).await.expect("it is taken");
    store.checkpoint(&project(), &run("b"), EPOCH, 1, "b".to_owned()).await.expect("it is taken");
    eventually(&*store, "b", &Loaded { epoch: EPOCH, head: 1, checkpoint: Some((1, "b".to_owned())) }).await;
    store.checkpoint(&project(), &run("a"), EPOCH, 5, "right".to_owned()).await.expect("it is taken");
    eventually(&*store, "a", &Loaded { epoch: EPOCH, head: 5, checkpoint: Some((5, "right".to_owned())) }).await;
}

/// Checkpoints are there some time later. Probes give the engine occasion to write them.
async fn eventually(store: &dyn EventStore, stream: &str, expect: &Loaded) {
    for _ in 0..1_000 {
        let loaded = store.load(&project(), &run(stream)).await.expect("an answer");
        if loaded.as_ref() == Some(expect) {
            return;
        }
        store.probe().await.expect("it can write");
    }
    panic!("{expect:?} did not come to be");
}

pub async fn a_deleted_stream_is_gone_and_can_be_made_again(store: Arc<dyn EventStore>) {
    let rows = || vec![created("a", None, "step"), created("c", Some("a"), "step")];
    for (epoch, count) in [(Epoch(1), 3), (Epoch(2), 70), (Epoch(3), 1)] {
        let append = Append { epoch, ..append_with("a", 0, count, rows()) };
        store.append(append).await.expect("a new stream");
        let loaded = Loaded { epoch, head: count, checkpoint: None };
        assert_eq!(store.load(&project(), &run("a")).await.expect("an answer"), Some(loaded));
        assert_eq!(log(&*store, "a").await.len() as u64, count);
        assert_eq!(store.ids(&project(), &run("a")).await.expect("ids").len() as u64, count);

        store.checkpoint(&project(), &run("a"), epoch, 1, "{}".to_owned()).await.expect("it is taken");
        store.delete(&project(), &run("a")).await.expect("it is deleted");
        assert_eq!(head(&*store, "a").await, None);
        assert_eq!(log(&*store, "a").await, []);
        assert_eq!(store.ids(&project(), &run("a")).await.expect("ids"), []);
        assert_eq!(store.stream_of(&project(), &run("c")).await.expect("an answer"), None);
        assert_eq!(store.list(roots(10)).await.expect("a page").runs, []);
    }
}

pub async fn deleting_spares_the_others(store: Arc<dyn EventStore>) {
    for name in ["a", "b"] {
        create(&*store, name, "step").await;
        store.append(append(name, 1, 2)).await.expect("more");
    }
    store.delete(&project(), &run("a")).await.expect("it is deleted");
    assert_eq!(log(&*store, "b").await.len(), 3);
    assert_eq!(store.stream_of(&project(), &run("b")).await.expect("an answer"), Some(run("b")));
    assert_eq!(store.list(roots(10)).await.expect("a page").runs.len(), 1);
}

/// Long enough to be deleted in several steps, while others go on.
pub async fn a_long_stream_can_be_deleted(store: Arc<dyn EventStore>) {
    store.append(append("b", 0, 10)).await.expect("another stream");
    store.append(append("a", 0, 5_000)).await.expect("a long stream");
    store.append(append("a", 5_000, 10)).await.expect("more");
    store.delete(&project(), &run("a")).await.expect("it is deleted");
    store.append(append("a", 0, 2)).await.expect("a new one");
    for number in 10..20 {
        store.append(append("b", number, 1)).await.expect("more of the other");
        store.probe().await.expect("it can write");
    }
    assert_eq!(log(&*store, "a").await.len(), 2);
    assert_eq!(log(&*store, "b").await.len(), 20);
}

pub async fn it_can_be_probed(store: Arc<dyn EventStore>) {
    store.probe().await.expect("it can write");
}

pub async fn closing_refuses_everything_later(store: Arc<dyn EventStore>) {
    create(&*store, "a", "step").await;
    store.close().await;
    let gone =
        |answer: Result<(), StoreError>| assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    gone(store.append(append("a", 1, 1)).await.map_err(|error| match error {
        crate::AppendError::Store(error) => error,
        other => panic!("{other}"),
    }));
    gone(store.load(&project(), &run("a")).await.map(drop));
    gone(store.read(&project(), &run("a"), 0, 10).await.map(drop));
    gone(store.ids(&project(), &run("a")).await.map(drop));
    gone(store.list(roots(10)).await.map(drop));
    gone(store.timed().await.map(drop));
    gone(store.checkpoint(&project(), &run("a"), EPOCH, 1, String::new()).await);
    gone(store.delete(&project(), &run("a")).await);
    gone(store.probe().await);
    store.close().await;
}
