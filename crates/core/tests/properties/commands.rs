//! Arbitrary sequences of what producers, workers and the server may want.

use milepost_core::decide::Author;
use milepost_core::{Body, RunId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{Play, body, id};

/// One wish. Runs are picked from those that there are when its turn comes, so most wishes are sensible.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    /// Children of one run, as a producer creates them in one batch.
    Children { parent: Index, data: Vec<&'static str> },
    /// An event of a run.
    Event { author: Author, run: Index, event_type: &'static str, data: &'static str },
    /// A run reports progress.
    Report { run: Index, data: String },
}

/// A log as long as a test can afford, beginning with the creation of its root.
pub(crate) fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    vec(wish(), 1..80)
}

/// Plays `wishes`; what is refused is left out.
pub(crate) fn play(wishes: &[Wish]) -> Play {
    let mut play = Play::of(&[r#"r run.created {"kind":"k","expected_children":2}"#, "r run.started"]);
    for wish in wishes {
        for (author, run, body) in drafts(&play, wish) {
            let before = play.tree.seq();
            let decided = play.tell(author, run, body).unwrap_or_default();
            assert_eq!(play.tree.seq(), before + decided.len() as u64);
        }
    }
    play
}

fn drafts(play: &Play, wish: &Wish) -> Vec<(Author, RunId, Body)> {
    let runs = play.tree.runs();
    match wish {
        Wish::Children { parent, data } => {
            let parent = &parent.get(runs).id;
            let named = |(at, data): (usize, &&str)| {
                let data = format!(r#"{{"kind":"k","parent":"{parent}"{data}}}"#);
                (Author::Producer, id(&format!("c{}", runs.len() + at)), body("run.created", &data))
            };
            data.iter().enumerate().map(named).collect()
        }
        Wish::Event { author, run, event_type, data } => {
            vec![(*author, run.get(runs).id.clone(), body(event_type, data))]
        }
        Wish::Report { run, data } => {
            vec![(Author::Producer, run.get(runs).id.clone(), body("run.progressed", data))]
        }
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let children = (any::<Index>(), vec(proptest::sample::select(DETAILS), 1..4))
        .prop_map(|(parent, data)| Wish::Children { parent, data });
    let said = |author, events: &'static [(&str, &str)]| {
        (any::<Index>(), proptest::sample::select(events)).prop_map(move |(run, (event_type, data))| Wish::Event {
            author,
            run,
            event_type,
            data,
        })
    };
    let report = (any::<Index>(), report()).prop_map(|(run, data)| Wish::Report { run, data });
    prop_oneof![
        2 => children,
        8 => report,
        8 => said(Author::Producer, LIFE),
        1 => said(Author::Producer, ENDS),
        4 => said(Author::Producer, CONTENT),
        2 => said(Author::Server, WATCH),
    ]
}

/// Any subset of a report, so that reports say less, more and other things than those before them.
fn report() -> impl Strategy<Value = String> {
    let text = prop_oneof![Just("null"), Just(r#""one""#), Just(r#""zwei""#)];
    let amount = prop_oneof![
        Just("null".to_owned()),
        (0_u32..12).prop_map(|n| n.to_string()),
        (0.0_f64..12.0).prop_map(|n| n.to_string()),
    ];
    let member = |name: &'static str, value: BoxedStrategy<String>| {
        proptest::option::of(value.prop_map(move |value| format!(r#""{name}":{value}"#)))
    };
    let text = text.prop_map(str::to_owned).boxed();
    let amount = amount.boxed();
    let members = (
        member("stage", text.clone()),
        member("message", text.clone()),
        member("current", amount.clone()),
        member("total", amount),
        member("unit", text),
    );
    members.prop_map(|(a, b, c, d, e)| {
        format!("{{{}}}", [a, b, c, d, e].into_iter().flatten().collect::<Vec<_>>().join(","))
    })
}

/// What children are created with, after their kind and parent.
const DETAILS: &[&str] =
    &["", r#","weight":0"#, r#","weight":2.5"#, r#","expected_children":3"#, r#","lease_seconds":9"#];

const LIFE: &[(&str, &str)] = &[
    ("run.started", "{}"),
    ("run.started", "{}"),
    ("run.started", "{}"),
    ("run.started", r#"{"attempt":2}"#),
    ("run.started", r#"{"attempt":3,"lease_seconds":5}"#),
    ("run.waiting", r#"{"reason":"approval"}"#),
    ("run.resumed", "{}"),
];

const ENDS: &[(&str, &str)] = &[
    ("run.completed", r#"{"result":{"n": 1.50}}"#),
    ("run.completed", "{}"),
    ("run.failed", r#"{"error":{"code":"boom","details":[1]}}"#),
    ("run.cancelled", "{}"),
    ("run.cancelled", "{}"),
    ("run.audit_started", "{}"),
    ("run.audit_started", "{}"),
    ("run.audited", r#"{"verdict":"fine","notes":null}"#),
];

const CONTENT: &[(&str, &str)] = &[
    ("message.appended", r#"{"message":"m","role":"user","content":"Grüß "}"#),
    ("message.appended", r#"{"message":"m","content":"\n\"Gott\""}"#),
    ("message.appended", r#"{"message":"n","content":"!","final":true}"#),
    ("artifact.pending", r#"{"artifact":"a","artifact_type":"post","name":"p"}"#),
    ("artifact.appended", r#"{"artifact":"a","chunk":"x"}"#),
    ("artifact.appended", r#"{"artifact":"b","bytes":{"offset":0}}"#),
    ("artifact.ready", r#"{"artifact":"a","media_type":"text/plain","size":1,"sha256":"00","url":"/a"}"#),
    ("artifact.failed", r#"{"artifact":"b","error":{"code":"boom","message":"it broke"}}"#),
    ("state.updated", r#"{"key":"k","value":{"list":[0.1]}}"#),
    ("state.updated", r#"{"key":"k","patch":[{"op":"add","path":"/list/-","value":2}]}"#),
    ("state.updated", r#"{"patch":[{"op":"move","from":"/k","path":"/l"}]}"#),
    ("state.updated", r#"{"key":"gone","value":null}"#),
    ("x.mine", r#"{"any": [1.0, null]}"#),
];

const WATCH: &[(&str, &str)] = &[
    ("run.stalled", "{}"),
    ("run.stalled", "{}"),
    ("run.recovered", "{}"),
    ("run.cancel_requested", r#"{"by":"me","reason":"why","deadline":"2030-01-01T00:00:00Z"}"#),
    ("run.cancelled", r#"{"acknowledged":false}"#),
    ("run.failed", r#"{"error":{"code":"timed_out"}}"#),
];
