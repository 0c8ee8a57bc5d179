//! `milepost serve` and `milepost doctor`.

use rustix::process::Signal;

use crate::support::{Running, Server, milepost, run};

#[test]
fn it_says_where_it_listens_and_drains() {
    for signal in [Signal::TERM, Signal::INT] {
        let ended = Server::start().stop(signal);
        ended.check(0, &["shutting down"]);
        assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
    }
}

#[test]
fn logs_can_be_json() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--log-format", "json"];
    let mut server = Running::start(&mut milepost(&arguments));
    server.until_line("milepost listening on http://127.0.0.1:");
    server.signal(Signal::TERM);
    let ended = server.end();
    ended.check(0, &[]);
    for line in ended.stderr.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn everybody_is_not_let_in_by_accident() {
    run(&["serve", "--listen", "0.0.0.0:0"]).check(2, &["--insecure", "0.0.0.0:0"]);
    run(&["serve", "--auth-mode", "required"]).check(2, &["auth.mode"]);
}

#[test]
fn settings_that_do_not_exist_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("milepost.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\n[ingest]\nmax_fils = 3\n").unwrap();
    run(&["serve", "--config", file.to_str().unwrap()]).check(2, &["max_fils", "milepost.toml"]);
    run(&["serve", "--set", "ingest.max_fils=3"]).check(2, &["ingest.max_fils"]);
    Running::start(milepost(&["serve"]).env("MILEPOST_LISSTEN", "x")).end().check(2, &["MILEPOST_LISSTEN"]);
    // What the client commands read is none of the server's business.
    let server = Running::start(milepost(&["doctor"]).env("MILEPOST_SERVER", "http://x").env("MILEPOST_TOKEN", "t"));
    let ended = server.end();
    assert!(ended.stdout.contains("ok    settings"), "{ended:?}");
}

#[test]
fn a_data_directory_has_one_server() {
    let server = Server::start();
    let data = server.data_dir().to_str().unwrap();
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data]);
    second.check(1, &["milepost: ", data, "in use"]);
    assert_eq!(second.stderr.lines().count(), 1, "{second:?}");
}

#[test]
fn the_doctor_looks_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("data");
    let ended = run(&["doctor", "--data-dir", absent.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("SQLite 3."), "{ended:?}");
    assert!(!absent.exists());

    let server = Server::start();
    let ended = run(&["doctor", "--data-dir", server.data_dir().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("a server runs on this directory"), "{ended:?}");

    std::fs::write(directory.path().join("milepost.db"), "x".repeat(200)).unwrap();
    let ended = run(&["doctor", "--data-dir", directory.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("FAIL  database"), "{ended:?}");
}
