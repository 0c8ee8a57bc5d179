//! `milepost runs`.

use crate::support::Server;

#[test]
fn runs_are_listed_for_programs() {
    let server = Server::start();
    server.publish(&["old", "--create", "resize", "--name", "Tab\tand \u{1b}[31mcolour"], "");
    server.publish(&["new", "--create", "import"], r#"{"type":"run.completed"}"#);
    let list = |arguments: &[&str]| {
        let ended = server.run(&[&["runs"], arguments].concat());
        ended.check(0, &[]);
        ended.stdout
    };
    let all = list(&[]);
    let rows: Vec<Vec<&str>> = all.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        rows.iter().map(|row| row[..4].to_vec()).collect::<Vec<_>>(),
        [["new", "import", "completed", "1"], ["old", "resize", "running", ""]]
    );
    assert_eq!(rows[1][5..], ["Tab and  [31mcolour"]);

    let ids = |arguments: &[&str]| -> Vec<String> {
        list(arguments).lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&["--kind", "resize"]), ["old"]);
    assert_eq!(ids(&["--state", "completed"]), ["new"]);
    assert_eq!(ids(&["--limit", "1"]), ["new"]);
    assert_eq!(ids(&["--project", "other"]), [""; 0]);

    let json = list(&["--json"]);
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((first["id"].as_str(), first["state"].as_str()), (Some("new"), Some("completed")));
}
