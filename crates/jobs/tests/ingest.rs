//! Whole ingestions of real repositories, from paths and over HTTP.

#![allow(clippy::unwrap_used)] // all of it is a test

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use milepost_jobs::ingest::search::Index;
use milepost_jobs::ingest::{Limits, Role, Summary, Symbol, unpack};
use support::{Heard, Ran, Recorder, Repository, Server, git, plan, plan_of, run, run_with};

/// A small repository in several languages at `root/code`, and its commit.
fn polyglot(root: &std::path::Path) -> (Repository, String) {
    let repository = Repository::init(root.join("code"));
    repository
        .write("README.md", "# A parser of configurations\n")
        .write("src/lib.rs", "pub struct Config;\n\npub fn parse_config() -> Config {\n    helper()\n}\n")
        .write("tool/main.py", "class Reader:\n    def read(self):\n        return parse()\n")
        .write("web/app.ts", "export interface Shape { area(): number }\nfunction draw(s: Shape) {}\n")
        .write("data.json", "{\"a\": 1}\n")
        .write("LICENSE", "free\n");
    let commit = repository.commit();
    (repository, commit)
}

fn summary(ran: &Ran) -> Summary {
    serde_json::from_slice(&std::fs::read(&ran.outcome().summary_path).unwrap()).unwrap()
}

fn symbols(ran: &Ran) -> Vec<Symbol<'static>> {
    let text = std::fs::read_to_string(&ran.outcome().symbols_path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn paths(index: &Index, query: &str) -> Vec<String> {
    index.search(query, 10).unwrap().hits.into_iter().map(|hit| hit.path).collect()
}

fn check_polyglot(ran: &Ran, commit: &str) {
    let outcome = ran.outcome();
    assert_eq!(outcome.commit.as_deref(), Some(commit));
    assert_eq!(outcome.branch.as_deref(), Some("main"));
    assert_eq!(outcome.files_total, 6);
    let summary = summary(ran);
    assert_eq!(summary, outcome.summary);
    assert_eq!((summary.files, summary.lines), (6, 13));
    let by_language: BTreeMap<_, _> =
        summary.languages.iter().map(|(name, totals)| (name.as_str(), (totals.files, totals.lines))).collect();
    let expect = [
        ("JSON", (1, 1)),
        ("Markdown", (1, 1)),
        ("Other", (1, 1)),
        ("Python", (1, 3)),
        ("Rust", (1, 5)),
        ("TypeScript", (1, 2)),
    ];
    assert_eq!(by_language, BTreeMap::from(expect));
    let symbols = symbols(ran);
    let totals: u64 = summary.languages.values().map(|totals| totals.symbols).sum();
    assert_eq!(symbols.len() as u64, totals);
    for (name, role, line) in [
        ("parse_config", Role::Definition, 3),
        ("helper", Role::Reference, 4),
        ("Reader", Role::Definition, 1),
        ("Shape", Role::Definition, 1),
    ] {
        let found = symbols.iter().find(|symbol| symbol.name == name && symbol.role == role);
        assert_eq!(found.map(|symbol| symbol.line), Some(line), "{name}");
    }
    let index = Index::open(&outcome.index_dir).unwrap();
    let answer = index.search("parse_config", 10).unwrap();
    assert_eq!(answer.total, 1);
    let hit = &answer.hits[0];
    assert_eq!((hit.path.as_str(), hit.line, hit.language.as_str()), ("src/lib.rs", 3, "Rust"));
    assert_eq!(hit.snippet, "pub fn parse_config() -> Config {");
    check_progress(ran);
    check_leftovers(ran, &["index", "index.tar", "summary.json", "symbols.ndjson"]);
}

/// Phases in order, numbers that never fall and end at the truth.
fn check_progress(ran: &Ran) {
    let heard = ran.recorder.heard();
    let phase = |heard: &Heard| match heard {
        Heard::Cloning(_) => 0,
        Heard::Commit(..) => 1,
        Heard::Parsing(..) => 2,
        Heard::Indexing(..) => 3,
    };
    assert!(heard.is_sorted_by_key(phase));
    let cloning: Vec<_> =
        heard.iter().filter_map(|heard| if let Heard::Cloning(now) = heard { Some(*now) } else { None }).collect();
    assert!(!cloning.is_empty());
    for pair in cloning.windows(2) {
        let [before, after] = pair else { unreachable!() };
        assert!(before.received <= after.received && before.resolved <= after.resolved && before.bytes <= after.bytes);
        assert!(before.total <= after.total);
    }
    let parsing: Vec<_> = heard
        .iter()
        .filter_map(|heard| if let Heard::Parsing(done, total, _) = heard { Some((*done, *total)) } else { None })
        .collect();
    let files = ran.outcome().files_total;
    assert_eq!(parsing, (0..=files).map(|done| (done, files)).collect::<Vec<_>>());
    let indexing: Vec<_> = heard
        .iter()
        .filter_map(|heard| if let Heard::Indexing(done, total) = heard { Some((*done, *total)) } else { None })
        .collect();
    let documents = ran.outcome().summary.files;
    assert!(indexing.is_sorted());
    assert_eq!((indexing.first(), indexing.last()), (Some(&(0, documents)), Some(&(documents, documents))));
}

fn check_leftovers(ran: &Ran, expect: &[&str]) {
    let mut names: Vec<_> = std::fs::read_dir(ran.work.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, expect);
}

#[test]
fn a_local_repository() {
    let root = tempfile::tempdir().unwrap();
    let (repository, commit) = polyglot(root.path());
    check_polyglot(&run(&plan(repository.0.to_str().unwrap())), &commit);
    check_polyglot(&run(&plan(&format!("file://{}", repository.0.display()))), &commit);
    check_polyglot(&run(&plan(repository.0.join(".git").to_str().unwrap())), &commit);
}

#[test]
fn over_smart_http() {
    let root = tempfile::tempdir().unwrap();
    let (_, commit) = polyglot(root.path());
    let server = Server::start(root.path());
    let ran = run(&plan(&server.url("smart/code/.git")));
    check_polyglot(&ran, &commit);
    let last = ran.recorder.heard().into_iter().rfind(|heard| matches!(heard, Heard::Cloning(_)));
    let Some(Heard::Cloning(last)) = last else { panic!() };
    assert_eq!((last.received, last.resolved), (11, 11)); // 1 commit, 4 trees, 6 files
    assert_eq!((last.total, last.fraction()), (Some(11), Some(1.0)));
    assert!(last.bytes > 500);
}

#[test]
fn over_dumb_http() {
    let root = tempfile::tempdir().unwrap();
    let (repository, commit) = polyglot(root.path());
    git(&repository.0, ["update-server-info"]);
    let server = Server::start(root.path());
    let ran = run(&plan(&server.url("dumb/code/.git")));
    check_polyglot(&ran, &commit);
    git(&repository.0, ["branch", "dev"]);
    git(&repository.0, ["update-server-info"]);
    assert_eq!(run(&plan_of(&server.url("dumb/code/.git"), "dev")).outcome().branch.as_deref(), Some("dev"));
    assert_eq!(run(&plan_of(&server.url("dumb/code/.git"), "nope")).code(), "repository_not_found");
}

#[test]
fn over_a_redirect() {
    let root = tempfile::tempdir().unwrap();
    let (_, commit) = polyglot(root.path());
    let server = Server::start(root.path());
    check_polyglot(&run(&plan(&server.url("moved/code/.git"))), &commit);
    assert!(server.requests().contains(&"POST /smart/code/.git/git-upload-pack".to_owned()));
}

#[test]
fn only_one_commit_is_transferred() {
    let root = tempfile::tempdir().unwrap();
    let (repository, _) = polyglot(root.path());
    repository.write("more.rs", "fn more() {}\n").commit();
    let server = Server::start(root.path());
    let ran = run(&plan(&server.url("smart/code/.git")));
    let Some(Heard::Cloning(last)) = ran.recorder.heard().into_iter().rfind(|heard| matches!(heard, Heard::Cloning(_)))
    else {
        panic!()
    };
    assert_eq!(last.received, 12); // not the first commit and its root
}

#[test]
fn branches_and_tags() {
    let root = tempfile::tempdir().unwrap();
    let (repository, main) = polyglot(root.path());
    git(&repository.0, ["checkout", "-q", "-b", "feature/x"]);
    let feature = repository.write("only_here.go", "package x\nfunc OnlyHere() {}\n").commit();
    git(&repository.0, ["tag", "-a", "-m", "x", "v1", "main"]);
    git(&repository.0, ["checkout", "-q", "main"]);
    let server = Server::start(root.path());
    for source in [repository.0.to_str().unwrap().to_owned(), server.url("smart/code/.git")] {
        let ran = run(&plan_of(&source, "feature/x"));
        assert_eq!(ran.outcome().commit.as_ref(), Some(&feature), "{source}");
        assert_eq!(ran.outcome().branch.as_deref(), Some("feature/x"));
        assert_eq!(ran.outcome().summary.languages["Go"].files, 1);
        let tagged = run(&plan_of(&source, "v1"));
        assert_eq!(tagged.outcome().commit.as_ref(), Some(&main), "{source}");
        let missing = run(&plan_of(&source, "nope"));
        assert_eq!(missing.code(), "repository_not_found", "{source}");
        assert!(missing.result.unwrap_err().to_string().contains("\"nope\""));
    }
}

#[test]
fn empty_repositories_complete() {
    let root = tempfile::tempdir().unwrap();
    let unborn = Repository::init(root.path().join("unborn"));
    git(&unborn.0, ["update-server-info"]);
    let bare = Repository::init(root.path().join("bare"));
    bare.commit();
    let server = Server::start(root.path());
    let cases = [
        (unborn.0.to_str().unwrap().to_owned(), false),
        (server.url("smart/unborn/.git"), false),
        (server.url("dumb/unborn/.git"), false),
        (bare.0.to_str().unwrap().to_owned(), true),
        (server.url("smart/bare/.git"), true),
    ];
    for (source, has_commit) in cases {
        let ran = run(&plan(&source));
        let outcome = ran.outcome();
        assert_eq!(outcome.commit.is_some(), has_commit, "{source}");
        assert_eq!((outcome.files_total, outcome.summary.files), (0, 0), "{source}");
        let answer = Index::open(&outcome.index_dir).unwrap().search("anything", 10).unwrap();
        assert_eq!((answer.total, answer.hits.len()), (0, 0), "{source}");
        check_progress(&ran);
    }
}

#[test]
fn what_is_not_there_or_not_allowed_has_a_code() {
    let root = tempfile::tempdir().unwrap();
    polyglot(root.path());
    let nowhere = root.path().join("nowhere");
    std::fs::create_dir(root.path().join("plain")).unwrap();
    let server = Server::start(root.path());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cases = [
        (nowhere.to_str().unwrap().to_owned(), "repository_not_found"),
        (root.path().join("plain").to_str().unwrap().to_owned(), "repository_not_found"),
        (server.url("smart/nowhere.git"), "repository_not_found"),
        (server.url("dumb/nowhere.git"), "repository_not_found"),
        (server.url("page/x.git"), "repository_not_found"),
        (server.url("404/x.git"), "repository_not_found"),
        (format!("http://127.0.0.1:{closed}/x.git"), "repository_not_found"),
        ("https://does-not-exist.invalid/x.git".to_owned(), "repository_not_found"),
        (server.url("401/x.git"), "authentication_required"),
        (server.url("403/x.git"), "authentication_required"),
        (server.url("500/x.git"), "internal"),
    ];
    for (source, code) in cases {
        let ran = run(&plan(&source));
        assert_eq!(ran.code(), code, "{source}: {:?}", ran.result);
        check_leftovers(&ran, &[]);
    }
}

#[test]
fn a_redirect_cannot_lead_where_the_policy_forbids() {
    let root = tempfile::tempdir().unwrap();
    polyglot(root.path());
    let server = Server::start(root.path());
    for target in ["file:///etc", "ftp://127.0.0.1", "gopher://127.0.0.1:1"] {
        server.redirect_away_to(target);
        assert_eq!(run(&plan(&server.url("away/x.git"))).code(), "url_not_allowed", "{target}");
    }
}

#[test]
fn odd_entries_are_counted_and_skipped() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("odd"));
    repository
        .write("plain.txt", "plain text\n")
        .write("image.bin", [0u8, 159, 146, 150])
        .write("latin1.c", b"/* caf\xe9 */\nint coffee(void) { return 1; }\n")
        .write("large.txt", "all work and no play\n".repeat(100_000));
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        repository.write(std::ffi::OsStr::from_bytes(b"b\xffd.rs"), "fn oddly_named() {}\n");
        std::os::unix::fs::symlink("/etc/passwd", repository.0.join("link")).unwrap();
        std::os::unix::fs::symlink("..", repository.0.join("up")).unwrap();
    }
    repository.commit();
    let entry = format!("160000,{},vendor/lib", "1".repeat(40));
    git(&repository.0, ["update-index", "--add", "--cacheinfo", &entry]);
    git(&repository.0, ["commit", "-q", "-m", "x"]);
    let server = Server::start(root.path());
    for source in [repository.0.to_str().unwrap().to_owned(), server.url("smart/odd/.git")] {
        let ran = run(&plan(&source));
        let summary = summary(&ran);
        let skipped = summary.skipped;
        assert_eq!(
            (skipped.binary, skipped.huge, skipped.symlink, skipped.submodule, skipped.unparsed),
            (1, 1, 2, 1, 0)
        );
        assert_eq!((summary.files, ran.outcome().files_total), (3, 5));
        let index = Index::open(&ran.outcome().index_dir).unwrap();
        assert_eq!(paths(&index, "oddly_named"), ["b\u{fffd}d.rs"]);
        assert_eq!(paths(&index, "coffee"), ["latin1.c"]);
        assert!(paths(&index, "root").is_empty());
        check_progress(&ran);
    }
}

#[test]
fn a_huge_file_is_skipped_unread() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("huge"));
    repository.write("small.rs", "fn small() {}\n");
    std::fs::File::create(repository.0.join("zeros.txt")).unwrap().set_len(200 << 20).unwrap();
    repository.commit();
    let server = Server::start(root.path());
    for source in [repository.0.to_str().unwrap().to_owned(), server.url("smart/huge/.git")] {
        let ran = run(&plan(&source));
        assert_eq!((ran.outcome().summary.files, ran.outcome().summary.skipped.huge), (1, 1), "{source}");
    }
}

#[test]
fn limits_hold() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("big"));
    for number in 0..20 {
        repository.write(format!("{number}/noise.txt"), noise(number, 20_000));
    }
    repository.commit();
    let server = Server::start(root.path());
    let (path, url) = (repository.0.to_str().unwrap().to_owned(), server.url("smart/big/.git"));
    let all = Limits::default();
    let cases = [
        (&path, Limits { max_files: 19, ..all }, "too_large"),
        (&url, Limits { max_files: 19, ..all }, "too_large"),
        (&path, Limits { max_bytes: 100_000, ..all }, "too_large"),
        (&url, Limits { max_bytes: 100_000, ..all }, "too_large"),
        (&path, Limits { timeout: Duration::ZERO, ..all }, "timed_out"),
        (&url, Limits { timeout: Duration::ZERO, ..all }, "timed_out"),
    ];
    for (source, limits, code) in cases {
        let mut plan = plan(source);
        plan.limits = limits;
        assert_eq!(run(&plan).code(), code, "{source} {limits:?}");
    }
    let mut plan = plan(&url);
    plan.limits = Limits { max_files: 20, ..all };
    assert_eq!(run(&plan).outcome().files_total, 20);
}

#[test]
fn too_many_bytes_are_noticed_on_the_way() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("big"));
    repository.write("noise.txt", noise(1, 400_000)).commit();
    let server = Server::start(root.path());
    // The rest of the pack never comes, so only looking at what has come can find out.
    let mut plan = plan(&server.url("stall/big/.git"));
    plan.limits.max_bytes = 50_000;
    assert_eq!(run(&plan).code(), "too_large");
}

#[test]
fn a_silent_server_times_out() {
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path());
    let mut plan = plan(&server.url("silent/x.git"));
    plan.limits.timeout = Duration::from_millis(200);
    let ran = run(&plan);
    assert_eq!(ran.code(), "timed_out");
    check_leftovers(&ran, &[]);
}

#[test]
fn cancelling_stops_every_phase_and_removes_the_clone() {
    let root = tempfile::tempdir().unwrap();
    let repository = Repository::init(root.path().join("big"));
    for number in 0..50 {
        repository.write(format!("{number}.txt"), noise(number, 10_000));
    }
    repository.commit();
    let server = Server::start(root.path());
    let smart = server.url("smart/big/.git");
    type When = fn(&Heard) -> bool;
    let cases: [(String, When); 6] = [
        (smart.clone(), |heard| matches!(heard, Heard::Cloning(_))),
        (server.url("silent/big.git"), |heard| matches!(heard, Heard::Cloning(_))),
        (server.url("stall/big/.git"), |heard| matches!(heard, Heard::Cloning(now) if now.bytes > 50_000)),
        (smart.clone(), |heard| matches!(heard, Heard::Commit(..))),
        (smart.clone(), |heard| matches!(heard, Heard::Parsing(25, ..))),
        (smart, |heard| matches!(heard, Heard::Indexing(..))),
    ];
    for (number, (source, when)) in cases.into_iter().enumerate() {
        let ran = run_with(&plan(&source), Recorder::cancelling(when));
        let waited = ran.recorder.cancelled_at.lock().unwrap().unwrap().elapsed();
        assert_eq!(ran.code(), "cancelled", "case {number}");
        assert!(waited < Duration::from_secs(1), "case {number} took {waited:?}");
        let clones = std::fs::read_dir(ran.work.path()).unwrap().flatten();
        assert_eq!(clones.filter(|entry| entry.file_name().to_string_lossy().starts_with("clone-")).count(), 0);
    }
}

#[test]
fn cancelling_ends_the_git_program() {
    let root = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let source = format!("git://127.0.0.1:{}/x.git", listener.local_addr().unwrap().port());
    // Cancels only once git is connected; it then waits for an answer that never comes.
    let (send, connected) = std::sync::mpsc::channel();
    let recorder = Recorder::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, _) = listener.accept().unwrap();
            recorder.cancel.store(true, std::sync::atomic::Ordering::SeqCst);
            send.send((stream, std::time::Instant::now())).unwrap();
        });
        let result = milepost_jobs::ingest::ingest(&plan(&source), root.path(), &recorder, &recorder.cancel);
        assert_eq!(result.unwrap_err().code(), "cancelled");
    });
    let (mut stream, at) = connected.recv().unwrap();
    assert!(at.elapsed() < Duration::from_secs(1));
    // The connection is closed: git is gone.
    let mut request = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut request).unwrap();
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn the_packed_index_answers_like_the_original() {
    let root = tempfile::tempdir().unwrap();
    let (repository, _) = polyglot(root.path());
    let ran = run(&plan(repository.0.to_str().unwrap()));
    let elsewhere = root.path().join("elsewhere");
    unpack(&ran.outcome().index_tar_path, &elsewhere).unwrap();
    let (one, other) = (Index::open(&ran.outcome().index_dir).unwrap(), Index::open(&elsewhere).unwrap());
    for query in ["parse", "Shape", "reader read", ""] {
        assert_eq!(one.search(query, 5).unwrap(), other.search(query, 5).unwrap());
    }
}

#[test]
fn credentials_are_not_told() {
    let source = "https://me:hunter2@does-not-exist.invalid/x.git";
    let ran = run(&plan(source));
    let told = format!("{:?} {:?} {}", ran.result, plan(source), plan(source).source);
    assert!(!told.contains("hunter2"), "{told}");
}

/// Text that does not compress, the same on every run.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    };
    (0..length).map(|number| if number % 80 == 79 { '\n' } else { next() }).collect()
}
