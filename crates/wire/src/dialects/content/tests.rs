use std::fmt::Write;

use milepost_core::decide::{Author, decide};
use milepost_core::{Body, Draft, Epoch, EventType, Project, Tree};

use super::*;

/// Plays a campaign. Each step is `run type data`, the run as its suffix; times go up by a second.
fn play(steps: &[&str]) -> Snapshot {
    let campaign = RunId::new("c1").unwrap();
    let mut tree = Tree::empty(Project::default_project(), campaign, Epoch(1));
    for (second, step) in steps.iter().enumerate() {
        let now = Time::from_millis(1_000 * i64::try_from(second).unwrap());
        let mut words = step.splitn(3, ' ');
        let run = RunId::new(format!("c1{}", words.next().unwrap()).trim_end_matches('.')).unwrap();
        let event_type: EventType = words.next().unwrap().parse().unwrap();
        let body = Body::parse(event_type, words.next()).unwrap();
        for event in decide(&tree, Author::Server, Draft { run, id: None, time: None, body }, now).unwrap() {
            tree.evolve(&event);
        }
    }
    tree.snapshot(Time::from_millis(99_000)).unwrap()
}

/// A campaign with two jobs, of which one fails.
const CAMPAIGN: &[&str] = &[
    r#". run.created {"kind":"campaign","expected_children":2}"#,
    ". run.started",
    r#":text run.created {"kind":"text","name":"text","parent":"c1","expected_children":1}"#,
    r#":image run.created {"kind":"image","name":"image","parent":"c1"}"#,
    ":text run.started",
    r#":text run.progressed {"stage":"Writing","message":"Writing 1 post"}"#,
    r#":text:post-1 run.created {"kind":"step","parent":"c1:text"}"#,
    ":image run.started",
    r#":image run.waiting {"reason":"Waiting for posts"}"#,
    ":text:post-1 run.started",
    r#":text:post-1 run.progressed {"current":1,"total":2}"#,
    ":text:post-1 run.completed",
    r#":text state.updated {"key":"content_id","value":"posts.json"}"#,
    ":text run.completed",
    ":image run.resumed",
    r#":image run.failed {"error":{"code":"drawing_failed","message":"No ink left"}}"#,
    r#". run.completed {"result":{"artifacts":1}}"#,
];

#[test]
fn a_campaign_shows_its_jobs() {
    let mut shown = String::new();
    for steps in 1..=CAMPAIGN.len() {
        let snapshot = play(&CAMPAIGN[..steps]);
        let progress = Progress::of(&snapshot).unwrap();
        writeln!(
            shown,
            "{}{}",
            if is_over(&snapshot) { "over " } else { "" },
            serde_json::to_string(&progress).unwrap()
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn overall_progress_never_falls_and_ends_at_one() {
    let all: Vec<f64> =
        (1..=CAMPAIGN.len()).map(|steps| Progress::of(&play(&CAMPAIGN[..steps])).unwrap().overall_progress).collect();
    assert!(all.is_sorted(), "{all:?}");
    assert_eq!(all.last(), Some(&1.0));
}

#[test]
fn a_campaign_is_over_when_all_announced_jobs_are() {
    let cases: [(&[&str], bool); 5] = [
        (&CAMPAIGN[..2], false),
        (&CAMPAIGN[..14], false),
        (&CAMPAIGN[..16], true),
        (&[CAMPAIGN[0], CAMPAIGN[1], CAMPAIGN[2], ":text run.cancelled"], false),
        (&[CAMPAIGN[0], CAMPAIGN[1], CAMPAIGN[2], ". run.cancelled"], true),
    ];
    for (steps, expect) in cases {
        assert_eq!(is_over(&play(steps)), expect, "{:?}", steps.last());
    }
}

#[test]
fn jobs_say_why_they_ended() {
    let cases = [
        (
            r#":text run.failed {"error":{"code":"llm_busy","message":"Too much to do"}}"#,
            Status::Failed,
            "Too much to do",
        ),
        (r#":text run.failed {"error":{"code":"llm_busy"}}"#, Status::Failed, "llm_busy"),
        (":text run.failed", Status::Failed, "The job failed and did not say why"),
        (":text run.cancelled", Status::Cancelled, "Cancelled"),
        (":text run.completed", Status::Completed, "Writing 1 post"),
    ];
    for (end, status, message) in cases {
        let progress = Progress::of(&play(&[&CAMPAIGN[..6], &[end]].concat())).unwrap();
        assert_eq!((progress.jobs[0].status, progress.jobs[0].message.as_str()), (status, message), "{end}");
    }
    let asked =
        [&CAMPAIGN[..6], &[r#":text run.cancel_requested {"reason":"enough"}"#, ":text run.cancelled"]].concat();
    assert_eq!(Progress::of(&play(&asked)).unwrap().jobs[0].message, "enough");
}

#[test]
fn the_frame() {
    let snapshot = play(&CAMPAIGN[..13]);
    let frame = Progress::of(&snapshot).unwrap().frame(snapshot.cursor);
    insta::assert_snapshot!(String::from_utf8(frame.to_vec()).unwrap());
}
