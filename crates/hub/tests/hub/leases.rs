//! Leases that run out, deadlines that pass, and what a worker is told about it.

use std::time::Duration;

use futures_util::future::join;
use milepost_hub::{CancelAnswer, Options};

use crate::world::{BEGIN, World, code, id, pass, project};

const LEASED: &str = r#"+r {"kind":"k","lease_seconds":30}"#;

/// A leased root with a leased child.
const LEASED_CHILD: &str = r#"+c {"kind":"k","parent":"r","lease_seconds":10}"#;

#[tokio::test(start_paused = true)]
async fn a_run_stalls_when_its_lease_runs_out_and_not_before() {
    let world = World::new().made(&[LEASED]).await;
    pass(29_999).await;
    assert!(!world.run("r").await.stalled);
    pass(2).await;
    assert!(world.run("r").await.stalled);
    let log = world.log("r").await;
    assert_eq!((log.len(), log[2].time.millis()), (3, BEGIN + 30_000));
    pass(600_000).await;
    assert_eq!(world.story("r", 2).await, "r run.stalled", "it stalls once");
}

#[tokio::test(start_paused = true)]
async fn any_word_renews_a_lease() {
    let world = World::new().made(&[LEASED]).await;
    pass(20_000).await;
    world.say(&["r x.a"]).await;
    pass(20_000).await;
    assert_eq!(world.heartbeat("r").await.unwrap().map(|time| time.millis()), Some(BEGIN + 70_000));
    assert_eq!(world.run("r").await.lease_expires_at.map(|time| time.millis()), Some(BEGIN + 70_000));
    pass(29_000).await;
    assert_eq!(world.story("r", 2).await, "r x.a");
    pass(1_001).await;
    assert_eq!(world.story("r", 3).await, "r run.stalled");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_heard_of_has_recovered() {
    let world = World::new().made(&[LEASED, LEASED_CHILD]).await;
    pass(10_001).await;
    world.say(&["c x.a"]).await;
    pass(10_001).await;
    world.heartbeat("c").await.unwrap();
    // The child's words have renewed the root's lease too.
    pass(29_000).await;
    assert_eq!(
        world.story("r", 4).await,
        "c run.stalled, c run.recovered, c x.a, c run.stalled, c run.recovered, c run.stalled"
    );
    pass(1_001).await;
    world.heartbeat("c").await.unwrap();
    assert_eq!(world.story("r", 10).await, "r run.stalled, c run.recovered, r run.recovered");
    pass(30_001).await;
    world.say(&["c x.b"]).await;
    assert_eq!(world.story("r", 13).await, "c run.stalled, r run.stalled, c run.recovered, r run.recovered, c x.b");
}

#[tokio::test(start_paused = true)]
async fn what_has_not_begun_stalls_and_what_is_over_does_not() {
    let world = World::new().made(&[r#"r {"kind":"k","lease_seconds":5}"#]).await;
    pass(60_000).await;
    world.say(&["r run.started"]).await;
    pass(4_000).await;
    world.say(&["r run.completed"]).await;
    pass(60_000).await;
    assert_eq!(world.story("r", 1).await, "r run.stalled, r run.recovered, r run.started, r run.completed");
    assert_eq!(code(world.heartbeat("r").await), "run_terminal");
    assert_eq!(code(world.heartbeat("nobody").await), "run_not_found");
}

#[tokio::test(start_paused = true)]
async fn what_stalls_for_too_long_fails_where_that_is_configured() {
    let world = World::with(Options { fail_stalled_after_seconds: Some(60), ..Options::default() });
    let world = world.made(&[LEASED, r#"+c {"kind":"k","parent":"r"}"#]).await;
    pass(89_999).await;
    assert_eq!(world.story("r", 4).await, "r run.stalled");
    pass(2).await;
    assert_eq!(world.story("r", 4).await, "r run.stalled, c run.cancelled, r run.failed");
    assert_eq!(world.run("r").await.error.as_ref().map(|error| &*error.code), Some("timed_out"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_renews_leases_and_keeps_deadlines() {
    let world = World::new().made(&[LEASED, "+s"]).await;
    world.cancel("s", 60).await.unwrap();
    pass(29_000).await;
    let world = world.crashed().await;
    pass(29_999).await;
    assert!(!world.run("r").await.stalled, "nobody could send a word while the server was away");
    pass(2).await;
    assert!(world.run("r").await.stalled);
    assert_eq!(world.story("s", 2).await, "s run.cancel_requested");
    pass(1_000).await;
    assert_eq!(world.story("s", 3).await, "s run.cancelled", "60 s after it was asked for");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_nobody_answers_is_carried_out_at_its_deadline() {
    let world = World::new().made(&["+r", r#"+a {"kind":"k","parent":"r"}"#, r#"b {"kind":"k","parent":"a"}"#]).await;
    world.cancel("r", 5).await.unwrap();
    pass(4_999).await;
    assert_eq!(world.story("r", 5).await, "r run.cancel_requested");
    pass(2).await;
    assert_eq!(world.story("r", 6).await, "b run.cancelled, a run.cancelled, r run.cancelled");
    assert_eq!(world.run("r").await.cancel.as_ref().and_then(|cancel| cancel.acknowledged), Some(false));
    let log = world.log("r").await;
    assert!(log[6..].iter().all(|event| &*event.data == r#"{"acknowledged":false}"#), "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn without_grace_it_is_carried_out_at_once() {
    let world = World::new().made(&["+r"]).await;
    world.cancel("r", 0).await.unwrap();
    pass(1).await;
    assert_eq!(world.story("r", 2).await, "r run.cancel_requested, r run.cancelled");
}

#[tokio::test(start_paused = true)]
async fn leases_below_a_cancellation_are_quiet() {
    let world = World::with(Options { fail_stalled_after_seconds: Some(5), ..Options::default() });
    let world = world.made(&[LEASED, LEASED_CHILD, r#"+d {"kind":"k","parent":"r","lease_seconds":1}"#]).await;
    pass(2_000).await;
    world.cancel("r", 60).await.unwrap();
    let beat = world.hub.heartbeat(&project(), &id("d"), None).await.unwrap();
    assert_eq!(beat.cancel.map(|cancel| cancel.run), Some(id("r")));
    pass(59_000).await;
    assert_eq!(world.story("r", 6).await, "d run.stalled, r run.cancel_requested");
    pass(1_001).await;
    assert_eq!(world.story("r", 8).await, "d run.cancelled, c run.cancelled, r run.cancelled");
}

/// What a worker of `run` is told within `wait_s` seconds.
async fn control(world: &World, run: &str, wait_s: u64) -> Option<CancelAnswer> {
    world.hub.control(&project(), &id(run), Duration::from_secs(wait_s)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_told_about_a_cancellation() {
    let world = World::new().made(&["+r", r#"+a {"kind":"k","parent":"r"}"#, r#"+b {"kind":"k","parent":"r"}"#]).await;
    assert_eq!(control(&world, "a", 5).await, None, "nobody asks");
    // At once, and the worker of a descendant too.
    let asked = async {
        pass(1_000).await;
        world.cancel("r", 60).await.unwrap()
    };
    let begin = tokio::time::Instant::now();
    let (told, asked) = join(control(&world, "a", 30), asked).await;
    assert_eq!((told, begin.elapsed()), (Some(asked.clone()), Duration::from_secs(1)));
    // Late ones at once.
    assert_eq!(control(&world, "b", 0).await, Some(asked.clone()));
    assert_eq!(control(&world, "r", 0).await, Some(asked));
    // Whoever is over is told nothing, and does not wait.
    let begin = tokio::time::Instant::now();
    world.say(&["r run.cancelled"]).await;
    assert_eq!((control(&world, "r", 30).await, begin.elapsed()), (None, Duration::ZERO));
}
