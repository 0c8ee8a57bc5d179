//! `milepost ingest`.

use rustix::process::Signal;

use crate::support::{Repository, Running, Server, milepost, run};

const FILES: &[(&str, &str)] = &[("a.rs", "fn first() {}\n\nfn second() { first() }\n"), ("b.md", "# Notes\n")];

#[test]
fn a_small_repository_is_ingested_here() {
    let (repository, out) = (Repository::of(FILES), tempfile::tempdir().unwrap());
    let ended = run(&["ingest", &repository.name(), "--out", out.path().to_str().unwrap()]);
    ended.check(0, &["watch it at http://127.0.0.1:"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("Complete  100%  ")), "{ended:?}");
    assert!(ended.stdout.contains("\n2 files, 4 lines, 2 languages (Rust 75%, Markdown 25%)\n"), "{ended:?}");
    for name in ["summary.json", "symbols.ndjson", "index.tar"] {
        assert!(out.path().join(name).metadata().unwrap().len() > 0);
    }
}

#[test]
fn another_server_hears_of_it() {
    let (repository, server) = (Repository::of(FILES), Server::start());
    let ended = server.run(&["ingest", &repository.name(), "--id", "job-1"]);
    ended.check(0, &[]);
    let address = format!("{}/v1/projects/default/runs/job-1/artifacts/summary.json", server.url);
    assert!(ended.stdout.contains(&address), "{ended:?}");
    server.run(&["tail", "job-1"]).check(0, &[]);
    // The same id again would be another run.
    server.run(&["ingest", &repository.name(), "--id", "job-1"]).check(1, &["(run_exists)"]);
}

#[test]
fn failures_have_their_code() {
    run(&["ingest", "/no/such/place"]).check(1, &["(repository_not_found)", "hint: "]);
    run(&["ingest", "nonsense"]).check(1, &["(invalid_url)"]);
    run(&["ingest", "/tmp", "--branch", "a..b"]).check(1, &["(invalid_url)"]);
    run(&["ingest", "/tmp", "--server", "http://127.0.0.1:1"]).check(1, &["cannot be reached", "hint: "]);
}

#[test]
fn an_interrupt_cancels() {
    let repository = Repository::large();
    let mut ingest = Running::start(&mut milepost(&["ingest", &repository.name()]));
    ingest.until_line("Parsing");
    ingest.signal(Signal::INT);
    ingest.until_note("cancelling");
    let ended = ingest.end();
    ended.check(130, &["cancelled"]);
    assert!(ended.stdout.contains("Cancelling  "), "{ended:?}");
    assert!(ended.stdout.ends_with("Failed  Cancelled: interrupted at the terminal\n"), "{ended:?}");
}

#[test]
fn a_second_interrupt_hurries() {
    let (repository, mut server) = (Repository::large(), Server::start());
    let mut ingest = server.begin(&["ingest", &repository.name(), "--id", "job-2"]);
    ingest.until_line("Parsing");
    // Nobody is there who could hear of the cancellation.
    server.kill();
    ingest.until_note("the connection is lost");
    ingest.signal(Signal::INT);
    ingest.until_note("the cancellation could not be asked for");
    ingest.signal(Signal::INT);
    ingest.end().check(130, &["stopped"]);
}
