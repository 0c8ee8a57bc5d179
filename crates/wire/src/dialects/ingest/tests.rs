use std::fmt::Write;

use milepost_core::decide::{Author, decide};
use milepost_core::{Body, Draft, Epoch, EventType, Tree};

use super::*;

/// Plays an ingest job. Each step is `run type data`, the run as its suffix; times go up by a second.
fn play(steps: &[&str]) -> Snapshot {
    let job = RunId::new("j1").unwrap();
    let mut tree = Tree::empty(Project::default_project(), job, Epoch(1));
    let created = r#". run.created {"kind":"ingest","expected_children":3,
        "metadata":{"repository":"https://example.org/a.git","branch":"main"}}"#;
    for (second, step) in [created].iter().chain(steps).enumerate() {
        let now = Time::from_millis(1_000 * i64::try_from(second).unwrap());
        let mut words = step.splitn(3, ' ');
        let run = RunId::new(format!("j1{}", words.next().unwrap()).trim_end_matches('.')).unwrap();
        let event_type: EventType = words.next().unwrap().parse().unwrap();
        let body = Body::parse(event_type, words.next()).unwrap();
        for event in decide(&tree, Author::Server, Draft { run, id: None, time: None, body }, now).unwrap() {
            tree.evolve(&event);
        }
    }
    tree.snapshot(Time::from_millis(99_000)).unwrap()
}

const STAGES: &[&str] = &[
    r#".cloning run.created {"kind":"stage","name":"Cloning","parent":"j1","weight":2}"#,
    r#".parsing run.created {"kind":"stage","name":"Parsing","parent":"j1","weight":5}"#,
    r#".indexing run.created {"kind":"stage","name":"Indexing","parent":"j1","weight":3}"#,
];

/// A whole job, step by step. All stages are there from the beginning, so that their weights count.
const JOB: &[&str] = &[
    ". run.started",
    STAGES[0],
    STAGES[1],
    STAGES[2],
    ".cloning run.started",
    r#". run.progressed {"stage":"Cloning","message":"Cloning repository"}"#,
    r#".cloning run.progressed {"current":50,"total":100,"unit":"objects","message":"Receiving objects"}"#,
    ".cloning run.completed",
    ".parsing run.started",
    r#". run.progressed {"stage":"Parsing","message":"Parsing"}"#,
    r#".parsing run.progressed {"current":1,"total":3,"unit":"files"}"#,
    r#".parsing run.progressed {"current":3,"message":"Parsing file 3/3"}"#,
    r#". state.updated {"key":"commit","value":"abc123"}"#,
    ".parsing run.completed",
    ".indexing run.started",
    r#". run.progressed {"stage":"Indexing","message":"Indexing 3 files"}"#,
    ".indexing run.completed",
    r#". run.progressed {"message":"Indexed 3 files"}"#,
    ". run.completed",
];

#[test]
fn a_job_shows_its_stages() {
    let mut shown = String::new();
    for steps in 0..=JOB.len() {
        let progress = Progress::of(&play(&JOB[..steps])).unwrap();
        writeln!(shown, "{}", serde_json::to_string(&progress).unwrap()).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn the_percentage_never_falls_and_is_100_at_the_end_only() {
    let percentages: Vec<u8> =
        (0..=JOB.len()).map(|steps| Progress::of(&play(&JOB[..steps])).unwrap().percentage).collect();
    assert!(percentages.is_sorted(), "{percentages:?}");
    let (last, before) = percentages.split_last().unwrap();
    assert!(*last == 100 && before.iter().all(|percentage| *percentage < 100), "{percentages:?}");
}

#[test]
fn failures_say_why() {
    let cases = [
        (r#". run.failed {"error":{"code":"too_large","message":"Too many files."}}"#, "too_large", "Too many files."),
        (r#". run.failed {"error":{"code":"internal"}}"#, "internal", "internal"),
        (". run.failed", "internal", "The job failed and did not say why."),
        (". run.cancelled", "cancelled", "Cancelled"),
    ];
    for (end, code, message) in cases {
        let progress = Progress::of(&play(&[". run.started", end])).unwrap();
        assert_eq!((progress.stage.as_str(), progress.message.as_str()), ("Failed", message), "{end}");
        assert_eq!(progress.error, Some(Failure { code: code.into(), message: message.into() }), "{end}");
    }
    let asked = [r#". run.cancel_requested {"reason":"enough"}"#, ". run.cancelled"];
    assert_eq!(Progress::of(&play(&asked)).unwrap().message, "Cancelled: enough");
}

#[test]
fn a_failed_job_shows_how_far_it_came() {
    let failed = [r#". run.failed {"error":{"code":"internal"}}"#];
    let stage_too = [r#".parsing run.failed {"error":{"code":"internal"}}"#, failed[0]];
    let cases: [(usize, &[&str], u8); 4] =
        [(5, &failed, 0), (7, &failed, 10), (10, &stage_too, 20), (12, &stage_too, 70)];
    for (steps, end, expect) in cases {
        // At every step of the way, because a viewer may look between any two.
        for told in 0..=end.len() {
            let progress = Progress::of(&play(&[&JOB[..steps], &end[..told]].concat())).unwrap();
            assert_eq!(progress.percentage, expect, "{steps} {:?}", &end[..told]);
        }
    }
}

#[test]
fn outward_texts() {
    let snapshot = play(&JOB[..14]);
    let frame = Progress::of(&snapshot).unwrap().frame(Some(snapshot.cursor));
    let refused = Progress::refused(
        RunId::new("j2").unwrap(),
        Code::InvalidUrl,
        "`nonsense` is no URL".to_owned(),
        Time::from_millis(0),
    );
    let job = serde_json::to_string_pretty(&Job::of(&snapshot).unwrap()).unwrap();
    let frames = [frame, refused.frame(None)].concat();
    insta::assert_snapshot!(format!("{}{job}", String::from_utf8(frames).unwrap()));
}
