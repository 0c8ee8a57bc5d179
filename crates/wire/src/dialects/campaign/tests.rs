use std::fmt::Write;

use milepost_core::Time;

use super::*;
use crate::dialects::story::Story;

fn line(update: &Update) -> String {
    format!("{} {}", update.callback(), serde_json::to_string(update).unwrap())
}

fn lines(steps: &[&str]) -> String {
    let mut lines = String::new();
    for (record, view) in &Story::play(steps).events {
        writeln!(lines, "{}", line(&update(record, view, None).unwrap())).unwrap();
        if let Some(run) = acknowledged(record, view) {
            writeln!(lines, "ReceiveCancellationAcknowledgement {run}").unwrap();
        }
    }
    lines
}

/// A campaign in which everything happens.
const CAMPAIGN: &[&str] = &[
    r#"c run.created {"kind":"campaign","name":"Autumn","metadata":{"posts":2},"expected_children":2}"#,
    "c run.started",
    r#"w run.created {"kind":"agent","name":"Writer","parent":"c"}"#,
    "w run.started",
    r#"w run.progressed {"stage":"Drafting","message":"Post 1 of 2","current":1,"total":2,"unit":"posts"}"#,
    r#"w run.waiting {"reason":"for a person"}"#,
    "w run.resumed",
    "w run.stalled",
    "w run.recovered",
    r#"w message.appended {"message":"m","content":"Dear"}"#,
    r#"w message.appended {"message":"m","content":" all","final":true}"#,
    r#"w state.updated {"key":"tone","value":{"warm":true}}"#,
    r#"w x.tokens {"in":12,"out":34}"#,
    r#"w artifact.pending {"artifact":"p1","artifact_type":"post","name":"Post 1","media_type":"text/plain"}"#,
    r#"w artifact.pending {"artifact":"p2","artifact_type":"post"}"#,
    r#"w artifact.appended {"artifact":"p1","chunk":"Leaves"}"#,
    r#"w artifact.appended {"artifact":"p1","bytes":{"url":"/b","offset":6}}"#,
    r#"w artifact.ready {"artifact":"p1","size":6,"sha256":"ab","url":"/a/p1"}"#,
    r#"w artifact.pending {"artifact":"i","artifact_type":"image"}"#,
    r#"w artifact.failed {"artifact":"i","error":{"code":"boom","message":"No picture."}}"#,
    r#"w run.completed {"result":{"posts":1}}"#,
    r#"v run.created {"kind":"agent","name":"Visuals","parent":"c"}"#,
    r#"v run.failed {"error":{"code":"boom","message":"It broke."}}"#,
    "c run.audit_started",
    "c run.completed",
    r#"c run.audited {"verdict":"good","notes":[1]}"#,
];

#[test]
fn every_event_reaches_one_callback() {
    insta::assert_snapshot!(lines(CAMPAIGN));
}

#[test]
fn the_run_that_was_asked_for_is_acknowledged_last() {
    let begin = [
        r#"c run.created {"kind":"campaign"}"#,
        "c run.started",
        r#"w run.created {"kind":"agent","parent":"c"}"#,
        "w run.started",
    ];
    let told = |end: &[&str]| {
        let told = lines(&[&begin[..], end].concat());
        let short = |line: &str| match line.split_once(r#""eventType":""#) {
            Some((head, rest)) => {
                let run = head.split(r#""runId":""#).nth(1).unwrap_or_default();
                let word = rest.split('"').next().unwrap_or_default();
                format!("{} {word}", run.split('"').next().unwrap_or_default())
            }
            None => line.replace("ReceiveCancellationAcknowledgement", "acknowledged"),
        };
        told.lines().skip(4).map(short).collect::<Vec<_>>().join(", ")
    };
    let cases: [(&[&str], &str); 4] = [
        (&["c run.cancel_requested", "c run.cancelled"], "c Cancelling, w Cancelled, c Cancelled, acknowledged c"),
        (&["w run.cancel_requested", "w run.cancelled"], "w Cancelling, w Cancelled, acknowledged w"),
        (
            &["w run.cancel_requested", "c run.cancel_requested", r#"c run.cancelled {"acknowledged":false}"#],
            "w Cancelling, c Cancelling, w Cancelled, acknowledged w, c Cancelled, acknowledged c",
        ),
        (&["c run.cancelled"], "w Cancelled, c Cancelled"),
    ];
    for (end, expect) in cases {
        assert_eq!(told(end), expect, "{end:?}");
    }
}

#[test]
fn superseded_progress_is_named() {
    let story = Story::play(CAMPAIGN);
    let (record, view) = &story.events[4];
    let Update::Orchestration(event) = update(record, view, Some(3)).unwrap() else { panic!() };
    assert_eq!(event.coalesced_from, Some(3));
    assert!(line(&Update::Orchestration(event)).ends_with(r#","coalescedFrom":3}"#));
}

#[test]
fn snapshots() {
    let at = |steps: usize| CampaignSnapshot::of(&Story::play(&CAMPAIGN[..steps]).snapshot()).unwrap();
    let missing = CampaignSnapshot::missing(RunId::new("later").unwrap(), Time::from_millis(0));
    insta::assert_snapshot!(serde_json::to_string_pretty(&[missing, at(19), at(CAMPAIGN.len())]).unwrap());
    let audits: Vec<_> = (23..=26).map(|steps| at(steps).audit_status).collect();
    use AuditStatus::{Completed, InProgress, NotStarted};
    assert_eq!(audits, [NotStarted, InProgress, InProgress, Completed]);
}
