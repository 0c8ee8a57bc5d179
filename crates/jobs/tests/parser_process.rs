//! Hostile sources, in a program that parses in processes of its own. It has its own `main`, because that is where such
//! a program begins.

#![allow(clippy::unwrap_used)] // all of it is a test

mod support;

use std::time::{Duration, Instant};

use milepost_jobs::ingest::parser_process;
use support::{Heard, Recorder, Repository, plan, run, run_with};

fn main() {
    parser_process();
    hostile_files_cost_nothing_but_their_symbols();
    a_cancel_ends_the_parser();
}

/// What makes tree-sitter 0.27 run for minutes, take gigabytes, or both.
const HOSTILE: [(&str, &str); 4] =
    [("casts.rs", "(a)"), ("arrows.c", "x=>;"), ("nots.cpp", "!;\n"), ("dos.js", "do\n")];

fn hostile(root: &std::path::Path) -> Repository {
    let repository = Repository::init(root.join("code"));
    repository.write("a.rs", "fn first() {}\n").write("z.rs", "fn last() { first() }\n");
    for (name, text) in HOSTILE {
        repository.write(name, text.repeat(200_000 / text.len()));
    }
    repository.commit();
    repository
}

fn hostile_files_cost_nothing_but_their_symbols() {
    let root = tempfile::tempdir().unwrap();
    let repository = hostile(root.path());
    let ran = run(&plan(repository.0.to_str().unwrap()));
    let summary = &ran.outcome().summary;
    assert_eq!((summary.files, summary.skipped.unparsed), (6, 4));
    let symbols = std::fs::read_to_string(&ran.outcome().symbols_path).unwrap();
    for name in ["first", "last"] {
        assert!(symbols.contains(&format!("\"name\":\"{name}\"")), "{symbols}");
    }
}

fn a_cancel_ends_the_parser() {
    let root = tempfile::tempdir().unwrap();
    let repository = hostile(root.path());
    let recorder = Recorder::cancelling(|heard| matches!(heard, Heard::Parsing(1, ..)));
    let begun = Instant::now();
    let ran = run_with(&plan(repository.0.to_str().unwrap()), recorder);
    assert_eq!(ran.code(), "cancelled");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(ran.recorder.cancelled_at.lock().unwrap().unwrap().elapsed() < Duration::from_secs(1));
}
