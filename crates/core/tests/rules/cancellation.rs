//! Rules 4 and 8: who is cancelled, in which order, and who is told to have said so.

use crate::check;
use crate::common::Play;

/// r ─ a ─ b, r ─ c; all running.
const TREE: [&str; 8] = [
    r#"r run.created {"kind":"k"}"#,
    r#"a run.created {"kind":"k","parent":"r"}"#,
    r#"b run.created {"kind":"k","parent":"a"}"#,
    r#"c run.created {"kind":"k","parent":"r"}"#,
    "r run.started",
    "a run.started",
    "b run.started",
    "c run.started",
];

const ENDED: &str = r#"run.cancelled {"acknowledged":false,"reason":"parent_ended"}"#;
const ACKNOWLEDGED: &str = r#"run.cancelled {"acknowledged":true}"#;
const UNANSWERED: &str = r#"run.cancelled {"acknowledged":false}"#;

/// After the tree and `lines`, `line` writes exactly `expect`, where each is `RUN WORD`.
fn cascade(lines: &[&str], line: &str, expect: &[(&str, &str)]) {
    let lines = [TREE.as_slice(), lines].concat();
    let expect: Vec<_> = expect.iter().map(|(run, word)| format!("{run} {word}")).collect();
    check(&lines, line, &expect.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn who_ends_takes_the_open_ones_below_along() {
    let completed = r#"run.completed {}"#;
    cascade(&[], "r run.completed", &[("c", ENDED), ("b", ENDED), ("a", ENDED), ("r", completed)]);
    cascade(&["b run.completed"], "r run.completed", &[("c", ENDED), ("a", ENDED), ("r", completed)]);
    cascade(&[], "a run.failed", &[("b", ENDED), ("a", "run.failed {}")]);
    cascade(&[], "a run.cancelled", &[("b", ENDED), ("a", ACKNOWLEDGED)]);
    cascade(&[], "b run.completed", &[("b", completed)]);
    // A cancelling descendant is over with its parent, and nobody has acknowledged it.
    cascade(&["!b run.cancel_requested"], "a run.completed", &[("b", ENDED), ("a", completed)]);
}

#[test]
fn an_acknowledgement_stands_for_all_below() {
    let asked = &["!r run.cancel_requested"];
    let all = |word| [("c", word), ("b", word), ("a", word), ("r", word)];
    cascade(asked, "r run.cancelled", &all(ACKNOWLEDGED));
    cascade(asked, "!r run.cancelled", &all(UNANSWERED));
    cascade(asked, r#"!r run.cancelled {"acknowledged":false}"#, &all(UNANSWERED));
    cascade(asked, r#"r run.cancelled {"reason":"x"}"#, &all(r#"run.cancelled {"acknowledged":true,"reason":"x"}"#));
    // A worker may report those below itself, deepest first or not.
    cascade(asked, "b run.cancelled", &[("b", ACKNOWLEDGED)]);
    cascade(asked, "a run.cancelled", &[("b", ACKNOWLEDGED), ("a", ACKNOWLEDGED)]);
    cascade(
        &["!r run.cancel_requested", "b run.cancelled", "a run.cancelled"],
        "r run.cancelled",
        &[("c", ACKNOWLEDGED), ("r", ACKNOWLEDGED)],
    );
    // Only the branch that was asked about.
    cascade(&["!a run.cancel_requested"], "a run.cancelled", &[("b", ACKNOWLEDGED), ("a", ACKNOWLEDGED)]);
}

#[test]
fn a_branch_that_is_being_cancelled_says_nothing_and_the_others_go_on() {
    for line in ["a run.progressed", "b run.progressed", "!b run.stalled", "b x.mine", "!b run.cancel_requested"] {
        cascade_refused(&["!a run.cancel_requested"], line, "run_cancelling");
    }
    cascade_refused(&["!a run.cancel_requested", "a run.cancelled"], "a run.cancelled", "run_terminal");
    // What is over has its audit only when the cancellation above it is answered.
    cascade_refused(&["b run.completed", "!a run.cancel_requested"], "b run.audit_started", "run_cancelling");
    let after = &["b run.completed", "!a run.cancel_requested", "a run.cancelled"];
    cascade(after, "b run.audit_started", &[("b", "run.audit_started {}")]);
    cascade(&["!a run.cancel_requested"], "c run.completed", &[("c", "run.completed {}")]);
    // A request above one that is being cancelled already is another request.
    let requested = r#"run.cancel_requested {"by":"me"}"#;
    cascade(&["!a run.cancel_requested"], r#"!r run.cancel_requested {"by":"me"}"#, &[("r", requested)]);
}

fn cascade_refused(lines: &[&str], line: &str, code: &str) {
    check(&[TREE.as_slice(), lines].concat(), line, &[code]);
}

#[test]
fn the_request_remembers_what_became_of_it() {
    let acknowledged = |lines: &[&str], run: &str| {
        let mut play = Play::of(&TREE);
        play.go_on(lines);
        play.run(run).cancel.as_ref().and_then(|cancel| cancel.acknowledged)
    };
    let cases: [(&[&str], &str, Option<bool>); 6] = [
        (&["!a run.cancel_requested"], "a", None),
        (&["!a run.cancel_requested", "a run.cancelled"], "a", Some(true)),
        (&["!a run.cancel_requested", "!a run.cancelled"], "a", Some(false)),
        (&["!a run.cancel_requested", "r run.completed"], "a", Some(false)),
        (&["!a run.cancel_requested", "a run.cancelled"], "b", None),
        (&["!b run.cancel_requested", "!a run.cancel_requested", "a run.cancelled"], "b", Some(true)),
    ];
    for (lines, run, expect) in cases {
        assert_eq!(acknowledged(lines, run), expect, "{run} after {lines:?}");
    }
}

#[test]
fn a_request_has_its_deadline_and_its_author() {
    let request = r#"!r run.cancel_requested {"by":"ops","reason":"budget","deadline":"2030-01-01T00:00:00.000Z"}"#;
    let play = Play::of(&[TREE.as_slice(), &[request]].concat());
    let cancel = play.run("r").cancel.clone().unwrap();
    assert_eq!((cancel.by.as_deref(), cancel.reason.as_deref()), (Some("ops"), Some("budget")));
    assert_eq!((cancel.requested_at, cancel.deadline.to_string()), (play.now, "2030-01-01T00:00:00.000Z".to_owned()));
}
