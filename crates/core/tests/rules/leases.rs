//! Stalled and recovered, and the clock of leases beside the fold.

use milepost_core::Time;

use crate::check;
use crate::common::{Play, id};

/// r ─ c, both running and leased.
const LEASED: [&str; 4] = [
    r#"r run.created {"kind":"k","lease_seconds":60}"#,
    r#"c run.created {"kind":"k","parent":"r","lease_seconds":30}"#,
    "r run.started",
    "c run.started",
];

const RESTART: &str = r#"r run.started {"attempt":2}"#;

#[test]
fn whoever_is_heard_of_has_recovered() {
    let recovered = |run| format!("{run} run.recovered {{}}");
    let (r, c) = (recovered("r"), recovered("c"));
    let below = r#"d run.created {"kind":"k","parent":"c"}"#;
    let cases: [(&[&str], &str, &[&str]); 8] = [
        (&["!c run.stalled"], "c run.waiting", &[&c, "c run.waiting {}"]),
        (&["!c run.stalled"], "c x.mine", &[&c, "c x.mine {}"]),
        (&["!c run.stalled"], "r x.mine", &["r x.mine {}"]),
        // Who reports a part is at work on the whole.
        (&["!r run.stalled"], "c x.mine", &[&r, "c x.mine {}"]),
        (&["!r run.stalled", "!c run.stalled"], "c run.failed", &[&c, &r, "c run.failed {}"]),
        (&["!r run.stalled", "!c run.stalled"], below, &[&c, &r, below]),
        // The server's own word is no sign of life.
        (&["!c run.stalled"], "!c run.cancel_requested", &["c run.cancel_requested {}"]),
        (
            &["!c run.stalled", "!c run.cancel_requested"],
            "c run.cancelled",
            &[r#"c run.cancelled {"acknowledged":true}"#],
        ),
    ];
    for (lines, line, expect) in cases {
        check(&[LEASED.as_slice(), lines].concat(), line, expect);
    }
    check(&[LEASED.as_slice(), &["!r run.stalled"]].concat(), RESTART, &[&r, RESTART]);
}

#[test]
fn what_is_over_is_not_stalled() {
    for end in ["c run.completed", "c run.failed", "c run.cancelled", "!c run.cancelled", "r run.completed"] {
        let play = Play::of(&[LEASED.as_slice(), &["!c run.stalled", end]].concat());
        assert!(!play.run("c").stalled && play.run("c").lease_expires_at.is_none(), "{end}");
    }
}

#[test]
fn a_word_renews_the_lease_of_its_run_and_of_those_above() {
    let mut play = Play::of(&LEASED);
    let expires = |play: &Play, run: &str| play.run(run).lease_expires_at.map(Time::millis);
    play.tree.renew_leases(&id("c"), Time::from_millis(1_000));
    assert_eq!((expires(&play, "r"), expires(&play, "c")), (Some(61_000), Some(31_000)));
    play.tree.renew_leases(&id("r"), Time::from_millis(2_000));
    assert_eq!((expires(&play, "r"), expires(&play, "c")), (Some(62_000), Some(31_000)));
    play.go_on(&["c run.completed"]);
    play.tree.renew_leases(&id("c"), Time::from_millis(3_000));
    assert_eq!((expires(&play, "r"), expires(&play, "c")), (Some(63_000), None), "what is over has no lease");
    play.tree.renew_all_leases(Time::from_millis(4_000));
    assert_eq!((expires(&play, "r"), expires(&play, "c")), (Some(64_000), None));
}

#[test]
fn a_claim_brings_its_own_lease() {
    let play = Play::of(&[r#"r run.created {"kind":"k"}"#, r#"r run.started {"lease_seconds":5}"#]);
    assert_eq!((play.run("r").claimed, play.run("r").lease_seconds), (true, Some(5)));
    let again = Play::of(&[&LEASED[..], &[RESTART]].concat());
    assert_eq!((again.run("r").claimed, again.run("r").lease_seconds), (false, Some(60)), "the lease of its creation");
}
