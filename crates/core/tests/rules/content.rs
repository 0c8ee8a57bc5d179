//! Values, messages and artifacts.

use milepost_core::caps;
use milepost_core::run::ArtifactState;
use serde_json::{Value, json};

use crate::check;
use crate::common::{Play, id};

const ROOT: &str = r#"r run.created {"kind":"k"}"#;

/// What `updates` make of the values of a run: all values, or the code of the refusal of the last one.
fn values(updates: &[&str]) -> Result<Value, &'static str> {
    let mut play = Play::of(&[ROOT]);
    let mut last = Ok(Vec::new());
    for update in updates {
        last = play.say(&format!("r state.updated {update}"));
    }
    let values = serde_json::to_value(&*play.run("r").values).unwrap();
    last.map(|_| values).map_err(|refusal| refusal.code().as_str())
}

#[test]
fn values_are_replaced_or_patched() {
    let one = r#"{"key":"a","value":{"n":[1]}}"#;
    let moved = r#"{"patch":[{"op":"move","from":"/a/n","path":"/m"},{"op":"remove","path":"/a"}]}"#;
    let cases: [(&[&str], Value); 7] = [
        (&[one], json!({"a": {"n": [1]}})),
        (&[one, r#"{"key":"a","value":null}"#], json!({"a": null})),
        (&[one, r#"{"key":"b","value":2}"#], json!({"a": {"n": [1]}, "b": 2})),
        // A patch of one key.
        (&[one, r#"{"key":"a","patch":[{"op":"add","path":"/n/-","value":2}]}"#], json!({"a": {"n": [1, 2]}})),
        (&[r#"{"key":"new","patch":[{"op":"add","path":"","value":{}}]}"#], json!({"new": {}})),
        // A patch of all of them.
        (&[one, moved], json!({"m": [1]})),
        (&[one, r#"{"patch":[{"op":"test","path":"/a/n/0","value":1}]}"#], json!({"a": {"n": [1]}})),
    ];
    for (updates, expect) in cases {
        assert_eq!(values(updates), Ok(expect), "{updates:?}");
    }
}

#[test]
fn a_patch_that_does_not_apply_changes_nothing() {
    let one = r#"{"key":"a","value":1}"#;
    for (update, code) in [
        (r#"{"key":"a","patch":[{"op":"remove","path":"/x"}]}"#, "patch_failed"),
        (r#"{"patch":[{"op":"add","path":"/b","value":1},{"op":"test","path":"/a","value":2}]}"#, "patch_failed"),
        (r#"{"patch":[{"op":"replace","path":"","value":[]}]}"#, "patch_failed"),
        (r#"{}"#, "invalid_event"),
        (r#"{"key":"a"}"#, "invalid_event"),
        (r#"{"value":1}"#, "invalid_event"),
        (r#"{"key":"a","value":1,"patch":[]}"#, "invalid_event"),
    ] {
        assert_eq!(values(&[one, update]), Err(code), "{update}");
        check(&[ROOT, &format!("r state.updated {one}")], &format!("r state.updated {update}"), &[code]);
    }
}

#[test]
fn a_message_grows_until_it_is_final() {
    let mut play = Play::of(&[
        ROOT,
        r#"r message.appended {"message":"m","role":"user","content":"Grüß"}"#,
        r#"r message.appended {"message":"n","content":"x"}"#,
        r#"r message.appended {"message":"m","role":"ignored","content":" Gott","final":true}"#,
    ]);
    let messages = play.snapshot().messages;
    let told: Vec<_> = messages.iter().map(|m| (&*m.role, m.content.as_str(), m.is_final)).collect();
    assert_eq!(told, [("user", "Grüß Gott", true), ("assistant", "x", false)]);
    let refusal = play.say(r#"r message.appended {"message":"m"}"#).unwrap_err();
    assert_eq!(refusal.code().as_str(), "message_final");
    play.go_on(&[r#"r message.appended {"message":"n","content":"y"}"#]);
}

#[test]
fn messages_of_two_runs_may_have_one_id() {
    let play = Play::of(&[
        ROOT,
        r#"c run.created {"kind":"k","parent":"r"}"#,
        r#"r message.appended {"message":"m","content":"r","final":true}"#,
        r#"c message.appended {"message":"m","content":"c"}"#,
    ]);
    let content = |run| play.tree.message(&id(run), &"m".parse().unwrap()).unwrap().content.clone();
    assert_eq!((content("r"), content("c")), ("r".to_owned(), "c".to_owned()));
}

#[test]
fn texts_are_kept_up_to_the_bound_and_the_rest_is_counted() {
    let mut play = Play::of(&[ROOT]);
    // 'ä' has two bytes and begins one byte before the bound, so it does not fit.
    let long = "x".repeat(caps::TEXT_KEPT_BYTES - 1);
    play.go_on(&[&format!(r#"r message.appended {{"message":"m","content":"{long}ä"}}"#)]);
    play.go_on(&[&format!(r#"r artifact.appended {{"artifact":"a","chunk":"{long}äö"}}"#)]);
    play.go_on(&[r#"r artifact.appended {"artifact":"a","chunk":"12"}"#]);
    let snapshot = play.snapshot();
    let message = &snapshot.messages[0];
    assert_eq!((message.content.len(), message.omitted_bytes), (caps::TEXT_KEPT_BYTES - 1, 2));
    let artifact = &snapshot.artifacts[0];
    let text = artifact.text.as_ref().unwrap();
    assert_eq!((text.len(), text.ends_with('1'), artifact.text_omitted_bytes), (caps::TEXT_KEPT_BYTES, true, 5));
}

#[test]
fn old_messages_leave_the_snapshot_first() {
    let mut play = Play::of(&[ROOT]);
    for at in 0..caps::MESSAGES_KEPT + 2 {
        play.go_on(&[&format!(r#"r message.appended {{"message":"m{at}"}}"#)]);
    }
    let snapshot = play.snapshot();
    assert_eq!((snapshot.messages.len(), snapshot.messages_omitted), (caps::MESSAGES_KEPT, 2));
    assert_eq!(snapshot.messages[0].message.as_str(), "m2");
}

#[test]
fn a_ready_artifact_never_changes() {
    let ready = r#"r artifact.ready {"artifact":"a","artifact_type":"post","size":3,"sha256":"s","url":"u"}"#;
    for again in [
        ready,
        r#"r artifact.pending {"artifact":"a"}"#,
        r#"r artifact.appended {"artifact":"a","chunk":"x"}"#,
        r#"r artifact.failed {"artifact":"a"}"#,
    ] {
        check(&[ROOT, ready], again, &["artifact_exists"]);
    }
    let other = r#"r artifact.pending {"artifact":"b"}"#;
    check(&[ROOT, ready], other, &[other]);
}

#[test]
fn an_artifact_comes_into_being() {
    let lines = [
        ROOT,
        r#"r artifact.pending {"artifact":"a","artifact_type":"image","name":"cover"}"#,
        r#"r artifact.failed {"artifact":"a","error":{"code":"boom"}}"#,
        r#"r artifact.pending {"artifact":"a"}"#,
        r#"r artifact.ready {"artifact":"a","media_type":"image/png","size":7}"#,
    ];
    let states = [ArtifactState::Pending, ArtifactState::Failed, ArtifactState::Pending, ArtifactState::Ready];
    for (upto, state) in (2..=5).zip(states) {
        assert_eq!(Play::of(&lines[..upto]).snapshot().artifacts[0].state, state);
    }
    let artifact = &Play::of(&lines).snapshot().artifacts[0];
    assert_eq!((artifact.artifact_type.as_deref(), artifact.name.as_deref()), (Some("image"), Some("cover")));
    assert_eq!((artifact.media_type.as_deref(), artifact.size, &artifact.error), (Some("image/png"), Some(7), &None));
    check(&[ROOT], r#"r artifact.appended {"artifact":"a"}"#, &["invalid_event"]);
    check(&[ROOT], r#"r artifact.appended {"artifact":"a","chunk":"x","bytes":{}}"#, &["invalid_event"]);
}
