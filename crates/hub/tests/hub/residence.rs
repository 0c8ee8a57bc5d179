//! How streams come into memory, and how they leave it.

use milepost_core::Cursor;
use milepost_hub::{From, Item, Options};
use milepost_store::EventStore;

use crate::viewer::is_quiet;
use crate::world::{World, code, folded, id, pass, project};

const MINUTE: u64 = 60_001;

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_needs_leaves_and_comes_back_the_same() {
    let world = World::new().made(&["+r", r#"+c {"kind":"k","parent":"r","weight":3}"#]).await;
    world.say(&[r#"c run.progressed {"current":1,"total":3}"#, r#"#i c state.updated {"key":"k","value":0.1}"#]).await;
    let before = world.snapshot("r").await;
    pass(59_000).await;
    assert_eq!(world.hub.live_streams(), 1);
    pass(MINUTE).await;
    assert_eq!(world.hub.live_streams(), 0);
    // The child finds its stream, too, and ids are still known.
    assert_eq!(folded(Some(world.snapshot("c").await)).seq, 6);
    assert_eq!(folded(Some(world.snapshot("r").await)), folded(Some(before)));
    let again = world.publish(&[r#"#i c state.updated {"key":"k","value":0.1}"#, "c x.a"]).await.unwrap();
    assert_eq!((again.events[0].duplicate, again.events[0].seq, again.seq), (true, 6, 7));
}

#[tokio::test(start_paused = true)]
async fn a_stream_stays_while_it_is_watched_or_timed() {
    let world = World::new().made(&["+watched", r#"+leased {"kind":"k","lease_seconds":1000}"#, "+idle"]).await;
    let mut viewer = world.watch("watched", From::Now).await;
    viewer.seen();
    pass(10 * MINUTE).await;
    assert_eq!(world.hub.live_streams(), 2);
    world.say(&["watched x.a"]).await;
    assert_eq!(viewer.seen(), "3");
    drop(viewer);
    pass(2 * MINUTE).await;
    assert_eq!(world.hub.live_streams(), 1);
    pass(10 * MINUTE).await;
    assert_eq!((world.hub.live_streams(), &*world.story("leased", 2).await), (0, "leased run.stalled"));
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_saves_reading_the_log() {
    let world = World::new().made(&["+r"]).await;
    let batch: Vec<_> =
        (0..1_000).map(|at| format!(r#"r message.appended {{"message":"m{}","content":"x"}}"#, at % 7)).collect();
    world.publish(&batch.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    world.say(&["r x.a", "r x.b"]).await;
    pass(1).await;
    let before = folded(Some(world.snapshot("r").await));
    let world = world.crashed().await;
    world.wire.take_reads();
    assert_eq!(folded(Some(world.snapshot("r").await)), before);
    assert_eq!(world.wire.take_reads(), [1_002], "only the tail is read");
    // In order, the checkpoint is fresh.
    let world = world.restarted().await;
    world.wire.take_reads();
    assert_eq!(folded(Some(world.snapshot("r").await)), before);
    assert!(world.wire.take_reads().is_empty());
    // One that does not fit is left aside: the log has everything.
    let memory = world.wire.memory();
    for nonsense in ["nonsense", "{}"] {
        let epoch = before.cursor.epoch.unwrap();
        memory.checkpoint(&project(), &id("r"), epoch, 1_000, nonsense.to_owned()).await.unwrap();
    }
    let world = world.crashed().await;
    assert_eq!(folded(Some(world.snapshot("r").await)), before);
}

#[tokio::test(start_paused = true)]
async fn listings_are_as_fresh_as_the_log() {
    let world = World::new().made(&["+r"]).await;
    world.say(&[r#"r run.progressed {"current":1,"total":4}"#]).await;
    let fractions = async |world: &World| {
        let query = milepost_hub::ListRuns { limit: 10, ..Default::default() };
        let page = world.hub.list(&project(), &query).await.unwrap();
        page.runs.iter().map(|run| run.progress.fraction).collect::<Vec<_>>()
    };
    assert_eq!(fractions(&world).await, [Some(0.25)], "a live stream knows better than the projection");
    let world = world.restarted().await;
    assert_eq!(fractions(&world).await, [Some(0.25)]);
    assert_eq!(world.hub.live_streams(), 0, "a list brings nothing to life");
}

#[tokio::test(start_paused = true)]
async fn a_root_that_is_over_can_be_deleted_and_made_again() {
    let world = World::new().made(&["+r", r#"c {"kind":"k","parent":"r"}"#]).await;
    let delete = async |run: &str| world.hub.delete(&project(), &id(run)).await;
    assert_eq!(code(delete("r").await), "run_not_terminal");
    assert_eq!(code(delete("c").await), "not_a_root");
    assert_eq!(code(delete("nobody").await), "run_not_found");
    world.publish(&["r run.completed", "r run.audit_started"]).await.unwrap();
    // Restarted, so that the ring is empty and a replay reads the log.
    let world = world.crashed().await;
    let delete = async |run: &str| world.hub.delete(&project(), &id(run)).await;
    let former = world.snapshot("r").await.cursor;
    let mut live = world.watch("r", From::Now).await;
    assert_eq!(live.seen(), format!("snapshot@{0} caught_up@{0}", former.seq));
    let mut fresh = world.watch("r", From::Start).await;
    delete("r").await.unwrap();
    assert_eq!((live.seen().as_str(), live.session.is_done()), ("closed", true));
    assert_eq!(code(world.hub.snapshot(&project(), &id("c")).await), "run_not_found");

    world.create("+r").await.unwrap();
    world.create("c").await.unwrap();
    let cursor = world.snapshot("r").await.cursor;
    assert_ne!(cursor.epoch, former.epoch, "another incarnation");
    assert_eq!(fresh.seen(), "closed", "it must not show events of the next one");
    let stale = Cursor { epoch: former.epoch, seq: 1 };
    assert_eq!(world.watch("r", From::After(stale)).await.seen(), "reset:epoch snapshot@2 caught_up@2");
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_sessions_and_refuses_what_comes_later() {
    let world = World::new().made(&["+r"]).await.crashed().await;
    let mut live = world.watch("r", From::Now).await;
    live.seen();
    let mut replay = world.watch("r", From::Start).await;
    world.say(&["r x.a"]).await;
    world.hub.shutdown().await;
    assert_eq!((live.seen().as_str(), live.session.is_done()), ("3 closed", true));
    replay.take(usize::MAX);
    assert!(matches!(replay.items().last(), Some(Item::Closed)) && is_quiet(&mut replay));
    assert_eq!(code(world.publish(&["r x.b"]).await), "shutting_down");
    assert_eq!(code(world.create("s").await), "shutting_down");
    assert_eq!(code(world.hub.probe().await), "shutting_down");
}

/// What the store says of the only root, or of the only child of `parent`.
async fn current(world: &World, parent: Option<&str>) -> Option<f64> {
    let (kind, state, parent) = (None, None, parent.map(id));
    let query = milepost_store::ListRuns { project: project(), kind, state, parent, limit: 1, before: None };
    let page = world.wire.memory().list(query).await.unwrap();
    milepost_core::Run::from_row(&page.runs[0].1).unwrap().progress.current.map(|current| current.0)
}

#[tokio::test(start_paused = true)]
async fn rows_of_fresh_kinds_are_never_behind() {
    let fresh_kinds = vec![milepost_core::Kind::new("job").unwrap()];
    let world = World::with(Options { fresh_kinds, ..Options::default() });
    let world = world.made(&["+r", r#"+c {"kind":"job","parent":"r"}"#]).await;
    for step in 1..=3 {
        world.say(&[&format!(r#"c run.progressed {{"current":{step},"total":4}}"#)]).await;
        assert_eq!(current(&world, Some("r")).await, Some(f64::from(step)));
    }
    world.say(&[r#"r run.progressed {"current":1}"#]).await;
    assert_eq!(current(&world, None).await, None, "the root is of another kind");
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_never_more_than_a_second_behind() {
    let world = World::new().made(&["+r"]).await;
    let row = async || current(&world, None).await;
    world.say(&[r#"r run.progressed {"current":1,"total":2}"#]).await;
    assert_eq!(row().await, None, "a report of its own costs no row");
    pass(1_001).await;
    assert_eq!(row().await, Some(1.0));
    world.wire.break_appends(true);
    assert!(world.publish(&["r x.a"]).await.is_err());
    world.wire.break_appends(false);
    world.say(&[r#"r run.progressed {"current":2}"#]).await;
    world.wire.break_appends(true);
    pass(1_500).await;
    assert_eq!(row().await, Some(1.0));
    world.wire.break_appends(false);
    pass(1_500).await;
    assert_eq!(row().await, Some(2.0), "a store that comes back gets it");
}
