use std::collections::BTreeSet;
use std::fmt::Write;

use milepost_core::Code;

use super::*;
use crate::dialects::story::Story;

/// The frames of a story, one line each; `–` for an event that is not shown.
fn lines(steps: &[&str]) -> String {
    let mut lines = String::new();
    for (record, view) in &Story::play(steps).events {
        let line = match frame(record, view).unwrap() {
            Some(frame) => String::from_utf8(frame.json).unwrap(),
            None => "–".to_owned(),
        };
        writeln!(lines, "{} {}\n  {line}", record.run, record.event_type).unwrap();
    }
    lines
}

/// Everything that can happen to `run`, which exists.
fn everything(run: &str) -> Vec<String> {
    let steps = [
        "run.started",
        r#"run.progressed {"stage":"S","message":"M","current":1,"total":4}"#,
        r#"run.waiting {"reason":"a person"}"#,
        "run.resumed",
        "run.stalled",
        "run.recovered",
        r#"artifact.pending {"artifact":"a"}"#,
        r#"artifact.appended {"artifact":"a","chunk":"c"}"#,
        r#"artifact.failed {"artifact":"a","error":{"code":"e"}}"#,
        r#"artifact.ready {"artifact":"a"}"#,
        r#"message.appended {"message":"m","role":"user","content":"Hel"}"#,
        r#"message.appended {"message":"m","content":"lo","final":true}"#,
        r#"state.updated {"key":"k","value":{"n":1}}"#,
        r#"state.updated {"key":"k","patch":[{"op":"replace","path":"/n","value":2}]}"#,
        r#"state.updated {"patch":[{"op":"add","path":"/l","value":[1]}]}"#,
        r#"state.updated {"key":"k","value":null}"#,
        "x.mine {\"a\":1}",
        r#"run.completed {"result":1}"#,
        "run.audit_started",
        r#"run.audited {"verdict":"good"}"#,
    ];
    steps.iter().map(|step| format!("{run} {step}")).collect()
}

fn story(begin: &[&str], rest: &[String]) -> String {
    let steps: Vec<_> = begin.iter().copied().chain(rest.iter().map(String::as_str)).collect();
    lines(&steps)
}

#[test]
fn an_ingest_job() {
    let begin = [r#"j run.created {"kind":"ingest","name":"Import","metadata":{"repository":"r"}}"#];
    insta::assert_snapshot!(story(&begin, &everything("j")));
}

#[test]
fn an_agent_run() {
    insta::assert_snapshot!(story(&[r#"a run.created {"kind":"agent"}"#], &everything("a")));
}

#[test]
fn a_workflow_run() {
    insta::assert_snapshot!(story(&[r#"w run.created {"kind":"workflow"}"#], &everything("w")));
}

#[test]
fn a_step() {
    let begin = [
        r#"a run.created {"kind":"agent"}"#,
        "a run.started",
        r#"s run.created {"kind":"step","name":"Search","parent":"a"}"#,
    ];
    insta::assert_snapshot!(story(&begin, &everything("s")));
}

#[test]
fn a_node() {
    let begin = [
        r#"w run.created {"kind":"workflow"}"#,
        "w run.started",
        r#"n run.created {"kind":"node","name":"plan","parent":"w"}"#,
    ];
    insta::assert_snapshot!(story(&begin, &everything("n")));
}

#[test]
fn parts_of_other_kinds_are_shown_by_their_messages_only() {
    let begin =
        [r#"w run.created {"kind":"workflow"}"#, "w run.started", r#"t run.created {"kind":"tool","parent":"w"}"#];
    insta::assert_snapshot!(story(&begin, &everything("t")));
}

#[test]
fn other_kinds_are_not_shown() {
    let mut steps = vec!["c run.created {\"kind\":\"campaign\"}".to_owned()];
    steps.extend(everything("c"));
    let story = Story::play(&steps.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(story.events.iter().all(|(record, view)| frame(record, view).unwrap().is_none()));
    assert_eq!(of_run(&story.snapshot()), None);
}

#[test]
fn bad_ends() {
    let workflow = |end: &[&str]| {
        let begin = [
            r#"w run.created {"kind":"workflow"}"#,
            "w run.started",
            r#"n run.created {"kind":"node","parent":"w"}"#,
            "n run.started",
            r#"s run.created {"kind":"step","parent":"w"}"#,
        ];
        let told = lines(&[&begin[..], end].concat());
        told.lines().skip(10).map(|line| format!("{line}\n")).collect::<String>()
    };
    let ends = [
        workflow(&[r#"n run.failed {"error":{"code":"boom","message":"It broke.","details":{"line":3}}}"#]),
        workflow(&[r#"n run.failed {"error":{"code":"boom"}}"#, "s run.failed"]),
        workflow(&[r#"n run.cancelled {"reason":"not needed"}"#, "s run.cancelled"]),
        workflow(&[r#"w run.cancel_requested {"by":"me","reason":"enough"}"#, "w run.cancelled"]),
        workflow(&[r#"n run.cancel_requested {"reason":"enough"}"#, r#"n run.cancelled {"acknowledged":false}"#]),
        workflow(&[r#"w run.failed {"error":{"code":"boom","message":"It broke."}}"#]),
        lines(&[
            r#"j run.created {"kind":"ingest"}"#,
            r#"j run.failed {"error":{"code":"too_large","message":"Too large."}}"#,
        ]),
        lines(&[r#"a run.created {"kind":"agent"}"#, "a run.cancel_requested", "a run.cancelled"]),
    ];
    insta::assert_snapshot!(ends.join("\n"));
}

#[test]
fn every_name_is_used() {
    let trees = [("ingest", "step"), ("agent", "step"), ("workflow", "node")];
    let mut names = BTreeSet::new();
    for (kind, part) in trees {
        for end in ["run.completed", "run.failed", "run.cancelled"] {
            let steps = [
                format!(r#"r run.created {{"kind":"{kind}"}}"#),
                "r run.started".to_owned(),
                format!(r#"p run.created {{"kind":"{part}","parent":"r"}}"#),
                "p run.started".to_owned(),
                r#"p state.updated {"key":"k","value":1}"#.to_owned(),
                r#"p message.appended {"message":"m","content":"c"}"#.to_owned(),
                format!("p {end}"),
                format!("r {end}"),
            ];
            let story = Story::play(&steps.iter().map(String::as_str).collect::<Vec<_>>());
            names.extend(story.events.iter().filter_map(|(record, view)| Some(frame(record, view).unwrap()?.name)));
        }
    }
    assert_eq!(names, NAMES.iter().copied().collect());
}

#[test]
fn snapshots_and_errors() {
    let agent = Story::play(&[
        r#"a run.created {"kind":"agent","metadata":{"model":"m"}}"#,
        "a run.started",
        r#"s run.created {"kind":"step","name":"Search","parent":"a"}"#,
        r#"t run.created {"kind":"tool","parent":"s"}"#,
        r#"n run.created {"kind":"node","name":"plan","parent":"a"}"#,
        "n run.started",
        r#"n state.updated {"key":"k","value":[1]}"#,
        r#"s message.appended {"message":"m","content":"Hello"}"#,
    ]);
    let job = Story::play(&[r#"j run.created {"kind":"ingest"}"#, "j run.started"]);
    let other = Story::play(&[r#"c run.created {"kind":"campaign"}"#]);
    let runs = [&agent, &other, &job].map(|story| (story.tree.root().unwrap().clone(), story.tree.seq()));
    let runs = runs.iter().map(|(run, seq)| (&**run, *seq));
    let texts = [
        of_run(&agent.snapshot()).unwrap(),
        of_run(&job.snapshot()).unwrap(),
        of_project(job.tree.project(), runs, Time::from_millis(5_000)),
        error("p", Code::RunNotFound, "there is no such run", Time::from_millis(5_000)),
    ];
    let pretty = |text: &Vec<u8>| {
        let value: Value = serde_json::from_slice(text).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    insta::assert_snapshot!(texts.iter().map(pretty).collect::<Vec<_>>().join("\n"));
}
