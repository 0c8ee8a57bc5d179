//! `milepost tail` and `milepost cancel`.

use crate::support::Server;

#[test]
fn the_exit_code_is_how_the_run_ended() {
    let server = Server::start();
    let ends = [
        ("r-0", r#"{"type":"run.completed"}"#, 0),
        ("r-1", r#"{"type":"run.failed","data":{"error":{"code":"broken","message":"it broke"}}}"#, 1),
        ("r-130", r#"{"type":"run.cancelled"}"#, 130),
    ];
    for (run, end, code) in ends {
        server.publish(&[run, "--create", "test"], end);
        server.run(&["tail", run]).check(code, &[]);
        server.run(&["tail", run, "--json", "--after", "1"]).check(code, &[]);
    }
    server.run(&["tail", "nothing"]).check(1, &["(run_not_found)", "hint: `milepost runs`"]);
}

#[test]
fn a_part_of_a_tree_is_over_before_the_tree_is() {
    let server = Server::start();
    server.publish(&["tree", "--create", "test"], "");
    let child = r#"{"type":"run.created","run":"leaf","data":{"kind":"test","parent":"tree"}}"#;
    let ended = r#"{"type":"run.failed","run":"leaf"}"#;
    server.publish(&["tree"], &format!("{child}\n{ended}\n"));
    server.run(&["tail", "leaf"]).check(1, &[]);
}

#[test]
fn events_are_printed_as_they_are() {
    let server = Server::start();
    let custom = r#"{"type":"x.note","id":"n1","data":{"a":[1,"é"]}}"#;
    server.publish(&["r", "--create", "test"], &format!("{custom}\n{{\"type\":\"run.completed\"}}"));
    let ended = server.run(&["tail", "r", "--json"]);
    ended.check(0, &[]);
    let events: Vec<serde_json::Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<_> = events.iter().map(|event| (event["seq"].as_u64(), event["type"].as_str())).collect();
    let types = ["run.created", "run.started", "x.note", "run.completed"];
    assert_eq!(seen, (1..=4).map(Some).zip(types.map(Some)).collect::<Vec<_>>());
    assert_eq!(events[2]["data"], serde_json::json!({"a": [1, "é"]}));
}

#[test]
fn a_killed_server_is_waited_for() {
    let mut server = Server::start();
    server.publish(&["r", "--create", "test"], r#"{"type":"run.progressed","data":{"stage":"One"}}"#);
    let (mut lines, mut events) = (server.begin(&["tail", "r"]), server.begin(&["tail", "r", "--json"]));
    lines.until_line("One");
    events.until_line(r#"{"seq":3,"#);
    server.kill();
    lines.until_note("the connection is lost");
    events.until_note("the connection is lost");
    server.start_again();
    server.publish(
        &["r"],
        "{\"type\":\"run.progressed\",\"data\":{\"stage\":\"Two\",\"current\":1,\"total\":2}}\n{\"type\":\"run.completed\"}",
    );
    let ended = lines.end();
    ended.check(0, &["connected again"]);
    assert!(ended.stdout.ends_with("completed  100%\n"), "{ended:?}");
    let ended = events.end();
    ended.check(0, &["connected again"]);
    let seqs: Vec<u64> = ended.stdout.lines().map(seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
}

fn seq(event: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(event).unwrap()["seq"].as_u64().unwrap()
}

#[test]
fn cancelling_waits_for_the_end() {
    let server = Server::start();
    server.publish(&["r", "--create", "test"], "");
    let ended = server.run(&["cancel", "r", "--reason", "enough", "--grace", "0", "--wait"]);
    ended.check(0, &[]);
    assert!(ended.stdout.starts_with("cancelling r, until "), "{ended:?}");
    assert!(ended.stdout.ends_with("cancelled: no worker acknowledged, the server ended it\n"), "{ended:?}");
    server.run(&["tail", "r"]).check(130, &[]);
    server.run(&["cancel", "r"]).check(1, &["(run_terminal)", "hint: "]);
}

#[test]
fn a_worker_is_told_of_the_cancellation() {
    let server = Server::start();
    server.publish(&["r", "--create", "test"], "");
    let mut waiting = server.begin(&["cancel", "r", "--grace", "600", "--wait"]);
    waiting.until_line("cancelling r");
    let refused = server.run_with(&["publish", "r"], r#"{"type":"run.progressed","data":{"stage":"Three"}}"#);
    refused.check(1, &["line 1: ", "(run_cancelling)"]);
    server.publish(&["r"], r#"{"type":"run.cancelled"}"#);
    let ended = waiting.end();
    ended.check(0, &[]);
    assert!(ended.stdout.ends_with("cancelled: its worker acknowledged\n"), "{ended:?}");
}
