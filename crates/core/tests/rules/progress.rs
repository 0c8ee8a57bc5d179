//! Rule 6: the fraction that is shown.

use crate::check;
use crate::common::Play;

const ROOT: &str = r#"r run.created {"kind":"k"}"#;
const FOUR_EXPECTED: &str = r#"r run.created {"kind":"k","expected_children":4}"#;
const A: &str = r#"a run.created {"kind":"k","parent":"r"}"#;
const B: &str = r#"b run.created {"kind":"k","parent":"r"}"#;
const HEAVY_B: &str = r#"b run.created {"kind":"k","parent":"r","weight":3}"#;
const WEIGHTLESS_B: &str = r#"b run.created {"kind":"k","parent":"r","weight":0}"#;

/// After `lines`, `run` shows `fraction`.
fn shows(lines: &[&str], run: &str, fraction: Option<f64>) {
    let play = Play::of(lines);
    assert_eq!(play.run(run).progress.fraction, fraction, "{run} after {lines:#?}");
}

#[test]
fn a_run_without_children_shows_its_own_reports() {
    let cases: [(&[&str], Option<f64>); 9] = [
        (&[], None),
        (&[r#"{"current":5}"#], None),
        (&[r#"{"current":5,"total":10}"#], Some(0.5)),
        (&[r#"{"total":10}"#, r#"{"current":5}"#], Some(0.5)),
        (&[r#"{"current":5,"total":0}"#], None),
        (&[r#"{"current":50,"total":10}"#], Some(1.0)),
        // It never falls, whatever is reported.
        (&[r#"{"current":5,"total":10}"#, r#"{"current":1}"#], Some(0.5)),
        (&[r#"{"current":5,"total":10}"#, r#"{"total":null}"#], Some(0.5)),
        (&[r#"{"current":5,"total":10}"#, r#"{"total":1000}"#, r#"{"current":501}"#], Some(0.501)),
    ];
    for (reports, fraction) in cases {
        let mut play = Play::of(&[ROOT, "r run.started"]);
        for report in reports {
            play.go_on(&[&format!("r run.progressed {report}")]);
        }
        assert_eq!(play.run("r").progress.fraction, fraction, "{reports:?}");
    }
}

#[test]
fn a_run_with_children_shows_their_weighted_roll_up() {
    let half_a = r#"a run.progressed {"current":1,"total":2}"#;
    let own = r#"r run.progressed {"current":7,"total":10}"#;
    let cases: [(&[&str], Option<f64>); 13] = [
        (&[ROOT, "r run.started", A, "a run.started", half_a], Some(0.5)),
        (&[ROOT, "r run.started", A, B, "a run.started", half_a], Some(0.25)),
        (&[ROOT, "r run.started", A, HEAVY_B, "b run.started", "b run.completed"], Some(0.75)),
        (&[ROOT, "r run.started", A, WEIGHTLESS_B, "b run.started", "b run.completed"], Some(0.0)),
        // One that is over counts 1 whatever its outcome.
        (&[ROOT, "r run.started", A, B, "a run.failed"], Some(0.5)),
        (&[ROOT, "r run.started", A, B, "a run.cancelled"], Some(0.5)),
        // Announced children count 0 with weight 1 until they are seen.
        (&[FOUR_EXPECTED], Some(0.0)),
        (&[FOUR_EXPECTED, A, "a run.started", half_a], Some(0.125)),
        (&[FOUR_EXPECTED, A, HEAVY_B, "b run.failed"], Some(0.5)),
        // Its own reports where those are further, and only there.
        (&[ROOT, "r run.started", A, "a run.started", half_a, own], Some(0.7)),
        (&[ROOT, "r run.started", A, own, "a run.failed"], Some(1.0)),
        // More children than announced: it does not fall back, it goes on when they catch up.
        (&[ROOT, "r run.started", A, "a run.failed", B], Some(1.0)),
        (&[ROOT, "r run.started", A, "a run.started", half_a, B, "b run.started"], Some(0.5)),
    ];
    for (lines, fraction) in cases {
        shows(lines, "r", fraction);
    }
}

#[test]
fn roll_ups_go_all_the_way_up() {
    let below = r#"b run.created {"kind":"k","parent":"a"}"#;
    let lines = [ROOT, A, below, "b run.started", r#"b run.progressed {"current":1,"total":4}"#];
    for run in ["b", "a", "r"] {
        shows(&lines, run, Some(0.25));
    }
}

#[test]
fn a_new_attempt_begins_anew() {
    let own = r#"r run.progressed {"current":9,"total":10,"stage":"s","message":"m","unit":"u"}"#;
    let again = r#"r run.started {"attempt":2}"#;
    let play = Play::of(&[ROOT, "r run.started", own, again]);
    let run = play.run("r");
    assert_eq!(run.progress, Default::default());
    assert_eq!((run.attempt, &run.stage, &run.message, run.started_at), (2, &None, &None, Some(play.now)));
    shows(&[ROOT, "r run.started", own, A, "a run.failed", again], "r", Some(1.0));
    shows(&[FOUR_EXPECTED, "r run.started", own, A, "a run.failed", again], "r", Some(0.25));
}

#[test]
fn a_completed_run_shows_1_and_others_what_they_reached() {
    let half = r#"r run.progressed {"current":1,"total":2}"#;
    shows(&[ROOT, "r run.started", "r run.completed"], "r", Some(1.0));
    shows(&[FOUR_EXPECTED, "r run.started", half, "r run.completed"], "r", Some(1.0));
    shows(&[ROOT, "r run.started", half, "r run.failed"], "r", Some(0.5));
    shows(&[ROOT, "r run.started", half, "r run.cancelled"], "r", Some(0.5));
}

#[test]
fn a_report_says_all_that_is_known() {
    let full = r#"{"stage":"s","message":"m","current":5,"total":10,"unit":"files"}"#;
    let cases: [(&[&str], &str, &str); 9] = [
        (&[], "{}", "{}"),
        (&[], r#"{"current":1}"#, r#"{"current":1}"#),
        (&[r#"{"current":1}"#], r#"{"total":4}"#, r#"{"current":1,"total":4}"#),
        (&[], full, full),
        (&[full], r#"{"current":6}"#, r#"{"stage":"s","message":"m","current":6,"total":10,"unit":"files"}"#),
        // What was taken back is said again, because a viewer may have missed that.
        (&[r#"{"stage":"s","unit":"u"}"#, r#"{"stage":null}"#], r#"{"current":1}"#, TAKEN_BACK),
        (&[r#"{"stage":null}"#, r#"{"current":1,"unit":"u"}"#], "{}", TAKEN_BACK),
        // Until it is there again, with everything else.
        (
            &[r#"{"stage":null}"#, full],
            r#"{"current":6}"#,
            r#"{"stage":"s","message":"m","current":6,"total":10,"unit":"files"}"#,
        ),
        // Where it is less than what is shown already, it says how far that is; nobody else can say so.
        (
            &[full],
            r#"{"current":2}"#,
            r#"{"stage":"s","message":"m","current":2,"total":10,"unit":"files","fraction":0.5}"#,
        ),
    ];
    for (reports, report, expect) in cases {
        let reports: Vec<_> = reports.iter().map(|report| format!("r run.progressed {report}")).collect();
        let mut lines = vec![ROOT, "r run.started"];
        lines.extend(reports.iter().map(String::as_str));
        check(&lines, &format!("r run.progressed {report}"), &[&format!("r run.progressed {expect}")]);
    }
    check(&[ROOT, "r run.started"], r#"r run.progressed {"current":2,"fraction":0.9}"#, &["invalid_event"]);
}

const TAKEN_BACK: &str = r#"{"stage":null,"message":null,"current":1,"total":null,"unit":"u"}"#;

#[test]
fn the_time_to_go_follows_the_pace() {
    // Every word takes a second: one from the start to the report of 10 %, two to that of 50 %.
    let lines = [ROOT, "r run.started", r#"r run.progressed {"current":1,"total":10}"#];
    let more = r#"r run.progressed {"current":5}"#;
    let eta = |lines: &[&str]| Play::of(lines).run("r").progress.eta_ms;
    assert_eq!(eta(&lines), Some(9_000));
    assert_eq!(eta(&[lines.as_slice(), &[more]].concat()), Some(2_000));
    assert_eq!(eta(&[lines.as_slice(), &[more, more]].concat()), Some(3_000), "time passes, also where nothing moves");
    assert_eq!(eta(&[lines.as_slice(), &["r run.completed"]].concat()), None);
}
