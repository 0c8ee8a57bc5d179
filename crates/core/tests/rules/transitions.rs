//! Every event in every state.

use crate::check;
use crate::common::Play;

/// The states, each with what leads there. The run is `c`; its parent `r` runs.
const STATES: [(&str, &[&str]); 10] = [
    ("queued", &[]),
    ("running", &["c run.started"]),
    ("waiting", &["c run.started", "c run.waiting"]),
    ("stalled", &["c run.started", "!c run.stalled"]),
    ("cancelling", &["c run.started", "!c run.cancel_requested"]),
    ("above", &["c run.started", "!r run.cancel_requested"]),
    ("completed", &["c run.started", "c run.completed"]),
    ("failed", &["c run.failed"]),
    ("cancelled", &["c run.cancelled"]),
    ("over_above", &["c run.cancelled", "!r run.cancel_requested"]),
];

/// `ok` or the code of the refusal; codes are those of the contract without `run_` and `_transition`.
const MATRIX: &str = r#"
event                              queued   running  waiting  stalled  cancelling above      completed failed   cancelled over_above
run.created{"kind":"k","parent":"r"} exists exists   exists   exists   exists     exists     exists    exists   exists    exists
run.started                        ok       illegal  illegal  illegal  cancelling cancelling terminal  terminal terminal  cancelling
run.started{"attempt":1}           ok       illegal  illegal  illegal  cancelling cancelling terminal  terminal terminal  cancelling
run.started{"attempt":2}           ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
run.started{"attempt":4294967295}  ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
run.progressed                     illegal  ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
run.waiting                        illegal  ok       illegal  ok       cancelling cancelling terminal  terminal terminal  cancelling
run.resumed                        illegal  illegal  ok       illegal  cancelling cancelling terminal  terminal terminal  cancelling
run.completed                      illegal  ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
run.failed                         ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
run.cancelled                      ok       ok       ok       ok       ok         ok         terminal  terminal terminal  terminal
run.audit_started                  illegal  ok       ok       ok       cancelling cancelling ok        ok       ok        cancelling
run.audited                        illegal  illegal  illegal  illegal  cancelling cancelling illegal   illegal  illegal   cancelling
artifact.pending{"artifact":"a"}   ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
artifact.appended{"artifact":"a","chunk":""} ok ok   ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
artifact.ready{"artifact":"a"}     ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
artifact.failed{"artifact":"a"}    ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
message.appended{"message":"m"}    ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
state.updated{"key":"k","value":1} ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
x.mine{"any":1}                    ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  cancelling
run.stalled                        reserved reserved reserved reserved reserved   reserved   reserved  reserved reserved  reserved
run.recovered                      reserved reserved reserved reserved reserved   reserved   reserved  reserved reserved  reserved
run.cancel_requested               reserved reserved reserved reserved reserved   reserved   reserved  reserved reserved  reserved
!run.stalled                       ok       ok       ok       illegal  cancelling cancelling terminal  terminal terminal  cancelling
!run.recovered                     illegal  illegal  illegal  ok       cancelling cancelling terminal  terminal terminal  cancelling
!run.cancel_requested              ok       ok       ok       ok       cancelling cancelling terminal  terminal terminal  terminal
"#;

#[test]
fn every_event_in_every_state() {
    let mut rows =
        MATRIX.lines().filter(|line| !line.is_empty()).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let header = rows.next().unwrap();
    assert!(header[1..].iter().eq(STATES.iter().map(|(state, _)| state)), "the columns are the states");
    for row in rows {
        assert_eq!(row.len(), header.len(), "{row:?}");
        for ((state, lines), expect) in STATES.iter().zip(&row[1..]) {
            let outcome = outcome(row[0], lines);
            assert_eq!(outcome, *expect, "{} while {state}", row[0]);
        }
    }
}

fn outcome(event: &str, lines: &[&str]) -> &'static str {
    let (mark, event) = event.strip_prefix('!').map_or(("", event), |event| ("!", event));
    let (event_type, data) = event.find('{').map_or((event, "{}"), |at| event.split_at(at));
    let mut play = Play::of(&[r#"r run.created {"kind":"k"}"#, "r run.started"]);
    play.go_on(&[r#"c run.created {"kind":"k","parent":"r"}"#]);
    play.go_on(lines);
    let before = play.snapshot();
    match play.say(&format!("{mark}c {event_type} {data}")) {
        Ok(events) => {
            assert!(events.iter().map(|event| event.seq).eq(before.seq + 1..=play.tree.seq()), "contiguous");
            "ok"
        }
        Err(refusal) => {
            assert_eq!(play.snapshot(), before, "a refusal changes nothing");
            let code = refusal.code().as_str();
            let code = code.strip_prefix("run_").unwrap_or(code);
            let code = code.strip_suffix("_transition").unwrap_or(code);
            if code == "event_type_reserved" { "reserved" } else { code }
        }
    }
}

const ROOT: &str = r#"r run.created {"kind":"k"}"#;
const CHILD: &str = r#"c run.created {"kind":"k","parent":"r"}"#;

#[test]
fn runs_are_created_below_an_open_run_and_once() {
    let grandchild = r#"d run.created {"kind":"k","parent":"c"}"#;
    let cases: [(&[&str], &str, &str); 8] = [
        (&[ROOT], r#"s run.created {"kind":"k"}"#, "run_exists"),
        (&[ROOT], r#"c run.created {"kind":"k","parent":"nobody"}"#, "run_not_found"),
        (&[ROOT], "nobody run.started", "run_not_found"),
        (&[ROOT, CHILD], CHILD, "run_exists"),
        (&[ROOT, CHILD, "c run.failed"], grandchild, "run_terminal"),
        (&[ROOT, CHILD, "!c run.cancel_requested"], grandchild, "run_cancelling"),
        (&[ROOT, CHILD, "!r run.cancel_requested"], grandchild, "run_cancelling"),
        (&[ROOT, CHILD, "c run.failed", "!r run.cancel_requested"], grandchild, "run_cancelling"),
    ];
    for (lines, line, code) in cases {
        check(lines, line, &[code]);
    }
    check(&[ROOT, CHILD], grandchild, &[grandchild]);
}

#[test]
fn attempts_count_up() {
    let started = |attempt: u32| format!(r#"r run.started {{"attempt":{attempt}}}"#);
    let two = started(2);
    let cases: [(&[&str], &str, &str); 7] = [
        (&[ROOT], "r run.started", &started(1)),
        (&[ROOT], r#"r run.started {"attempt":7}"#, &started(7)),
        (&[ROOT], r#"r run.started {"attempt":0}"#, "invalid_event"),
        (&[ROOT, "r run.started"], &two, &two),
        (&[ROOT, "r run.started", &two], &two, "illegal_transition"),
        (&[ROOT, "r run.started", "r run.waiting"], &two, &two),
        (&[ROOT, r#"r run.started {"attempt":4294967295}"#], "r run.started", "illegal_transition"),
    ];
    for (lines, line, expect) in cases {
        check(lines, line, &[expect]);
    }
}

#[test]
fn an_audit_begins_once_and_ends_once() {
    let over = &[ROOT, "r run.started", "r run.completed"];
    let started = &[over.as_slice(), &["r run.audit_started"]].concat();
    let audited = &[started.as_slice(), &["r run.audited"]].concat();
    check(over, "r run.audit_started", &["r run.audit_started {}"]);
    check(started, "r run.audit_started", &["illegal_transition"]);
    check(audited, "r run.audited", &["illegal_transition"]);
    check(audited, "r run.audit_started", &["illegal_transition"]);
    let is_over = |lines: &[&str]| Play::of(lines).tree.is_over();
    assert!(is_over(over) && !is_over(started) && is_over(audited), "a stream ends after run.audited");
}
