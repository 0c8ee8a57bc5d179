//! Whatever happens in whatever order: every session gives exactly what its viewer needs, once.

use std::future::Future;

use milepost_core::{Cursor, EventType, Record, RunId, Tree};
use milepost_hub::{From, Item, SessionOptions, Views};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::viewer::{Viewer, check_complete, check_fold};
use crate::views::check_views;
use crate::world::{World, pass};

/// Runs `test` in paused time.
pub(crate) fn paused(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

#[derive(Debug, Clone)]
enum Step {
    /// A batch of events.
    Publish(Vec<(Index, u8)>),
    /// More than a ring holds.
    Burst,
    Open {
        top: Index,
        from: Begin,
        coalesce_ms: Option<u64>,
        views: Views,
    },
    /// Somebody looks, for so many hand-overs.
    Take {
        viewer: Index,
        turns: usize,
    },
    Pass(u64),
}

#[derive(Debug, Clone)]
enum Begin {
    Now,
    Start,
    After(Index),
}

const RUNS: &[&str] = &["r", "a", "b", "a1"];

fn step() -> impl Strategy<Value = Step> {
    let from = prop_oneof![Just(Begin::Now), Just(Begin::Start), any::<Index>().prop_map(Begin::After)];
    let interval = prop_oneof![Just(None), Just(Some(0)), Just(Some(30)), Just(Some(1_000))];
    let views = prop_oneof![Just(Views::Unneeded), Just(Views::Wanted)];
    let open = (any::<Index>(), from, interval, views);
    prop_oneof![
        12 => vec((any::<Index>(), 0_u8..24), 1..8).prop_map(Step::Publish),
        1 => Just(Step::Burst),
        4 => open.prop_map(|(top, from, coalesce_ms, views)| Step::Open { top, from, coalesce_ms, views }),
        8 => (any::<Index>(), 1_usize..4).prop_map(|(viewer, turns)| Step::Take { viewer, turns }),
        4 => (0_u64..150).prop_map(Step::Pass),
    ]
}

/// An event of `run`: mostly progress, of which a part says only a part.
fn line(run: &str, what: u8) -> String {
    match what {
        0..=7 => format!(r#"{run} run.progressed {{"current":{what},"total":10}}"#),
        8..=13 => format!(r#"{run} run.progressed {{"current":{}}}"#, what - 4),
        14..=16 => format!(r#"{run} run.progressed {{"message":"at {what}"}}"#),
        17 => format!(r#"{run} run.progressed {{"total":null,"message":null}}"#),
        18..=20 => format!(r#"{run} message.appended {{"message":"m","content":"{what}"}}"#),
        _ => format!(r#"{run} state.updated {{"key":"k","value":{what}}}"#),
    }
}

/// A viewer, and where it began: what it has before its first item.
struct Watching {
    viewer: Viewer,
    begin: u64,
    views: Views,
}

async fn play(steps: &[Step]) -> (World, Vec<Watching>) {
    let world = World::new().made(&["+r", r#"+a {"kind":"k","parent":"r"}"#]).await;
    let world = world.made(&[r#"+b {"kind":"k","parent":"r"}"#, r#"+a1 {"kind":"k","parent":"a"}"#]).await;
    let mut watching: Vec<Watching> = Vec::new();
    for step in steps {
        match step {
            Step::Publish(events) => {
                let lines: Vec<_> = events.iter().map(|(run, what)| line(RUNS[run.index(4)], *what)).collect();
                world.publish(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
            }
            Step::Burst => {
                let lines: Vec<_> = (0..1_100).map(|at: usize| line(RUNS[at % 4], (at % 24) as u8)).collect();
                world.publish(&lines.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
            }
            Step::Open { top, from, coalesce_ms, views } => {
                let head = world.snapshot("r").await.cursor;
                // Everybody exists from event 8 on.
                let (from, begin) = match from {
                    Begin::Now => (From::Now, head.seq),
                    Begin::Start => (From::Start, 0),
                    Begin::After(at) => {
                        let seq = 8 + at.index(usize::try_from(head.seq).unwrap() - 7) as u64;
                        (From::After(Cursor { seq, ..head }), seq)
                    }
                };
                let options = SessionOptions {
                    coalesce_ms: *coalesce_ms,
                    types: None,
                    views: *views,
                    ..SessionOptions::default()
                };
                let viewer = world.watch_with(RUNS[top.index(4)], from, options).await;
                watching.push(Watching { viewer, begin, views: *views });
            }
            Step::Take { viewer, turns } if !watching.is_empty() => {
                let at = viewer.index(watching.len());
                watching[at].viewer.take(*turns);
            }
            Step::Take { .. } => {}
            Step::Pass(ms) => pass(*ms).await,
        }
    }
    world.say(&["r run.completed"]).await;
    for Watching { viewer, .. } in &mut watching {
        viewer.take(usize::MAX);
    }
    (world, watching)
}

fn check(Watching { viewer, begin, views }: &Watching, states: &[Tree], log: &[Record]) {
    let whole = viewer.top.as_str() == "r";
    if whole {
        check_complete(viewer, *begin, states, log);
    } else {
        check_part(viewer, *begin, states, log);
    }
    // Who resumes has the state of its cursor; a part of it, where it watches a part.
    let own = |seq: u64| states[usize::try_from(seq).unwrap()].snapshot_of(&viewer.top, log[0].time).map(Tree::from);
    let first_is_snapshot = matches!(viewer.items().next(), Some(Item::Snapshot(_)));
    check_fold(viewer, if first_is_snapshot { None } else { own(*begin) }, states);
    check_views(viewer.items(), *views, states);
    let last = viewer.items().last();
    assert!(matches!(last, Some(Item::End(cursor)) if cursor.seq == log.len() as u64), "{last:?}");
    assert_eq!(viewer.items().filter(|item| matches!(item, Item::CaughtUp(_))).count(), 1);
    assert!(!viewer.items().any(|item| matches!(item, Item::Reset(_) | Item::Closed)));
}

/// A part's viewer gets every event of the part that is not progress, once and in order, nothing of others, and of progress what supersedes the rest.
fn check_part(viewer: &Viewer, begin: u64, states: &[Tree], log: &[Record]) {
    let within = |run: &RunId| states[states.len() - 1].is_within(run, &viewer.top);
    let begin = match viewer.items().next() {
        Some(Item::Snapshot(shown)) => shown.snapshot().seq,
        _ => begin,
    };
    let delivered = viewer.items().filter_map(|item| match item {
        Item::Event { frame, .. } => Some(frame.record().clone()),
        _ => None,
    });
    let delivered: Vec<_> = delivered.collect();
    assert!(delivered.iter().is_sorted_by(|a, b| a.seq < b.seq));
    assert!(delivered.iter().all(|record| within(&record.run)));
    let expected = log.iter().filter(|record| record.seq > begin && within(&record.run));
    for record in expected {
        let found = delivered.iter().find(|delivered| delivered.seq >= record.seq && delivered.run == record.run);
        let instead = record.event_type == EventType::RunProgressed
            && found.is_some_and(|found| found.event_type == EventType::RunProgressed);
        assert!(found.is_some_and(|found| found.seq == record.seq) || instead, "{} is missing", record.seq);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_session_gives_what_its_viewer_needs(steps in vec(step(), 1..40)) {
        paused(async {
            let (world, watching) = play(&steps).await;
            let (states, log) = (world.states("r").await, world.log("r").await);
            for watching in &watching {
                check(watching, &states, &log);
            }
        });
    }
}
