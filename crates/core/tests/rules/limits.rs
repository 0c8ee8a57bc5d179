//! Every bound, at it and one beyond.

use milepost_core::caps;
use milepost_core::decide::Author;

use crate::common::{Play, body, id};

const ROOT: &str = r#"r run.created {"kind":"k"}"#;

/// `make(at)` is taken at the bound and refused with `code` one beyond.
fn bounded(max: usize, code: &str, make: impl Fn(usize) -> String) {
    for (count, expect) in [(max, None), (max + 1, Some(code))] {
        let line = make(count);
        let mut play = if line.contains("\"kind\"") && line.starts_with("r ") {
            Play::new()
        } else {
            Play::of(&[ROOT, "r run.started"])
        };
        let refused = play.say(&line).err().map(|refusal| refusal.code().as_str());
        assert_eq!(refused, expect, "{}", &line[..line.len().min(200)]);
    }
}

/// `count` characters of two bytes each.
fn wide(count: usize) -> String {
    "ä".repeat(count)
}

#[test]
fn labels() {
    for template in [
        r#"r run.created {"kind":"k","name":"$"}"#,
        r#"r run.progressed {"stage":"$"}"#,
        r#"r run.progressed {"unit":"$"}"#,
        r#"!r run.cancel_requested {"by":"$"}"#,
        r#"r run.failed {"error":{"code":"$"}}"#,
        r#"r artifact.pending {"artifact":"a","artifact_type":"$"}"#,
        r#"r artifact.pending {"artifact":"a","name":"$"}"#,
        r#"r artifact.pending {"artifact":"a","media_type":"$"}"#,
        r#"r artifact.ready {"artifact":"a","artifact_type":"$"}"#,
        r#"r artifact.ready {"artifact":"a","name":"$"}"#,
        r#"r artifact.ready {"artifact":"a","media_type":"$"}"#,
        r#"r artifact.ready {"artifact":"a","sha256":"$"}"#,
        r#"r artifact.failed {"artifact":"a","error":{"code":"$"}}"#,
        r#"r message.appended {"message":"m","role":"$"}"#,
        r#"r state.updated {"key":"$","value":1}"#,
    ] {
        bounded(caps::LABEL_CHARS, "limit_exceeded", |count| template.replace('$', &wide(count)));
    }
}

#[test]
fn sentences() {
    for template in [
        r#"r run.progressed {"message":"$"}"#,
        r#"r run.waiting {"reason":"$"}"#,
        r#"!r run.cancel_requested {"reason":"$"}"#,
        r#"r run.failed {"error":{"code":"c","message":"$"}}"#,
        r#"r run.cancelled {"reason":"$"}"#,
        r#"r artifact.ready {"artifact":"a","url":"$"}"#,
        r#"r artifact.failed {"artifact":"a","error":{"code":"c","message":"$"}}"#,
    ] {
        bounded(caps::SENTENCE_CHARS, "limit_exceeded", |count| template.replace('$', &wide(count)));
    }
    let mut play = Play::of(&[ROOT, "r run.started", "r run.waiting"]);
    let refusal = play.say(&format!(r#"r run.resumed {{"reason":"{}"}}"#, wide(caps::SENTENCE_CHARS + 1)));
    assert_eq!(refusal.unwrap_err().code().as_str(), "limit_exceeded");
}

#[test]
fn documents_and_numbers() {
    // `{"a":""}` and `{"k":""}` are 8 bytes.
    let metadata =
        |bytes: usize| format!(r#"r run.created {{"kind":"k","metadata":{{"a":"{}"}}}}"#, "x".repeat(bytes - 8));
    bounded(caps::METADATA_BYTES, "limit_exceeded", metadata);
    let values = |bytes: usize| format!(r#"r state.updated {{"key":"k","value":"{}"}}"#, "x".repeat(bytes - 8));
    bounded(caps::VALUES_BYTES, "limit_exceeded", values);
    bounded(caps::RUNS_PER_TREE, "limit_exceeded", |n| {
        format!(r#"r run.created {{"kind":"k","expected_children":{n}}}"#)
    });
    let lease = caps::LEASE_SECONDS_MAX as usize;
    bounded(lease, "invalid_event", |n| format!(r#"r run.created {{"kind":"k","lease_seconds":{n}}}"#));
    bounded(lease, "invalid_event", |n| format!(r#"r run.started {{"attempt":2,"lease_seconds":{n}}}"#));
    bounded(1_000_000, "invalid_event", |n| format!(r#"r run.created {{"kind":"k","weight":{n}}}"#));
    for line in [
        r#"r run.created {"kind":"k","lease_seconds":0}"#,
        r#"r run.created {"kind":"k","weight":-0.5}"#,
        r#"r run.created {"kind":"k","metadata":[1]}"#,
    ] {
        assert_eq!(Play::new().say(line).unwrap_err().code().as_str(), "invalid_event", "{line}");
    }
}

#[test]
fn levels_of_a_tree() {
    let mut play = Play::of(&[ROOT]);
    let mut parent = "r".to_owned();
    for level in 2..=caps::TREE_DEPTH {
        play.go_on(&[&format!(r#"l{level} run.created {{"kind":"k","parent":"{parent}"}}"#)]);
        parent = format!("l{level}");
    }
    let refusal = play.say(&format!(r#"deep run.created {{"kind":"k","parent":"{parent}"}}"#)).unwrap_err();
    assert_eq!(refusal.code().as_str(), "limit_exceeded");
}

#[test]
fn runs_and_artifacts_of_a_tree() {
    let mut play = Play::of(&[ROOT]);
    let child = body("run.created", r#"{"kind":"k","parent":"r"}"#);
    // A tree of weightless children costs no roll-up worth speaking of; 10 000 of them are made by the fold alone.
    for at in 1..caps::RUNS_PER_TREE {
        push(&mut play, &format!("c{at}"), child.clone());
    }
    assert_eq!(play.tree.runs().len(), caps::RUNS_PER_TREE);
    assert_eq!(refused(&mut play, "one-more", child), "limit_exceeded");
    let pending = |at: usize| body("artifact.pending", &format!(r#"{{"artifact":"a{at}"}}"#));
    let mut play = Play::of(&[ROOT]);
    for at in 0..caps::ARTIFACTS_PER_TREE {
        push(&mut play, "r", pending(at));
    }
    assert_eq!(refused(&mut play, "r", pending(caps::ARTIFACTS_PER_TREE)), "limit_exceeded");
    play.tell(Author::Producer, id("r"), pending(0)).expect("what is there already may change");
}

fn push(play: &mut Play, run: &str, body: milepost_core::Body) {
    play.tell(Author::Producer, id(run), body).unwrap();
}

fn refused(play: &mut Play, run: &str, body: milepost_core::Body) -> String {
    play.tell(Author::Producer, id(run), body).unwrap_err().code().to_string()
}
