//! Real threads and real time: producers and viewers all at once, with nothing to order them but the hub.

use milepost_hub::{From, Item, SessionOptions};

use crate::viewer::{Viewer, check_complete, check_fold};
use crate::world::World;

const PRODUCERS: usize = 4;
const VIEWERS: u64 = 6;
const ROUNDS: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_misses_anything_under_load() {
    let world = std::sync::Arc::new(World::new().made(&["+r"]).await);
    let produce = (0..PRODUCERS).map(|at| {
        let world = world.clone();
        tokio::spawn(async move {
            world.create(&format!(r#"+c{at} {{"kind":"k","parent":"r"}}"#)).await.unwrap();
            for round in 0..ROUNDS {
                let report = format!(r#"c{at} run.progressed {{"current":{round},"total":{ROUNDS}}}"#);
                let message = format!(r#"c{at} message.appended {{"message":"m","content":"{round}"}}"#);
                let batch = [report.as_str(), &report, &message];
                world.publish(&batch[..1 + round % 3]).await.unwrap();
            }
        })
    });
    let produce: Vec<_> = produce.collect();
    let watch = (0..VIEWERS).map(|at| {
        let world = world.clone();
        tokio::spawn(async move {
            for _ in 0..at * 20 {
                tokio::task::yield_now().await;
            }
            let from = if at % 2 == 0 { From::Now } else { From::Start };
            let options = SessionOptions { coalesce_ms: (at % 3 == 0).then_some(at), ..SessionOptions::default() };
            let mut viewer = world.watch_with("r", from, options).await;
            while !viewer.session.is_done() {
                viewer.next().await;
            }
            viewer
        })
    });
    let watch: Vec<_> = watch.collect();
    for producer in produce {
        producer.await.unwrap();
    }
    world.say(&["r run.completed"]).await;
    let (states, log) = (world.states("r").await, world.log("r").await);
    for viewer in watch {
        let viewer: Viewer = viewer.await.unwrap();
        check_complete(&viewer, 0, &states, &log);
        check_fold(&viewer, None, &states);
        assert!(matches!(viewer.items().last(), Some(Item::End(cursor)) if cursor.seq == log.len() as u64));
    }
}
