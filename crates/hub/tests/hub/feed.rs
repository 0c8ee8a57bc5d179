//! A project's feed.

use std::collections::HashMap;
use std::task::{Context, Waker};

use futures_util::future::join_all;
use milepost_core::{Cursor, RunId};
use milepost_hub::{Feed, FeedItem, HubError};
use proptest::prelude::*;

use crate::session_laws::paused;
use crate::world::{World, id, pass, project};

/// What there is now.
fn take(feed: &mut Feed) -> Vec<FeedItem> {
    let mut items = Vec::new();
    while feed.poll(&mut Context::from_waker(Waker::noop()), &mut items).is_ready() {
        if matches!(items.last(), Some(FeedItem::Lost)) {
            break;
        }
    }
    items
}

fn told(items: &[FeedItem]) -> String {
    let word = |item: &FeedItem| match item {
        FeedItem::Event(frame) => format!("{}@{}", frame.record().run, frame.record().seq),
        FeedItem::Lost => "lost".to_owned(),
    };
    items.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_feed_begins_with_what_is_open_and_goes_on_with_everything() {
    let world = World::new().made(&["+over", "+waiting", "queued", r#"+c {"kind":"k","parent":"queued"}"#]).await;
    world.say(&["over run.completed", "waiting run.waiting"]).await;
    let mut feed = world.hub.feed(&project()).await.unwrap();
    let runs: Vec<_> = feed.runs().iter().map(|(run, cursor)| (run.id.as_str(), cursor.seq)).collect();
    assert_eq!(runs, [("queued", 3), ("waiting", 3)]);
    assert_eq!(told(&take(&mut feed)), "");
    world.say(&["waiting run.resumed", "c x.a", "over run.audit_started"]).await;
    world.create("new").await.unwrap();
    assert_eq!(told(&take(&mut feed)), "waiting@4 c@4 over@4 new@1");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_made_again_is_another_one() {
    let world = World::new().made(&["+r"]).await;
    world.say(&["r x.a", "r x.b"]).await;
    let mut feed = world.hub.feed(&project()).await.unwrap();
    world.say(&["r run.completed"]).await;
    world.hub.delete(&project(), &id("r")).await.unwrap();
    world.create("+r").await.unwrap();
    assert_eq!(told(&take(&mut feed)), "r@5 r@1 r@2");
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_cannot_keep_up_is_told_so() {
    let world = World::new().made(&["+r"]).await;
    let mut feed = world.hub.feed(&project()).await.unwrap();
    let batch = vec!["r x.a"; 4_096];
    world.publish(&batch).await.unwrap();
    assert_eq!(take(&mut feed).len(), 4_096);
    world.publish(&batch).await.unwrap();
    world.say(&["r x.a"]).await;
    assert_eq!(told(&take(&mut feed)), "lost");
}

#[tokio::test(start_paused = true)]
async fn a_feed_keeps_few_large_events() {
    let world = World::new().made(&["+r"]).await;
    let mut feed = world.hub.feed(&project()).await.unwrap();
    let large = format!(r#"r x.a {{"text":"{}"}}"#, "x".repeat(200 * 1024));
    let batch = vec![large.as_str(); 40];
    world.publish(&batch).await.unwrap();
    world.publish(&batch).await.unwrap();
    assert_eq!(take(&mut feed).len(), 80, "16 MB");
    for _ in 0..3 {
        world.publish(&batch).await.unwrap();
    }
    assert_eq!(told(&take(&mut feed)), "lost");
    let mut feed = world.hub.feed(&project()).await.unwrap();
    world.say(&[&large]).await;
    assert_eq!(told(&take(&mut feed)), "r@203");
}

#[tokio::test(start_paused = true)]
async fn a_run_can_be_waited_for_before_it_is_created() {
    let world = World::new().made(&["+r"]).await;
    let wait = |run: &'static str| {
        let hub = world.hub.clone();
        tokio::spawn(async move { hub.created(&project(), &id(run)).await })
    };
    wait("r").await.unwrap().unwrap();
    let (root, child, never) = (wait("later"), wait("child"), wait("never"));
    pass(1).await;
    // More than a feed keeps, and then what is waited for.
    for _ in 0..2 {
        world.publish(&vec!["r x.a"; 4_096]).await.unwrap();
    }
    pass(1).await;
    assert!(!root.is_finished() && !child.is_finished());
    world.create("later").await.unwrap();
    root.await.unwrap().unwrap();
    world.say(&[r#"child run.created {"kind":"k","parent":"r"}"#]).await;
    child.await.unwrap().unwrap();
    pass(60_000).await;
    assert!(!never.is_finished());
    world.hub.shutdown().await;
    assert!(matches!(never.await.unwrap(), Err(HubError::ShuttingDown)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Producers and joining readers in any order: each reader gets what follows its list, once, and in order.
    #[test]
    fn a_feed_has_everything_once(
        streams in proptest::collection::vec((0_u8..20, 1_usize..12, any::<bool>()), 1..6),
        joins in proptest::collection::vec(0_u8..40, 1..4),
    ) {
        paused(async {
            let world = World::new();
            let produce = streams.iter().enumerate().map(async |(at, (delay, count, ends))| {
                yields(*delay).await;
                world.create(&format!("+s{at}")).await.unwrap();
                for event in 0..*count {
                    let line = if event % 2 == 0 { "run.waiting" } else { "run.resumed" };
                    world.say(&[&format!("s{at} {line}")]).await;
                    yields(*delay % 3).await;
                }
                if *ends {
                    world.say(&[&format!("s{at} run.failed")]).await;
                }
            });
            let join = joins.iter().map(async |delay| {
                yields(*delay).await;
                world.hub.feed(&project()).await.unwrap()
            });
            let (_, mut feeds) = futures_util::future::join(join_all(produce), join_all(join)).await;
            for feed in &mut feeds {
                let items = take(feed);
                check(feed, &items, &world).await;
            }
        });
    }
}

async fn yields(count: u8) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

async fn check(feed: &Feed, items: &[FeedItem], world: &World) {
    let mut heads: HashMap<RunId, Cursor> = feed.runs().iter().map(|(run, cursor)| (run.id.clone(), *cursor)).collect();
    for item in items {
        let FeedItem::Event(frame) = item else { panic!("{item:?}") };
        let (stream, seq) = (frame.stream().clone(), frame.record().seq);
        // One that is not in the list began meanwhile, or was over when the list was made: then it comes from some event on.
        let over = world.story(stream.as_str(), 0).await.contains("run.failed");
        let head = heads.insert(stream, frame.cursor()).map_or(0, |head| head.seq);
        assert!(seq == head + 1 || (over && head == 0), "{} after {:?}", told(items), feed.runs());
    }
    for (stream, head) in &heads {
        assert_eq!(world.log(stream.as_str()).await.len() as u64, head.seq, "{stream} is complete");
    }
}
