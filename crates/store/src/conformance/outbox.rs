//! The log of all streams, and what its receivers have remembered.

use std::sync::Arc;

use milepost_core::EventType;

use super::fixture::{EPOCH, append, create, project, run};
use crate::contract::EventStore;
use crate::outbox::{DeadLetter, LogPage};

/// The whole log, a few entries at a time.
async fn all(store: &dyn EventStore, types: Option<&[EventType]>, limit: usize) -> (Vec<String>, u64) {
    let (mut found, mut position) = (Vec::new(), 0);
    loop {
        let page = store.log(position, types, limit).await.expect("a page");
        let LogPage { entries, position: next, at_end } = page;
        assert!(entries.len() <= limit && next >= position);
        let mut before = position;
        for entry in entries {
            assert!(entry.position > before && entry.position <= next, "in the order of positions");
            before = entry.position;
            assert_eq!((entry.epoch, &entry.project), (EPOCH, &project()));
            found.push(format!("{}/{}", entry.stream, entry.record.seq));
        }
        position = next;
        if at_end {
            return (found, position);
        }
    }
}

pub async fn the_log_of_all_streams_is_in_the_order_of_commits(store: Arc<dyn EventStore>) {
    assert_eq!(all(&*store, None, 10).await, (Vec::new(), 0));
    create(&*store, "a", "k").await;
    create(&*store, "b", "k").await;
    store.append(append("a", 1, 2)).await.expect("more");
    store.append(append("b", 1, 1)).await.expect("more");
    let expect = ["a/1", "b/1", "a/2", "a/3", "b/2"];
    let (found, end) = all(&*store, None, 10).await;
    assert_eq!((found.clone(), end), (expect.map(str::to_owned).to_vec(), store.end().await.expect("the end")));
    for limit in 1..6 {
        assert_eq!(all(&*store, None, limit).await, (found.clone(), end), "{limit} at a time");
    }
    // Later ones come after the position that is known.
    store.append(append("a", 3, 1)).await.expect("more");
    let page = store.log(end, None, 10).await.expect("a page");
    assert_eq!((page.entries.len(), page.entries[0].record.seq, page.at_end), (1, 4, true));
    assert_eq!(store.log(page.position, None, 10).await.expect("a page").entries, []);
}

pub async fn the_log_is_filtered_by_type_and_the_position_moves_over_the_rest(store: Arc<dyn EventStore>) {
    create(&*store, "a", "k").await;
    let mut other = append("a", 1, 3);
    other.records[1].event_type = EventType::RunCompleted;
    store.append(other).await.expect("one of another type");
    let (all_of_it, end) = all(&*store, None, 2).await;
    assert_eq!(all_of_it.len(), 4);
    let types = [EventType::RunCompleted, EventType::RunFailed];
    assert_eq!(all(&*store, Some(&types), 2).await, (vec!["a/3".to_owned()], end));
    assert_eq!(all(&*store, Some(&[EventType::RunFailed]), 2).await, (Vec::new(), end));
}

pub async fn deleted_streams_leave_the_log_and_positions_are_not_used_again(store: Arc<dyn EventStore>) {
    create(&*store, "a", "k").await;
    create(&*store, "b", "k").await;
    let (_, end) = all(&*store, None, 10).await;
    store.delete(&project(), &run("b")).await.expect("it was there");
    let page = store.log(0, None, 10).await.expect("a page");
    assert_eq!(page.entries.len(), 1);
    create(&*store, "b", "k").await;
    let page = store.log(end, None, 10).await.expect("a page");
    assert_eq!((page.entries.len(), page.entries[0].stream.as_str()), (1, "b"), "made again, it is news");
}

pub async fn receivers_are_remembered(store: Arc<dyn EventStore>) {
    assert_eq!(store.position("s").await.expect("an answer"), None);
    for position in [7, 9] {
        store.keep_position("s", position).await.expect("kept");
        assert_eq!(store.position("s").await.expect("an answer"), Some(position));
    }
    assert_eq!(store.position("other").await.expect("an answer"), None);
}

pub async fn dead_letters_are_listed_newest_first_and_go_when_told(store: Arc<dyn EventStore>) {
    let letter = |seq| DeadLetter {
        id: 0,
        sink: "s".to_owned(),
        project: project(),
        stream: run("a"),
        epoch: EPOCH,
        seq,
        body: format!("{{\"n\":{seq}}}"),
    };
    for seq in 1..=3 {
        store.bury(letter(seq)).await.expect("buried");
    }
    let elsewhere = DeadLetter { project: "elsewhere".parse().expect("a name"), ..letter(4) };
    store.bury(elsewhere).await.expect("buried");
    let list = async |before, limit| store.dead_letters(&project(), before, limit).await.expect("a list");
    let first = list(None, 2).await;
    assert_eq!(first.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(DeadLetter { id: 0, ..first[0].clone() }, letter(3));
    let second = list(Some(first[1].id), 2).await;
    assert_eq!(second.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [1]);
    store.exhume(first[1].id).await.expect("gone");
    store.exhume(first[1].id).await.expect("gone already");
    assert_eq!(list(None, 9).await.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [3, 1]);
}
