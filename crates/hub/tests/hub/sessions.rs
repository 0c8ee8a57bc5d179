//! One viewer's way through a stream.

use std::cell::Cell;
use std::time::Duration;

use milepost_core::Cursor;
use milepost_hub::{AtEnd, Frame, From, Item, SessionOptions};

use crate::viewer::{check_complete, check_fold, is_quiet};
use crate::world::{World, id, pass, project};

fn after(seq: u64) -> From {
    From::After(Cursor { epoch: None, seq })
}

fn every(coalesce_ms: u64) -> SessionOptions {
    SessionOptions { coalesce_ms: Some(coalesce_ms), ..SessionOptions::default() }
}

/// Progress of `run`, at `current` of 10.
fn at(run: &str, current: u32) -> String {
    format!(r#"{run} run.progressed {{"current":{current},"total":10}}"#)
}

async fn progress(world: &World, steps: &[(&str, u32)]) {
    for (run, current) in steps {
        world.say(&[&at(run, *current)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_begins_anywhere_and_misses_nothing() {
    // From the ring, and after a restart from the log.
    let mut world = World::new().made(&["+r"]).await;
    world.say(&["r x.a", "r x.b", "r x.c"]).await;
    for _ in 0..2 {
        assert_eq!(world.watch("r", From::Now).await.seen(), "snapshot@5 caught_up@5");
        assert_eq!(world.watch("r", From::Start).await.seen(), "1 2 3 4 5 caught_up@5");
        for begin in 0..=5 {
            let events = (begin + 1..=5).map(|seq| format!("{seq} ")).collect::<String>();
            let mut viewer = world.watch("r", after(begin)).await;
            assert_eq!(viewer.seen(), format!("{events}caught_up@5"), "after {begin}");
            assert!(is_quiet(&mut viewer));
        }
        world = world.crashed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_cannot_be_continued_gives_a_reset() {
    let world = World::new().made(&["+r"]).await;
    let cursor = world.snapshot("r").await.cursor;
    let epoch = cursor.epoch.map(|epoch| milepost_core::Epoch(epoch.0 ^ 1));
    let cases = [
        (Cursor { epoch, seq: 1 }, "reset:epoch snapshot@2 caught_up@2"),
        (Cursor { epoch, seq: 9 }, "reset:epoch snapshot@2 caught_up@2"),
        (Cursor { seq: 3, ..cursor }, "reset:ahead snapshot@2 caught_up@2"),
        (Cursor { epoch: None, seq: u64::MAX }, "reset:ahead snapshot@2 caught_up@2"),
        (Cursor { seq: 1, ..cursor }, "2 caught_up@2"),
        (cursor, "caught_up@2"),
    ];
    for (cursor, expect) in cases {
        let mut viewer = world.watch("r", From::After(cursor)).await;
        assert_eq!(viewer.seen(), expect, "{cursor}");
        world.wire.take_reads();
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_session_is_woken() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch("r", From::Now).await;
    viewer.seen();
    // A task of its own, which nothing but the session wakes.
    let watcher = tokio::spawn(async move { (viewer.next().await, viewer.session.cursor().seq) });
    pass(10).await;
    world.say(&["r x.a"]).await;
    let seen = tokio::time::timeout(Duration::from_secs(1), watcher).await.unwrap().unwrap();
    assert_eq!(seen, ("3".to_owned(), 3));
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_all_is_said() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch("r", From::Now).await;
    let mut auditor = world.watch("r", From::Now).await;
    assert_eq!(viewer.seen(), auditor.seen());
    world.publish(&["r run.completed", "r run.audit_started"]).await.unwrap();
    assert_eq!((viewer.seen().as_str(), viewer.session.is_done()), ("3 4", false), "an audit goes on");
    world.say(&["r run.audited"]).await;
    assert_eq!((viewer.seen().as_str(), viewer.session.is_done()), ("5 end@5", true));
    assert_eq!(viewer.seen(), "", "and stays ended");
    assert_eq!(world.watch("r", From::Start).await.seen(), "1 2 3 4 5 caught_up@5 end@5");
    assert_eq!(world.watch("r", From::Now).await.seen(), "snapshot@5 caught_up@5 end@5");
    assert_eq!(world.watch("r", after(5)).await.seen(), "caught_up@5 end@5");
    for (from, expect) in
        [(after(5), true), (after(4), false), (after(6), false), (From::Now, false), (From::Start, false)]
    {
        assert_eq!(world.watch("r", from).await.session.is_at_end(), expect, "{from:?}");
    }
    assert_eq!(auditor.seen(), "3 4 5 end@5");
}

#[tokio::test(start_paused = true)]
async fn a_viewer_may_stay_for_an_audit_that_begins_later() {
    let world = World::new().made(&["+r"]).await;
    let stay = SessionOptions { at_end: AtEnd::Stay, ..SessionOptions::default() };
    let mut viewer = world.watch_with("r", From::Now, stay.clone()).await;
    viewer.seen();
    world.say(&["r run.completed"]).await;
    assert_eq!((viewer.seen().as_str(), viewer.session.is_done()), ("3 end@3", false));
    // Longer than a stream stays in the memory that nobody watches.
    pass(600_000).await;
    assert_eq!(viewer.seen(), "", "told once");
    world.say(&["r run.audit_started", "r run.audited"]).await;
    assert_eq!((viewer.seen().as_str(), viewer.session.is_done()), ("4 5 end@5", false));
    assert_eq!(world.watch_with("r", after(5), stay).await.seen(), "caught_up@5 end@5");
    world.hub.delete(&project(), &id("r")).await.unwrap();
    viewer.seen();
    assert!(viewer.session.is_done(), "there is nothing to stay for");
}

#[tokio::test(start_paused = true)]
async fn progress_comes_at_most_every_100_ms_the_first_at_once() {
    let world = World::new().made(&["+r", r#"+c {"kind":"k","parent":"r"}"#]).await;
    let mut viewer = world.watch("r", From::Now).await;
    viewer.seen();
    progress(&world, &[("r", 1)]).await;
    assert_eq!(viewer.seen(), "5", "the first at once");
    progress(&world, &[("r", 2), ("r", 3)]).await;
    assert!(is_quiet(&mut viewer));
    pass(99).await;
    assert!(is_quiet(&mut viewer));
    let begin = tokio::time::Instant::now();
    assert_eq!((viewer.next().await.as_str(), begin.elapsed().as_millis()), ("7<6", 1), "woken when it is due");
    // Whatever is not progress takes what is held along, before it.
    progress(&world, &[("r", 4), ("c", 1), ("r", 5)]).await;
    assert!(is_quiet(&mut viewer));
    world.say(&["r x.a"]).await;
    assert_eq!(viewer.seen(), "9<8 10 11");
    pass(1_000).await;
    assert!(is_quiet(&mut viewer));
    check_complete(&viewer, 4, &world.states("r").await, &world.log("r").await);
    check_fold(&viewer, None, &world.states("r").await);
}

/// Not in paused time: there, timers go off exactly when they are due, and real ones a little later.
#[tokio::test]
async fn the_last_report_of_a_burst_comes_by_itself() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch_with("r", From::Now, every(30)).await;
    viewer.seen();
    for seq in 0..5 {
        progress(&world, &[("r", 1), ("r", 2)]).await;
        let last = (4 + 2 * seq).to_string();
        let came = async { while !viewer.next().await.split(' ').any(|word| word.split('<').next() == Some(&last)) {} };
        tokio::time::timeout(Duration::from_secs(10), came).await.expect("it is not held back for ever");
    }
}

#[tokio::test(start_paused = true)]
async fn a_viewer_chooses_its_pace() {
    let world = World::new().made(&["+r"]).await;
    let mut all = world.watch_with("r", From::Now, every(0)).await;
    let mut slow = world.watch_with("r", From::Now, every(5_000)).await;
    assert_eq!(all.seen(), slow.seen());
    progress(&world, &[("r", 1), ("r", 2), ("r", 3), ("r", 4)]).await;
    assert_eq!(all.seen(), "3 4 5 6");
    pass(200).await;
    progress(&world, &[("r", 5)]).await;
    assert_eq!((all.seen().as_str(), slow.seen().as_str()), ("7", "7<3"), "of what it slept through, the latest");
    progress(&world, &[("r", 6), ("r", 7)]).await;
    pass(4_999).await;
    assert!(is_quiet(&mut slow));
    pass(2).await;
    assert_eq!(slow.seen(), "9<8");
    // A replay is as the log has it, unless the viewer asked for an interval.
    assert_eq!(world.watch("r", after(5)).await.seen(), "6 7 8 9 caught_up@9");
    assert_eq!(world.watch_with("r", after(5), every(100)).await.seen(), "9<6 caught_up@9");
}

#[tokio::test(start_paused = true)]
async fn held_progress_goes_out_before_the_end() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch("r", From::Now).await;
    viewer.seen();
    progress(&world, &[("r", 1)]).await;
    viewer.seen();
    progress(&world, &[("r", 2), ("r", 3)]).await;
    assert!(is_quiet(&mut viewer));
    world.say(&["r run.failed"]).await;
    assert_eq!(viewer.seen(), "5<4 6 end@6");
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_tree_is_watched_alone() {
    let world = World::new().made(&["+r"]).await;
    for line in
        [r#"+a {"kind":"k","parent":"r"}"#, r#"+b {"kind":"k","parent":"r"}"#, r#"+a1 {"kind":"k","parent":"a"}"#]
    {
        world.create(line).await.unwrap();
    }
    let mut viewer = world.watch("a", From::Now).await;
    assert_eq!(viewer.seen(), "snapshot@8 caught_up@8");
    world.say(&["b x.a", "a x.b", "r x.c"]).await;
    assert_eq!((viewer.seen().as_str(), viewer.session.cursor().seq), ("10", 11), "the cursor moves over the others");
    world.say(&["a1 x.d", r#"a2 run.created {"kind":"k","parent":"a1"}"#, "a2 x.e", "b x.f"]).await;
    assert_eq!(viewer.seen(), "12 13 14");
    assert_eq!(world.watch("a", From::Start).await.seen(), "3 4 7 8 10 12 13 14 caught_up@15");
    // It ends with the tree.
    world.say(&["a run.completed"]).await;
    assert_eq!(viewer.seen(), "16 17 18");
    world.say(&["r run.completed"]).await;
    assert_eq!(viewer.seen(), "end@20");
    check_fold(&viewer, None, &world.states("r").await);
}

#[tokio::test(start_paused = true)]
async fn a_filter_leaves_out_and_the_cursor_moves() {
    let world = World::new().made(&["+r"]).await;
    let types = |text: &str| SessionOptions { types: Some(text.parse().unwrap()), ..SessionOptions::default() };
    let mut viewer = world.watch_with("r", From::Start, types("run.*,x.wanted")).await;
    assert_eq!(viewer.seen(), "1 2 caught_up@2");
    world.say(&["r x.other", "r x.wanted", "r x.other"]).await;
    assert_eq!((viewer.seen().as_str(), viewer.session.cursor().seq), ("4", 5));
    // While progress is held back the cursor stays before it.
    progress(&world, &[("r", 1)]).await;
    viewer.seen();
    progress(&world, &[("r", 2)]).await;
    world.say(&["r x.other"]).await;
    assert_eq!((viewer.seen().as_str(), viewer.session.cursor().seq), ("", 6));
    pass(101).await;
    assert_eq!((viewer.seen().as_str(), viewer.session.cursor().seq), ("7", 8));
}

/// `count` messages in batches.
async fn burst(world: &World, count: usize) {
    let lines = vec![r#"r message.appended {"message":"m","content":"x"}"#; count];
    for batch in lines.chunks(5_000) {
        world.publish(batch).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_falls_out_of_the_ring_reads_the_log() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch("r", From::Now).await;
    viewer.seen();
    burst(&world, 3_000).await;
    world.wire.take_reads();
    viewer.take(usize::MAX);
    assert!(!world.wire.take_reads().is_empty(), "from the log");
    let states = world.states("r").await;
    check_complete(&viewer, 2, &states, &world.log("r").await);
    assert_eq!(viewer.session.cursor().seq, 3_002);
    assert!(viewer.turns.iter().all(|turn| turn.len() <= 300), "what is handed over at once is bounded");
    burst(&world, 10).await;
    viewer.take(usize::MAX);
    assert!(world.wire.take_reads().is_empty(), "from the ring again");
    assert_eq!(viewer.session.cursor().seq, 3_012);
}

#[tokio::test(start_paused = true)]
async fn who_is_hopelessly_behind_gets_a_snapshot() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch("r", From::Now).await;
    viewer.seen();
    burst(&world, 20_001).await;
    assert_eq!(viewer.seen(), "reset:too_slow snapshot@20003");
    world.say(&["r x.a"]).await;
    assert_eq!(viewer.seen(), "20004");
    // A replay may be as long as it likes.
    let mut replay = world.watch("r", From::Start).await;
    replay.take(usize::MAX);
    assert_eq!(replay.session.cursor().seq, 20_004);
    assert_eq!(world.hub.snapshot(&project(), &id("r")).await.unwrap().snapshot().seq, 20_004);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_made_once_for_everybody() {
    let world = World::new().made(&["+r"]).await;
    let made = Cell::new(0);
    let mut viewers = Vec::new();
    for _ in 0..3 {
        let mut viewer = world.watch("r", From::Now).await;
        viewer.seen();
        viewers.push(viewer);
    }
    progress(&world, &[("r", 1)]).await;
    viewers.iter_mut().for_each(|viewer| assert_eq!(viewer.seen(), "3"));
    progress(&world, &[("r", 2), ("r", 3)]).await;
    world.say(&["r x.a"]).await;
    let encode = |frame: &Frame, from: Option<u64>| {
        made.set(made.get() + 1);
        format!("{}<{from:?}", frame.record().seq).into()
    };
    for viewer in &mut viewers {
        let bytes: Vec<_> = viewer
            .take(usize::MAX)
            .iter()
            .map(|item| match item {
                Item::Event { frame, coalesced_from } => frame.encoded(*coalesced_from, encode),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(bytes, ["5<Some(4)", "6<None"]);
    }
    assert_eq!(made.get(), 2);
    // Who missed something else gets other bytes, and those of the others stay.
    let other = world.watch_with("r", after(3), every(0)).await.take(usize::MAX);
    let Some(Item::Event { frame, .. }) = other.get(1) else { panic!("{other:?}") };
    assert_eq!(frame.encoded(None, encode), "5<None");
    assert_eq!(frame.encoded(Some(3), encode), "5<Some(3)");
    assert_eq!(frame.encoded(Some(4), encode), "5<Some(4)");
    assert_eq!(made.get(), 4);
    let shown = async || world.hub.snapshot(&project(), &id("r")).await.unwrap();
    let (first, second) = (shown().await, shown().await);
    assert!(std::sync::Arc::ptr_eq(&first, &second), "a snapshot is made once per state");
}
