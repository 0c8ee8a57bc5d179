use std::sync::Arc;

use milepost_core::decide::Author;
use milepost_core::{Body, Draft, EventType, RunState, Time};
use proptest::prelude::*;

use super::*;
use crate::testing::FakeServer;
use crate::{Client, RunHandle};

fn draft(run: &str, event_type: &str, data: &str) -> Draft {
    let event_type: EventType = event_type.parse().unwrap();
    let body = Body::parse(event_type, Some(data)).unwrap();
    Draft { run: RunId::new(run).unwrap(), id: None, time: None, body }
}

/// A tree with a child, 8 events, over when `over`.
fn played(over: bool) -> Arc<FakeServer> {
    let server = FakeServer::new();
    let mut drafts = vec![
        draft("r", "run.created", r#"{"kind":"job"}"#),
        draft("r", "run.started", "{}"),
        draft("r.1", "run.created", r#"{"kind":"step","parent":"r"}"#),
        draft("r.1", "run.started", "{}"),
        draft("r.1", "run.progressed", r#"{"current":1,"total":2}"#),
        draft("r", "state.updated", r#"{"key":"k","value":1}"#),
        draft("r.1", "run.completed", "{}"),
    ];
    if over {
        drafts.push(draft("r", "run.completed", "{}"));
    }
    server.append(Author::Producer, drafts).unwrap();
    server
}

fn follow(server: &Arc<FakeServer>, run: &str, start: Start) -> Follower {
    Client::new(server.clone()).follow(&RunId::new(run).unwrap(), start)
}

/// Follows to the end and tells what was seen in short.
async fn see(follower: &mut Follower) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(update) = follower.next().await {
        seen.push(match update.unwrap() {
            Update::Snapshot(snapshot) => format!("snapshot {}", snapshot.seq),
            Update::Event { event, .. } => event.seq.to_string(),
            Update::CaughtUp => "caught up".to_owned(),
            Update::Reset { reason } => format!("reset {reason}"),
            Update::Disconnected { .. } => "disconnected".to_owned(),
            Update::End => "end".to_owned(),
        });
    }
    seen
}

fn assert_same(follower: &Follower, server: &FakeServer) {
    let now = Time::from_millis(0);
    let state = server.lock();
    let expect = state.tree.as_ref().unwrap().snapshot(now).unwrap();
    assert_eq!(follower.tree().unwrap().snapshot(now).unwrap(), expect);
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_is_seen_from_anywhere() {
    let server = played(true);
    let mut follower = follow(&server, "r", Start::Beginning);
    assert_eq!(see(&mut follower).await, ["1", "2", "3", "4", "5", "6", "7", "8", "caught up", "end"]);
    assert_same(&follower, &server);
    let mut follower = follow(&server, "r", Start::Snapshot);
    assert_eq!(see(&mut follower).await, ["snapshot 8", "caught up", "end"]);
    assert_same(&follower, &server);
    let mut follower = follow(&server, "r", Start::After("6".parse().unwrap()));
    assert_eq!(see(&mut follower).await, ["7", "8", "caught up", "end"]);
    assert!(follower.tree().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_resumed_where_it_broke() {
    let server = played(true);
    server.lock().cuts = [3, 0, 2].into();
    let mut follower = follow(&server, "r", Start::Beginning);
    let expect =
        ["1", "2", "3", "disconnected", "disconnected", "4", "5", "disconnected", "6", "7", "8", "caught up", "end"];
    assert_eq!(see(&mut follower).await, expect);
    assert_same(&follower, &server);
    let starts = server.lock().starts.clone();
    let after = |seq| Start::After(Cursor::new(milepost_core::Epoch(1), seq));
    assert_eq!(starts, [Start::Beginning, after(3), after(3), after(5)]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_noticed_and_repaired() {
    for hidden in 2..=8 {
        let server = played(true);
        server.lock().hide = [hidden].into();
        let mut follower = follow(&server, "r", Start::Beginning);
        let seen = see(&mut follower).await;
        assert_eq!(seen.iter().filter(|seen| *seen == "disconnected").count(), 1, "{hidden}: {seen:?}");
        let events: Vec<u64> = seen.iter().filter_map(|seen| seen.parse().ok()).collect();
        assert_eq!(events, (1..=8).collect::<Vec<u64>>(), "{hidden}");
        assert_same(&follower, &server);
    }
}

#[tokio::test(start_paused = true)]
async fn another_incarnation_begins_with_its_snapshot() {
    let server = played(true);
    server.lock().cuts = [6].into();
    let mut follower = follow(&server, "r", Start::Beginning);
    for _ in 0..6 {
        follower.next().await.unwrap().unwrap();
    }
    server.restore(4);
    server.append(Author::Producer, vec![draft("r", "run.completed", "{}")]).unwrap();
    let expect = ["disconnected", "reset epoch", "snapshot 6", "caught up", "end"];
    assert_eq!(see(&mut follower).await, expect);
    assert_same(&follower, &server);
    assert_eq!(follower.tree().unwrap().runs()[1].state, RunState::Cancelled, "closed with its parent");
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_tree_is_followed_without_the_rest() {
    let server = played(true);
    server.lock().cuts = [5].into();
    let mut follower = follow(&server, "r.1", Start::Beginning);
    assert_eq!(see(&mut follower).await, ["3", "4", "5", "disconnected", "7", "caught up", "end"]);
    assert_eq!(follower.cursor().unwrap().seq, 8);
    assert_eq!(follower.tree().unwrap().root().unwrap().state, RunState::Completed);
}

#[tokio::test(start_paused = true)]
async fn superseded_progress_is_no_gap() {
    let server = played(false);
    let events = server.lock().log.clone();
    let mut position = Position::at(Start::Beginning);
    let run = RunId::new("r").unwrap();
    let mut step = |seq: usize, coalesced_from: Option<u64>| {
        let event = events[seq - 1].clone();
        let cursor = Cursor::new(milepost_core::Epoch(1), event.seq);
        position.step(&Item::Event { event, cursor, coalesced_from }, &run)
    };
    assert!(matches!(step(3, None), Step::Gap(_)));
    assert!(matches!(step(3, Some(2)), Step::Gap(_)));
    assert!(matches!(step(3, Some(1)), Step::Forward));
    assert!(matches!(step(3, None), Step::Known));
    assert!(matches!(step(2, None), Step::Known));
    assert!(matches!(step(5, Some(3)), Step::Forward), "more than needed does no harm");
    assert!(matches!(step(6, None), Step::Forward));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_is_followed_over_closed_connections() {
    let server = FakeServer::new();
    let client = Client::new(server.clone());
    let run: RunHandle = client.run("job").id("r").start().await.unwrap();
    let mut follower = client.follow(run.id(), Start::Snapshot);
    let watcher = tokio::spawn(async move {
        let seen = see(&mut follower).await;
        (follower, seen)
    });
    for count in 0..20 {
        run.state("count", count.into()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    run.complete(None).await.unwrap();
    let (follower, seen) = watcher.await.unwrap();
    assert_eq!(seen.last().map(String::as_str), Some("end"));
    assert_same(&follower, &server);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever connections break and whatever they leave out: every event once, in order.
    #[test]
    fn every_event_is_seen_once(
        cuts in prop::collection::vec(0..10_usize, 0..8), hide in prop::collection::vec(1..9_u64, 0..8), snapshot: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let server = played(true);
            (server.lock().cuts, server.lock().hide) = (cuts.into(), hide.into());
            let start = if snapshot { Start::Snapshot } else { Start::Beginning };
            let mut follower = follow(&server, "r", start);
            let seen = see(&mut follower).await;
            let events: Vec<u64> = seen.iter().filter_map(|seen| seen.parse().ok()).collect();
            prop_assert_eq!(events, if snapshot { Vec::new() } else { (1..=8).collect::<Vec<u64>>() });
            assert_same(&follower, &server);
            Ok(())
        })?;
    }
}
