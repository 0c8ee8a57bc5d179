//! Workers that take queued runs.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::{join, join_all};
use milepost_core::event::RunCreated;
use milepost_hub::NewRun;
use tokio::time::Instant;

use crate::world::{World, code, id, pass, project};

async fn queued(count: usize) -> World {
    let world = World::new();
    for at in 0..count {
        world.create(&format!("q{at}")).await.unwrap();
    }
    world
}

#[tokio::test(start_paused = true)]
async fn the_oldest_comes_first() {
    let world = queued(3).await.made(&[r#"other {"kind":"other"}"#, "+started"]).await;
    for expect in ["q0", "q1", "q2"] {
        let claimed = world.claim(30, 0).await.unwrap();
        assert_eq!((claimed.run.id.as_str(), claimed.run.state.as_str(), claimed.run.attempt), (expect, "running", 1));
        assert_eq!(claimed.cursor.seq, 2);
        assert!(claimed.run.lease_expires_at.is_some());
    }
    assert!(world.claim(30, 0).await.is_none(), "another kind, or begun already");
}

#[tokio::test(start_paused = true)]
async fn as_many_workers_as_runs_get_one_each() {
    let world = queued(40).await;
    let claimed = join_all((0..40).map(|_| world.claim(30, 0))).await;
    let runs: HashSet<_> = claimed.iter().flatten().map(|claimed| claimed.run.id.clone()).collect();
    assert_eq!(runs.len(), 40);
    assert!(world.claim(30, 0).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_worker_wakes_up_when_there_is_something() {
    let world = World::new();
    let begin = Instant::now();
    let later = async {
        pass(3_000).await;
        world.create("late").await.unwrap();
    };
    let (claimed, ()) = join(world.claim(30, 60), later).await;
    assert_eq!((claimed.unwrap().run.id.as_str(), begin.elapsed()), ("late", Duration::from_secs(3)));
    assert!(world.claim(30, 20).await.is_none());
    assert_eq!(begin.elapsed(), Duration::from_secs(23));
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_worker_had_is_claimed_again_and_its_lease_is_lost() {
    let world = queued(1).await;
    let first = world.claim(10, 0).await.unwrap();
    world.work(&first, "q0 x.a").await.unwrap();
    pass(10_001).await;
    // Late, but nobody else has it.
    world.work(&first, "q0 x.b").await.unwrap();
    let begin = Instant::now();
    let second = world.claim(10, 60).await.unwrap();
    assert_eq!((begin.elapsed(), second.run.attempt), (Duration::from_secs(10), 2), "as soon as it stalls");
    assert_ne!(first.lease, second.lease);
    assert_eq!(code(world.work(&first, "q0 x.c").await), "lease_lost");
    let beat = world.hub.heartbeat(&project(), &id("q0"), Some(first.lease.clone())).await;
    assert_eq!(code(beat), "lease_lost");
    world.work(&second, "q0 run.completed").await.unwrap();
    assert_eq!(code(world.work(&second, "q0 x.d").await), "run_terminal");
    let story = "q0 x.a, q0 run.stalled, q0 run.recovered, q0 x.b, q0 run.stalled, q0 run.recovered, q0 run.started, q0 run.completed";
    assert_eq!(world.story("q0", 2).await, story);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_claimed_again_at_once() {
    let world = queued(1).await;
    let first = world.claim(3_600, 0).await.unwrap();
    assert_eq!(first.waited_ms, 0);
    pass(1_000).await;
    let release = async |lease: &str| world.hub.release(&project(), &id("q0"), lease.to_owned()).await;
    assert_eq!(code(release("nonsense").await), "lease_lost");
    release(&first.lease).await.unwrap();
    release(&first.lease).await.unwrap();
    pass(5_000).await;
    let second = world.claim(10, 0).await.unwrap();
    assert_eq!((second.run.attempt, second.waited_ms), (2, 5_000));
    assert_eq!(code(release(&first.lease).await), "lease_lost");
    world.work(&second, "q0 run.completed").await.unwrap();
    assert_eq!(code(release(&second.lease).await), "run_terminal");
    assert_eq!(world.story("q0", 2).await, "q0 run.stalled, q0 run.recovered, q0 run.started, q0 run.completed");
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_good_for_everything_below_its_run_and_gives_back_its_own_only() {
    let world = World::new().made(&["+r", r#"a {"kind":"k","parent":"r"}"#]).await;
    let claimed = world.claim(10, 0).await.unwrap();
    assert_eq!((claimed.run.id.as_str(), claimed.run.stream.as_str()), ("a", "r"));
    world.work(&claimed, r#"b run.created {"kind":"step","parent":"a"}"#).await.unwrap();
    world.work(&claimed, "b run.started").await.unwrap();
    let released = world.hub.release(&project(), &id("b"), claimed.lease.clone()).await;
    assert_eq!(code(released), "lease_lost");
    pass(10_001).await;
    let again = world.claim(10, 0).await.unwrap();
    assert_eq!((again.run.id.as_str(), again.run.attempt), ("a", 2));
    for line in ["a x.late", "b x.late", "b run.completed"] {
        assert_eq!(code(world.work(&claimed, line).await), "lease_lost", "{line}");
    }
    let below = async |run: &str, parent: Option<&str>, lease: &str| {
        let created = RunCreated {
            kind: "step".parse().unwrap(),
            name: None,
            parent: parent.map(id),
            weight: None,
            metadata: None,
            expected_children: None,
            lease_seconds: None,
        };
        let new = NewRun { run: id(run), created, started: false, lease: Some(lease.to_owned()) };
        world.hub.create(&project(), new).await
    };
    assert_eq!(code(below("c", Some("a"), &claimed.lease).await), "lease_lost");
    below("c", Some("a"), &again.lease).await.unwrap();
    assert_eq!(code(below("c", Some("a"), &claimed.lease).await), "lease_lost", "also what is there");
    below("root", None, &claimed.lease).await.unwrap();
    world.work(&again, "b run.completed").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn queues_and_leases_are_counted() {
    let world = queued(3).await;
    let counts =
        async || (world.hub.queued(9).await.unwrap().first().map(|(_, count)| *count), world.hub.active_leases());
    assert_eq!(counts().await, (Some(3), 0));
    let claimed = world.claim(10, 0).await.unwrap();
    world.claim(60, 0).await.unwrap();
    assert_eq!(counts().await, (Some(1), 2));
    pass(10_001).await;
    assert_eq!(counts().await, (Some(2), 1), "one has fallen silent");
    world.work(&claimed, "q0 run.completed").await.unwrap();
    assert_eq!(counts().await, (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_no_lease() {
    let world = queued(1).await;
    let mut claimed = world.claim(10, 0).await.unwrap();
    let lease = claimed.lease.clone();
    for nonsense in ["", "x", "//", &format!("{lease}/1"), &format!("{lease}0"), &lease[..lease.len() - 1], &lease[1..]]
    {
        claimed.lease = nonsense.to_owned();
        assert_eq!(code(world.work(&claimed, "q0 x.a").await), "lease_lost", "{nonsense:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_of_its_own_is_not_taken_over() {
    let world = World::new().made(&[r#"+r {"kind":"k","lease_seconds":5}"#]).await;
    pass(6_000).await;
    assert!(world.run("r").await.stalled);
    assert!(world.claim(30, 0).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn runs_below_a_cancellation_do_not_stand_in_the_way() {
    let world = World::new().made(&["+r"]).await;
    for at in 0..20 {
        world.create(&format!(r#"c{at} {{"kind":"k","parent":"r"}}"#)).await.unwrap();
    }
    world.create("young").await.unwrap();
    world.cancel("r", 60).await.unwrap();
    assert_eq!(world.claim(30, 0).await.unwrap().run.id.as_str(), "young");
}

#[tokio::test(start_paused = true)]
async fn claims_survive_a_restart() {
    let world = queued(2).await;
    let claimed = world.claim(10, 0).await.unwrap();
    let world = world.crashed().await;
    world.work(&claimed, "q0 x.a").await.unwrap();
    assert_eq!(world.claim(10, 0).await.unwrap().run.id.as_str(), "q1");
    pass(10_001).await;
    assert_eq!(world.claim(10, 0).await.unwrap().run.id.as_str(), "q0");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_server_that_goes_away() {
    let world = World::new();
    let begin = Instant::now();
    let stop = async {
        pass(1_000).await;
        world.hub.shutdown().await;
    };
    let kinds = ["k".parse().unwrap()];
    let project = project();
    let claim = world.hub.claim(&project, &kinds, 30, Duration::from_secs(60));
    let (claimed, ()) = join(claim, stop).await;
    assert_eq!((code(claimed), begin.elapsed()), ("shutting_down", Duration::from_secs(1)));
}
