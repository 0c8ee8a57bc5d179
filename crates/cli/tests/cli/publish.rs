//! `milepost publish`.

use crate::support::{Server, run_with};

#[test]
fn lines_become_events() {
    let server = Server::start();
    let lines = "{\"type\":\"run.progressed\",\"data\":{\"stage\":\"One\"}}\n\n{\"type\":\"x.a\",\"id\":\"a\"}\n{\"type\":\"x.a\",\"id\":\"a\"}";
    let ended = server.run_with(&["publish", "r", "--create", "test", "--name", "A run"], lines);
    ended.check(0, &[]);
    assert_eq!(ended.stdout, "3 events acknowledged, 1 known before, head 4\n");
}

#[test]
fn what_is_before_a_bad_line_is_published() {
    let server = Server::start();
    server.publish(&["r", "--create", "test"], "");
    let cases = [
        ("{\"type\":\"x.a\"", "line 2: ", "(malformed_json)"),
        ("{\"type\":\"run.exploded\"}", "line 2: ", "(unknown_event_type)"),
        ("{\"type\":\"x.a\",\"runn\":\"r\"}", "line 2: ", "(invalid_request)"),
        ("{\"type\":\"run.progressed\",\"data\":{\"current\":\"x\"}}", "line 2: ", "(invalid_event)"),
        // These only the server can know.
        ("{\"type\":\"run.resumed\"}", "line 2: ", "(illegal_transition)"),
        ("{\"type\":\"x.a\",\"run\":\"stranger\"}", "line 2: ", "(run_not_found)"),
    ];
    for (bad, line, code) in cases {
        let ended =
            server.run_with(&["publish", "r"], &format!("{{\"type\":\"x.good\"}}\n{bad}\n{{\"type\":\"x.later\"}}\n"));
        ended.check(1, &[line, code]);
        assert!(ended.stdout.starts_with("1 event acknowledged, head "), "{bad}: {ended:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told_at_once() {
    let ended = run_with(&["publish", "r", "--server", "http://127.0.0.1:1"], "{\"type\":\"x.a\"}");
    ended.check(1, &["cannot be reached", "hint: `milepost serve`"]);
}
