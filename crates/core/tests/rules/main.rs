//! The rules of the contract as tables: what may happen in which state, and what comes of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cancellation;
#[path = "../common/mod.rs"]
mod common;
mod content;
mod leases;
mod limits;
mod progress;
mod transitions;

use common::{Play, outcome};

/// After `lines`, `line` leads to exactly the events `expect`, or is refused with that one code.
fn check(lines: &[&str], line: &str, expect: &[&str]) {
    let mut play = Play::of(lines);
    let before = play.snapshot();
    let outcome = outcome(play.say(line));
    assert_eq!(outcome, expect, "{line}\nafter {lines:#?}");
    if outcome.len() == 1 && !outcome[0].contains(' ') {
        assert_eq!(play.snapshot(), before, "a refusal changes nothing");
    }
}
