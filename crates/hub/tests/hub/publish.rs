//! Creating and publishing: each thing once, all or nothing.

use futures_util::future::join_all;
use milepost_core::{Cursor, Epoch, Project};
use milepost_hub::{NewRun, Publish, Published};

use crate::viewer::is_quiet;
use crate::world::{World, code, draft, id, project};

#[tokio::test(start_paused = true)]
async fn a_run_created_twice_is_one_run_with_one_answer() {
    let world = World::new().made(&["r"]).await;
    assert_eq!(world.create("+r").await.unwrap().seq, 1, "never past the head");
    let world = world.made(&[r#"c {"kind":"k","parent":"r"}"#]).await;
    world.say(&["r x.more", "r run.started"]).await;
    for (line, seq, existed) in [
        ("+s", 2, false),
        ("r", 1, true),
        (r#"c {"kind":"k","parent":"r"}"#, 2, true),
        (r#"+d {"kind":"k","parent":"r"}"#, 6, false),
        ("+s", 2, true),
        (r#"+d {"kind":"k","parent":"r"}"#, 6, true),
    ] {
        let created = world.create(line).await.unwrap();
        assert_eq!((created.seq, created.cursor.seq, created.existed), (seq, seq, existed), "{line}");
    }
    // The answer stays when nothing could be created any more.
    world.cancel("r", 30).await.unwrap();
    assert!(world.create(r#"c {"kind":"k","parent":"r"}"#).await.unwrap().existed);
}

#[tokio::test(start_paused = true)]
async fn a_run_id_is_one_run_of_its_project() {
    let world = World::new().made(&["r", r#"c {"kind":"k","parent":"r"}"#, "s"]).await;
    for line in [
        r#"r {"kind":"other"}"#,
        r#"r {"kind":"k","parent":"s"}"#,
        r#"c {"kind":"k","parent":"s"}"#,
        r#"c {"kind":"k"}"#,
        r#"s {"kind":"k","parent":"r"}"#,
    ] {
        assert_eq!(code(world.create(line).await), "run_exists", "{line}");
    }
    assert_eq!(code(world.create(r#"x {"kind":"k","parent":"nobody"}"#).await), "run_not_found");
    assert_eq!((world.log("r").await.len(), world.log("s").await.len()), (2, 1), "nothing was written");
    assert_eq!(code(world.publish(&["nobody run.started"]).await), "run_not_found");
    let other = Project::new("other").unwrap();
    assert_eq!(code(world.hub.snapshot(&other, &id("r")).await), "run_not_found");
    let new = NewRun { run: id("c"), created: draft_created(), started: false, lease: None };
    assert!(!world.hub.create(&other, new).await.unwrap().existed, "another project has its own names");
}

fn draft_created() -> milepost_core::event::RunCreated {
    match draft(r#"c run.created {"kind":"k"}"#).body {
        milepost_core::Body::RunCreated(created) => created,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_commands_at_once_one_that_cannot_be_leaves_the_others_alone() {
    let world = World::new().made(&["r", "taken"]).await;
    let taken = [r#"taken {"kind":"k","parent":"r"}"#];
    let lines: Vec<_> = (0..9).map(|at| format!(r#"c{at} {{"kind":"k","parent":"r"}}"#)).collect();
    let all = lines[..5].iter().map(String::as_str).chain(taken).chain(lines[5..].iter().map(String::as_str));
    let answers = join_all(all.map(|line| world.create(line))).await;
    let seqs: Vec<_> = answers.iter().map(|answer| answer.as_ref().map_or(0, |created| created.seq)).collect();
    assert_eq!(seqs, [2, 3, 4, 5, 6, 0, 7, 8, 9, 10]);
    assert_eq!(world.log("r").await.len(), 10);
}

fn seqs(published: &Published) -> Vec<(u64, bool)> {
    published.events.iter().map(|event| (event.seq, event.duplicate)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_id_is_stored_once() {
    let world = World::new().made(&["+r"]).await;
    let in_one_batch = world.publish(&["#a r x.a", "r x.b", "#a r x.other", "#c r x.c"]).await.unwrap();
    assert_eq!(seqs(&in_one_batch), [(3, false), (4, false), (3, true), (5, false)]);
    assert_eq!(in_one_batch.seq, 5);
    let later = world.publish(&["#a r x.a", "#d r x.d"]).await.unwrap();
    assert_eq!(seqs(&later), [(3, true), (6, false)]);
    let world = world.crashed().await;
    let after_a_crash = world.publish(&["#d r x.d", "#e r x.e", "#a r x.a"]).await.unwrap();
    assert_eq!(seqs(&after_a_crash), [(6, true), (7, false), (3, true)]);
    // A duplicate is told as one even where the event could not happen any more.
    world.say(&["#end r run.completed"]).await;
    assert_eq!(seqs(&world.publish(&["#end r run.completed"]).await.unwrap()), [(8, true)]);
    assert_eq!(world.story("r", 2).await, "r x.a, r x.b, r x.c, r x.d, r x.e, r run.completed");
}

#[tokio::test(start_paused = true)]
async fn ids_of_what_was_refused_are_free() {
    let world = World::new().made(&["+r"]).await;
    assert_eq!(code(world.publish(&["#a r x.a", "r run.resumed"]).await), "illegal_transition");
    assert_eq!(seqs(&world.publish(&["#a r x.a"]).await.unwrap()), [(3, false)]);
    world.wire.break_appends(true);
    assert_eq!(code(world.publish(&["#b r x.b"]).await), "store_unavailable");
    world.wire.break_appends(false);
    assert_eq!(seqs(&world.publish(&["#b r x.b"]).await.unwrap()), [(4, false)]);
}

#[tokio::test(start_paused = true)]
async fn ids_of_the_servers_form_are_the_servers() {
    let world = World::new().made(&["+r"]).await;
    let cursor = world.snapshot("r").await.cursor;
    let made_by_the_server = cursor.to_string();
    let published = world.publish(&[&format!("#{made_by_the_server} r x.a")]).await.unwrap();
    assert_eq!(seqs(&published), [(2, true)], "an event that was read from the log is known");
    let next = Cursor { seq: cursor.seq + 7, ..cursor };
    assert_eq!(code(world.publish(&[&format!("#{next} r x.a")]).await), "event_id_reserved");
    world.say(&["#0-9 r x.a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_all_or_nothing() {
    let world = World::new().made(&["+r"]).await;
    let mut viewer = world.watch("r", milepost_hub::From::Now).await;
    assert_eq!(viewer.seen(), "snapshot@2 caught_up@2");
    let before = world.snapshot("r").await;
    for batch in [
        &["r x.a", r#"c run.created {"kind":"k","parent":"r"}"#, "c run.completed"][..],
        &["r run.completed", "r x.a"],
        &["r x.a", "nobody x.a"],
        &["r run.cancel_requested"],
    ] {
        world.publish(batch).await.unwrap_err();
        assert_eq!(world.snapshot("r").await, before);
        assert!(is_quiet(&mut viewer));
    }
    assert_eq!(world.log("r").await.len(), 2);
    let batch = [r#"c run.created {"kind":"k","parent":"r"}"#, "c run.started", "c run.completed", "r run.completed"];
    assert_eq!(seqs(&world.publish(&batch).await.unwrap()), [(3, false), (4, false), (5, false), (6, false)]);
}

#[tokio::test(start_paused = true)]
async fn if_match_compares_and_appends() {
    let world = World::new().made(&["+r"]).await;
    let Some(epoch) = world.snapshot("r").await.cursor.epoch else { panic!("a cursor of the server has an epoch") };
    let publish = async |if_match| {
        let publish = Publish { drafts: vec![draft("r x.a")], if_match: Some(if_match), lease: None };
        world.hub.publish(&project(), &id("r"), publish).await.map(|published| published.seq)
    };
    let at = |epoch: Option<Epoch>, seq| Cursor { epoch, seq };
    for stale in [at(Some(epoch), 1), at(None, 3), at(Some(Epoch(epoch.0 ^ 1)), 2)] {
        assert_eq!(code(publish(stale).await), "head_moved", "{stale}");
    }
    assert_eq!(publish(at(Some(epoch), 2)).await.unwrap(), 3);
    assert_eq!(publish(at(None, 3)).await.unwrap(), 4);
    // Of two that saw the same head one wins.
    let both = join_all([publish(at(None, 4)), publish(at(None, 4))]).await;
    assert_eq!(both.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(world.log("r").await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn cancellation_is_asked_for_once_and_told_with_every_answer() {
    let world = World::new().made(&["+r", r#"+c {"kind":"k","parent":"r"}"#]).await;
    let first = world.cancel("r", 30).await.unwrap();
    assert_eq!(world.cancel("r", 99).await.unwrap(), first);
    assert_eq!(world.cancel("c", 99).await.unwrap().cancel, first.cancel);
    assert_eq!(code(world.publish(&["c x.a"]).await), "run_cancelling");
    let answer = world.publish(&["c run.cancelled"]).await.unwrap();
    assert_eq!(answer.cancel.unwrap(), first);
    assert_eq!(code(world.cancel("c", 0).await), "run_terminal");
    world.say(&["r run.cancelled"]).await;
    assert_eq!(code(world.cancel("r", 0).await), "run_terminal");
    let expect = "r run.cancel_requested, c run.cancelled, r run.cancelled";
    assert_eq!(world.story("r", 4).await, expect);
}
