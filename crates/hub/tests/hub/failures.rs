//! A store that fails or takes its time.

use futures_util::future::{join, join_all};
use milepost_hub::{FeedItem, From};

use crate::viewer::is_quiet;
use crate::world::{World, code, id, pass, project};

#[tokio::test(start_paused = true)]
async fn when_the_store_fails_nothing_has_happened_and_later_it_works() {
    let world = World::new().made(&["+r", "q"]).await;
    let mut viewer = world.watch("r", From::Now).await;
    viewer.seen();
    let before = world.snapshot("r").await;
    world.wire.break_appends(true);
    let codes =
        join_all(["r x.a", "r run.completed", "#i r x.b"].map(|line| async { code(world.publish(&[line]).await) }));
    assert_eq!(codes.await, ["store_unavailable"; 3]);
    assert_eq!(code(world.cancel("r", 0).await), "store_unavailable");
    assert_eq!(code(world.create(r#"c {"kind":"k","parent":"r"}"#).await), "store_unavailable");
    assert_eq!(code(world.create("s").await), "store_unavailable");
    let kinds = ["k".parse().unwrap()];
    assert_eq!(code(world.hub.claim(&project(), &kinds, 9, Default::default()).await), "store_unavailable");
    assert_eq!(world.snapshot("r").await, before);
    assert!(is_quiet(&mut viewer));
    assert_eq!(code(world.hub.snapshot(&project(), &id("s")).await), "run_not_found");

    world.wire.break_appends(false);
    world.say(&["r x.a"]).await;
    world.create("s").await.unwrap();
    world.create(r#"c {"kind":"k","parent":"r"}"#).await.unwrap();
    assert_eq!(viewer.seen(), "3 4");
    assert_eq!(world.story("r", 2).await, "r x.a, c run.created");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_cannot_be_written_is_written_later() {
    let world = World::new().made(&[r#"+r {"kind":"k","lease_seconds":5}"#]).await;
    world.wire.break_appends(true);
    pass(8_000).await;
    assert_eq!(world.story("r", 2).await, "");
    world.wire.break_appends(false);
    pass(1_001).await;
    assert_eq!(world.story("r", 2).await, "r run.stalled");
}

#[tokio::test(start_paused = true)]
async fn a_bug_costs_one_stream_its_memory_and_nothing_else() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch("r", From::Now).await;
    viewer.seen();
    world.wire.panic_once();
    assert_eq!(code(world.publish(&["r x.a"]).await), "shutting_down");
    assert_eq!(viewer.seen(), "closed");
    world.say(&["r x.b"]).await;
    assert_eq!(world.story("r", 2).await, "r x.b");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_read_tries_again() {
    let world = World::new().made(&["+r"]).await.crashed().await;
    let mut viewer = world.watch("r", From::Start).await;
    world.wire.break_reads(true);
    let mut out = Vec::new();
    for _ in 0..2 {
        let polled = std::future::poll_fn(|context| viewer.session.poll(context, &mut out)).await;
        assert!(polled.is_err() && out.is_empty());
    }
    world.wire.break_reads(false);
    assert_eq!(viewer.seen(), "1 2 caught_up@2");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_read_is_read_later() {
    let world = World::new().made(&["+r"]).await.crashed().await;
    world.wire.break_reads(true);
    assert_eq!(code(world.hub.snapshot(&project(), &id("r")).await), "store_unavailable");
    assert_eq!(code(world.publish(&["r x.a"]).await), "store_unavailable");
    assert_eq!(world.hub.live_streams(), 0);
    world.wire.break_reads(false);
    world.say(&["r x.a"]).await;
    assert_eq!(world.snapshot("r").await.seq, 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_visible_before_it_is_durable() {
    // Restarted, so that the ring is empty and a replay reads the log.
    let world = World::new().made(&["+r"]).await.crashed().await;
    let mut live = world.watch("r", From::Now).await;
    live.seen();
    let mut feed = world.hub.feed(&project()).await.unwrap();
    let before = world.snapshot("r").await;
    world.wire.hold_appends(true);
    let reader = async {
        pass(1_000).await;
        assert_eq!(world.log("r").await.len(), 3, "the store has it, and has not said so");
        assert_eq!(world.snapshot("r").await, before);
        assert!(is_quiet(&mut live));
        assert_eq!(world.watch("r", From::Start).await.seen(), "1 2 caught_up@2");
        assert_eq!(world.watch("r", From::Now).await.seen(), "snapshot@2 caught_up@2");
        let (tree, page) = world.hub.page(&project(), &id("r"), 0, 100).await.unwrap();
        assert_eq!((tree.seq(), page.len()), (2, 2));
        assert!(!world.hub.moved(&project(), &id("r"), 2, std::time::Duration::from_secs(1)).await.unwrap());
        let mut seen = Vec::new();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(feed.poll(&mut context, &mut seen).is_pending());
        world.wire.hold_appends(false);
    };
    let (published, ()) = join(world.publish(&["r x.a"]), reader).await;
    assert_eq!(published.unwrap().seq, 3);
    assert_eq!(live.seen(), "3");
    let mut seen = Vec::new();
    std::future::poll_fn(|context| feed.poll(context, &mut seen)).await;
    assert!(matches!(&seen[..], [FeedItem::Event(frame)] if frame.record().seq == 3));
}

#[tokio::test(start_paused = true)]
async fn commands_that_wait_for_a_commit_are_committed_together() {
    let world = World::new().made(&["+r"]).await;
    world.wire.take_appends();
    world.wire.hold_appends(true);
    let others = async {
        pass(1_000).await;
        join_all((0..50).map(|_| world.publish(&["r x.a"]))).await
    };
    let release = async {
        pass(2_000).await;
        assert_eq!(world.log("r").await.len(), 3, "the first is on its way, the others wait");
        world.wire.hold_appends(false);
    };
    let (first, (others, ())) = join(world.publish(&["r x.a"]), join(others, release)).await;
    let seqs: Vec<_> = [first].into_iter().chain(others).map(|answer| answer.unwrap().seq).collect();
    assert_eq!(seqs, (3..=53).collect::<Vec<_>>());
    assert_eq!(world.wire.take_appends(), [1, 50]);
}
