//! `milepost demo`.

use crate::support::{Repository, run};

#[test]
fn without_a_terminal_it_checks_and_ends() {
    // The word is in the one; in the other a name that was indexed is searched for.
    for text in ["fn milepost() {}\n", "fn something_else() {}\n"] {
        let repository = Repository::of(&[("a.rs", text)]);
        let below = repository.path().join("below");
        std::fs::create_dir(&below).unwrap();
        let ended = run(&["demo", "--directory", below.to_str().unwrap()]);
        ended.check(0, &[]);
        for check in [
            "run ",
            "summary.json  1 file, 1 line",
            "search ",
            "log ",
            "campaign ",
            "posts         6 posts",
            "pictures      4 pictures",
            "animation     1 animation",
        ] {
            assert!(ended.stdout.contains(&format!("  ok    {check}")), "{check}: {ended:?}");
        }
    }
}

#[test]
fn it_needs_a_repository() {
    let directory = tempfile::tempdir().unwrap();
    let ended = run(&["demo", "--directory", directory.path().to_str().unwrap()]);
    ended.check(1, &["is in no git repository", "hint: "]);
}
