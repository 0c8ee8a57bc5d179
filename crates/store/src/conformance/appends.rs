//! Appending.

use std::sync::Arc;

use milepost_core::{Epoch, EventType, Record, Time};
use tokio::task::JoinSet;

use super::fixture::{
    EPOCH, append, append_with, assert_exists, assert_moved, create, created, head, log, project, record, run,
};
use crate::contract::{Append, AppendError, EventStore};

pub async fn appends_are_read_back_in_order(store: Arc<dyn EventStore>) {
    let (first, second) = (append("a", 0, 3), append("a", 3, 2));
    let expect: Vec<Record> = first.records.iter().chain(&second.records).cloned().collect();
    store.append(first).await.expect("the first");
    store.append(second).await.expect("the second");
    assert_eq!(log(&*store, "a").await, expect);
    assert_eq!(head(&*store, "a").await, Some(5));
}

pub async fn the_store_numbers_the_records(store: Arc<dyn EventStore>) {
    for number in 0..300 {
        store.append(append("a", number, 1)).await.expect("each");
    }
    let seqs: Vec<u64> = log(&*store, "a").await.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (1..=300).collect::<Vec<_>>());
}

pub async fn an_append_at_another_head_is_refused(store: Arc<dyn EventStore>) {
    assert_moved(&store.append(append("a", 1, 1)).await, 0);
    store.append(append("a", 0, 2)).await.expect("the first");
    for expected in [0, 1, 3, u64::MAX / 4] {
        assert_moved(&store.append(append("a", expected, 1)).await, 2);
    }
    let rows_only = append_with("a", 1, 0, vec![created("a", None, "step")]);
    assert_moved(&store.append(rows_only).await, 2);
    assert_eq!(head(&*store, "a").await, Some(2));
}

pub async fn an_append_of_another_incarnation_is_refused(store: Arc<dyn EventStore>) {
    store.append(append("a", 0, 1)).await.expect("the first");
    assert_moved(&store.append(Append { epoch: Epoch(8), ..append("a", 1, 1) }).await, 1);
    store.append(append("a", 1, 1)).await.expect("of the same");
}

pub async fn rows_alone_make_no_stream(store: Arc<dyn EventStore>) {
    assert_moved(&store.append(append_with("a", 0, 0, vec![created("a", None, "step")])).await, 0);
    assert_eq!(head(&*store, "a").await, None);
    create(&*store, "a", "step").await;
}

pub async fn a_run_belongs_to_one_stream(store: Arc<dyn EventStore>) {
    store
        .append(append_with("a", 0, 1, vec![created("a", None, "step"), created("c", Some("a"), "step")]))
        .await
        .expect("a");
    assert_exists(&store.append(append_with("b", 0, 1, vec![created("c", Some("b"), "step")])).await, "c");
    assert_exists(&store.append(append_with("c", 0, 1, vec![created("c", None, "step")])).await, "c");
    assert_exists(&store.append(append_with("a", 1, 1, vec![created("c", Some("a"), "step")])).await, "c");
    let twice = vec![created("d", None, "step"), created("d", None, "step")];
    assert_exists(&store.append(append_with("d", 0, 1, twice)).await, "d");
    assert_eq!(store.stream_of(&project(), &run("c")).await.expect("an answer"), Some(run("a")));
    assert_eq!(store.stream_of(&project(), &run("d")).await.expect("an answer"), None);
}

pub async fn a_failing_append_leaves_nothing(store: Arc<dyn EventStore>) {
    create(&*store, "a", "step").await;
    let rows = vec![created("new", None, "step"), created("a", None, "step")];
    assert_exists(&store.append(append_with("b", 0, 3, rows)).await, "a");
    assert_eq!(head(&*store, "b").await, None);
    assert_eq!(store.stream_of(&project(), &run("new")).await.expect("an answer"), None);
    assert!(log(&*store, "b").await.is_empty());
}

/// Good and failing appends at the same time, so that an engine may commit them together.
pub async fn one_of_many_wins_each_head(store: Arc<dyn EventStore>) {
    for round in 0..5 {
        let mut tasks = JoinSet::new();
        for task in 0..20 {
            let store = Arc::clone(&store);
            let record = record(&run("a"), round + 1, &format!("{round}-{task}"));
            let append = Append { records: vec![record], ..append("a", round, 1) };
            tasks.spawn(async move { (append.records[0].id.clone(), store.append(append).await) });
        }
        let answers = tasks.join_all().await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| answer.is_ok());
        assert_eq!(won.len(), 1);
        lost.iter().for_each(|(_, answer)| assert_moved(answer, round + 1));
        assert_eq!(log(&*store, "a").await.last().map(|record| &record.id), Some(&won[0].0));
    }
}

pub async fn one_of_many_creates_a_run(store: Arc<dyn EventStore>) {
    let mut tasks = JoinSet::new();
    for task in 0..20 {
        let store = Arc::clone(&store);
        let append = append_with(&format!("s{task}"), 0, 1, vec![created("shared", None, "step")]);
        tasks.spawn(async move { (append.stream.clone(), store.append(append).await) });
    }
    let answers = tasks.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| answer.is_ok());
    assert_eq!(won.len(), 1);
    for (stream, answer) in &lost {
        assert_exists(answer, "shared");
        assert_eq!(head(&*store, stream.as_str()).await, None);
    }
    assert_eq!(store.stream_of(&project(), &run("shared")).await.expect("an answer").as_ref(), Some(&won[0].0));
}

/// Several writers on each of several streams: what was acknowledged is there once, and nothing else.
pub async fn concurrent_appends_to_many_streams(store: Arc<dyn EventStore>) {
    const STREAMS: u64 = 5;
    const WRITERS: u64 = 4;
    const APPENDS: u64 = 40;
    let mut tasks = JoinSet::new();
    for writer in 0..STREAMS * WRITERS {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let stream = format!("s{}", writer % STREAMS);
            for number in 0..APPENDS {
                persist(&*store, &stream, &format!("{writer}-{number}")).await;
            }
        });
    }
    tasks.join_all().await;
    for stream in 0..STREAMS {
        let log = log(&*store, &format!("s{stream}")).await;
        let seqs: Vec<u64> = log.iter().map(|record| record.seq).collect();
        assert_eq!(seqs, (1..=WRITERS * APPENDS).collect::<Vec<_>>());
        let mut ids: Vec<&str> = log.iter().map(|record| record.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len() as u64, WRITERS * APPENDS);
    }
}

/// Appends one record, again and again until its head is the right one.
async fn persist(store: &dyn EventStore, stream: &str, id: &str) {
    let mut head = 0;
    loop {
        let record = record(&run(stream), head + 1, id);
        match store.append(Append { records: vec![record], ..append(stream, head, 1) }).await {
            Ok(()) => return,
            Err(AppendError::HeadMoved { head: moved }) => head = moved,
            Err(error) => panic!("{error}"),
        }
    }
}

pub async fn large_and_odd_texts_come_back(store: Arc<dyn EventStore>) {
    let texts = ["{}".to_owned(), "{\"a\":\"\\u0000ü🦀'\\\"\"}".to_owned(), format!("\"{}\"", "x".repeat(256 * 1024))];
    let custom: EventType = "x.my-type".parse().expect("a type");
    let records: Vec<Record> = (1..)
        .zip(&texts)
        .map(|(seq, text)| Record {
            data: text.as_str().into(),
            event_type: custom.clone(),
            time: Time::from_millis(-1),
            ..record(&run("child"), seq, &format!("{seq}"))
        })
        .collect();
    let append = Append { records: records.clone(), epoch: EPOCH, ..append("a", 0, 0) };
    store.append(append).await.expect("the append");
    assert_eq!(log(&*store, "a").await, records);
}
