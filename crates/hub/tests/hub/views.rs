//! What a frame says about the runs is what the log says, up to that event and no further.

use std::sync::Arc;
use std::task::{Context, Waker};

use milepost_core::view::Subject;
use milepost_core::{Cursor, Event, Run, Tree, View};
use milepost_hub::{FeedItem, Frame, From, Item, SessionOptions, Views};

use crate::world::{World, id, project};

/// Every view is that of the fold of the log up to its event; where views are wanted no frame is without one.
pub(crate) fn check_views<'a>(items: impl Iterator<Item = &'a Item>, views: Views, states: &[Tree]) {
    for item in items {
        let Item::Event { frame, .. } = item else { continue };
        assert!(frame.view().is_some() || views == Views::Unneeded, "{frame:?} has no view");
        check_view(frame, states);
    }
}

fn check_view(frame: &Frame, states: &[Tree]) {
    let Some(view) = frame.view() else { return };
    let event: Event = frame.record().event(frame.stream()).unwrap();
    let expected = states[usize::try_from(event.seq).unwrap()].view_of(&event).unwrap();
    assert_eq!(without_leases(view), without_leases(&expected), "at {}", event.seq);
}

fn without_leases(view: &View) -> View {
    let bare = |run: &Arc<Run>| Arc::new(Run { lease_expires_at: None, ..Run::clone(run) });
    View { run: bare(&view.run), root: bare(&view.root), subject: view.subject.clone() }
}

fn wanted() -> SessionOptions {
    SessionOptions { coalesce_ms: Some(0), views: Views::Wanted, ..SessionOptions::default() }
}

fn after(seq: u64) -> From {
    From::After(Cursor { epoch: None, seq })
}

/// A tree in which everything happens that a view shows.
async fn told() -> World {
    let world = World::new().made(&["+r", r#"+a {"kind":"k","parent":"r","lease_seconds":60}"#]).await;
    world
        .say(&[
            r#"a run.progressed {"current":1,"total":4}"#,
            r#"a message.appended {"message":"m","role":"user","content":"Hel"}"#,
            r#"a message.appended {"message":"m","content":"lo"}"#,
            r#"r artifact.pending {"artifact":"x","artifact_type":"image","name":"X"}"#,
            r#"a state.updated {"key":"k","value":{"n":1}}"#,
            r#"a state.updated {"key":"k","patch":[{"op":"replace","path":"/n","value":2}]}"#,
            r#"a state.updated {"patch":[{"op":"add","path":"/l","value":[1]}]}"#,
            r#"r artifact.ready {"artifact":"x","media_type":"image/png","size":7}"#,
            r#"a run.progressed {"current":3}"#,
            r#"a run.completed {"result":1}"#,
            "r run.failed {\"error\":{\"code\":\"c\"}}",
        ])
        .await;
    world
}

async fn items(world: &World, from: From) -> Vec<Item> {
    world.watch_with("r", from, wanted()).await.take(usize::MAX)
}

#[tokio::test(start_paused = true)]
async fn old_events_are_shown_with_the_state_of_their_time() {
    // From the ring, then from the log: with a checkpoint of the head, which is past everything.
    let mut world = told().await;
    let states = world.states("r").await;
    for _ in 0..2 {
        for begin in 0..states.len() as u64 {
            let items = items(&world, after(begin)).await;
            check_views(items.iter(), Views::Wanted, &states);
            let events = items.iter().filter(|item| matches!(item, Item::Event { .. })).count();
            assert_eq!(events as u64, states.len() as u64 - 1 - begin);
        }
        world = world.restarted().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_view_says_what_the_event_left_out() {
    let world = told().await.restarted().await;
    let subjects = items(&world, From::Start).await;
    let subjects = subjects.iter().filter_map(|item| match item {
        Item::Event { frame, .. } => Some((frame.record().seq, frame.view()?.subject.clone())),
        _ => None,
    });
    let told: Vec<_> = subjects
        .filter_map(|(seq, subject)| match subject {
            Subject::Run => None,
            Subject::Message { role } => Some(format!("{seq} {role}")),
            Subject::Artifact(view) => Some(format!("{seq} {:?} {:?}", view.name.as_deref(), view.size)),
            Subject::Value(value) => Some(format!("{seq} {value}")),
        })
        .collect();
    assert_eq!(
        told,
        [
            "6 user",
            "7 user",
            r#"8 Some("X") None"#,
            r#"10 {"n":2}"#,
            r#"11 {"k":{"n":2},"l":[1]}"#,
            r#"12 Some("X") Some(7)"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn only_who_wants_views_pays_for_them() {
    let world = told().await.restarted().await;
    world.snapshot("r").await;
    world.wire.take_reads();
    let without = world.watch("r", after(12)).await.take(usize::MAX);
    assert!(without.iter().all(|item| !matches!(item, Item::Event { frame, .. } if frame.view().is_some())));
    assert_eq!(world.wire.take_reads(), [12]);
    items(&world, after(12)).await;
    assert_eq!(world.wire.take_reads(), [0, 12], "the log before the cursor is folded");
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_fell_out_of_the_ring_still_sees_the_state_of_the_time() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch_with("r", From::Now, wanted()).await;
    viewer.seen();
    for batch in 0..3 {
        let lines: Vec<_> =
            (0..900).map(|at| format!(r#"r run.progressed {{"current":{}}}"#, batch * 900 + at)).collect();
        world.publish(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    }
    world.wire.take_reads();
    let items = viewer.take(usize::MAX);
    assert_eq!(items.len(), 2_700);
    assert_eq!(world.wire.take_reads().first(), Some(&2), "the log before its sequence is not folded again");
    check_views(items.iter(), Views::Wanted, &world.states("r").await);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_falls_behind_again_and_again_folds_little() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch_with("r", From::Now, wanted()).await;
    viewer.seen();
    let mut items = Vec::new();
    for _ in 0..4 {
        let batch = vec![r#"r state.updated {"key":"k","value":1}"#; 1_500];
        world.publish(&batch).await.unwrap();
        world.wire.take_reads();
        items.extend(viewer.take(2));
        let (begin, first) = (viewer.session.cursor().seq, world.wire.take_reads()[0]);
        assert!(begin - first <= 1_024 + 512, "from {first} to get to {begin}");
    }
    items.extend(viewer.take(usize::MAX));
    assert_eq!(items.len(), 6_000);
    check_views(items.iter(), Views::Wanted, &world.states("r").await);
}

#[tokio::test(start_paused = true)]
async fn a_feed_has_views_too() {
    let world = World::new();
    let mut feed = world.hub.feed(&project()).await.unwrap();
    let world = world.made(&["+r", r#"+a {"kind":"k","parent":"r"}"#]).await;
    world.say(&[r#"a run.progressed {"current":1,"total":4}"#, "r run.completed"]).await;
    let mut frames = Vec::new();
    assert!(feed.poll(&mut Context::from_waker(Waker::noop()), &mut frames).is_ready());
    let states = world.states("r").await;
    for item in &frames {
        let FeedItem::Event(frame) = item else { panic!("{item:?}") };
        assert!(frame.view().is_some());
        check_view(frame, &states);
    }
    assert_eq!(frames.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_dialect_is_encoded_once_for_all_viewers() {
    let world = told().await;
    let (first, second) = (items(&world, From::Start).await, items(&world, From::Start).await);
    let mut made = 0;
    for item in first.iter().chain(&second) {
        let Item::Event { frame, .. } = item else { continue };
        let shared = frame.shared(None, || {
            made += 1;
            frame.record().seq
        });
        assert_eq!(*shared, frame.record().seq);
    }
    assert_eq!(made, world.log("r").await.len());
    let snapshot = world.hub.snapshot(&project(), &id("r")).await.unwrap();
    assert_eq!(*snapshot.shared(|| 1_u8), 1);
    assert_eq!(*world.hub.snapshot(&project(), &id("r")).await.unwrap().shared(|| 2_u8), 1);
}
