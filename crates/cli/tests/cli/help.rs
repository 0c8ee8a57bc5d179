//! What `--help` says.

use crate::support::run;

#[test]
fn help_is_short_and_exact() {
    let commands = ["serve", "ingest", "work", "tail", "publish", "cancel", "runs", "demo", "doctor", "openapi"];
    insta::assert_snapshot!("milepost", help(&["--help"]));
    for command in commands {
        insta::assert_snapshot!(command, help(&[command, "--help"]));
    }
}

fn help(arguments: &[&str]) -> String {
    let ended = run(arguments);
    ended.check(0, &[]);
    ended.stdout
}

#[test]
fn what_cannot_be_asked_for_exits_2() {
    run(&["serv"]).check(2, &["unrecognized subcommand"]);
    run(&["tail", "no/such/id"]).check(2, &["no/such/id"]);
    run(&["work", "--kinds", "ingest,nonsense"]).check(2, &["this program can work on: campaign, ingest"]);
    run(&["runs", "--server", "ftp://x"]).check(2, &["milepost: the server's URL: it begins with http:// or https://"]);
    run(&["runs", "--log", "a=b=c"]).check(2, &["is no filter of logs"]);
}

#[test]
fn the_openapi_document_is_data() {
    let ended = run(&["openapi"]);
    ended.check(0, &[]);
    assert!(ended.stdout.starts_with("{\n  \"openapi\": \"3.1.0\""), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
}
