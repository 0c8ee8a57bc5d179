//! Repositories are cloned, parsed and indexed while people watch.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use milepost_tests::api::{eventually, expect, expect_problem, header};
use milepost_tests::git::{GitServer, Repository, git, some_hundred_files};
use milepost_tests::{Api, Events, Frame, Server};
use reqwest::Response;
use serde_json::{Value, json};

const STAGES: [&str; 5] = ["Cloning", "Parsing", "Indexing", "Complete", "Failed"];

async fn start(server: &Server, query: &str, body: Value) -> Response {
    let request = server.api().client().post(server.url(&format!("/api/v1/ingest/github{query}")));
    // What `curl -d` says of any body.
    request.header("content-type", "application/x-www-form-urlencoded").body(body.to_string()).send().await.unwrap()
}

async fn stream(server: &Server, body: Value) -> Events {
    Events::of(start(server, "?stream=true", body).await)
}

async fn get(server: &Server, path: &str) -> Response {
    server.api().client().get(server.url(&format!("/api/v1/ingest/{path}"))).send().await.unwrap()
}

async fn join(server: &Server, job: &str, last_event_id: Option<&str>) -> Events {
    Events::get(server.api().client(), &server.url(&format!("/api/v1/ingest/{job}/events")), last_event_id).await
}

/// All frames of a stream to its end, with the moments at which they came.
async fn watch(mut events: Events) -> Vec<(Instant, Frame)> {
    let mut seen = Vec::new();
    while let Some(frame) = events.next().await {
        seen.push((Instant::now(), frame));
    }
    check_frames(&seen);
    seen
}

/// What holds for every viewer, whenever it came.
fn check_frames(seen: &[(Instant, Frame)]) {
    let stage = |frame: &Frame| STAGES.iter().position(|stage| frame.data["stage"] == *stage).unwrap();
    let percentage = |frame: &Frame| frame.data["percentage"].as_u64().unwrap();
    for (_, frame) in seen {
        let data = &frame.data;
        assert_eq!(frame.name, "progress");
        assert!(data["job_id"].is_string() && data["message"].is_string() && data["timestamp"].is_string(), "{data}");
        assert_eq!(percentage(frame) == 100, data["stage"] == "Complete", "{data}");
        assert_eq!(data["error"].is_object(), data["stage"] == "Failed", "{data}");
        if data["stage"] == "Parsing" {
            let counts = format!("Parsing file {}/{}", data["files_done"], data["files_total"]);
            assert_eq!(data["message"], counts.as_str());
        }
    }
    for pair in seen.windows(2) {
        let [(before_at, before), (after_at, after)] = pair else { unreachable!() };
        assert!(stage(before) <= stage(after) && percentage(before) <= percentage(after), "{before:?} {after:?}");
        assert!(before.seq() <= after.seq());
        let gap = after_at.duration_since(*before_at);
        assert!(gap < Duration::from_secs(5), "silence before {after:?}");
        assert!(before.data["stage"] != after.data["stage"] || gap > Duration::from_millis(900), "too soon: {after:?}");
    }
}

fn last(seen: &[(Instant, Frame)]) -> &Value {
    &seen.last().unwrap().1.data
}

fn stages(seen: &[(Instant, Frame)]) -> Vec<&str> {
    let mut stages: Vec<&str> = seen.iter().map(|(_, frame)| frame.data["stage"].as_str().unwrap()).collect();
    stages.dedup();
    stages
}

#[tokio::test]
async fn the_literal_command_shows_stages_counts_and_percentages() {
    let root = tempfile::tempdir().unwrap();
    some_hundred_files(root.path());
    let (remote, server) = (GitServer::start(root.path()), Server::start().await);
    for how in ["smart", "dumb"] {
        let url = server.url("/api/v1/ingest/github?stream=true");
        let body = json!({"repository": remote.url(&format!("{how}/code/.git"))}).to_string();
        let curl = tokio::process::Command::new("curl").args(["-sN", &url, "-d", &body]).output().await.unwrap();
        let text = String::from_utf8(curl.stdout).unwrap();
        assert!(!text.contains('\r'));
        let frames: Vec<Vec<&str>> = text.split_terminator("\n\n").map(|frame| frame.lines().collect()).collect();
        let mut shown = Vec::new();
        for frame in &frames {
            let [id, "event: progress", data] = frame[..] else { panic!("{frame:?}") };
            assert!(id.starts_with("id: "));
            shown.push(serde_json::from_str::<Value>(data.strip_prefix("data: ").unwrap()).unwrap());
        }
        let end = shown.last().unwrap();
        assert_eq!(
            (&end["stage"], &end["percentage"], &end["files_done"]),
            (&json!("Complete"), &json!(100), &json!(301))
        );
        let parsing = shown.iter().find(|data| data["stage"] == "Parsing").unwrap();
        assert!(parsing["message"].as_str().unwrap().ends_with("/301"), "{parsing}");
        // The same once more, as a late viewer and as one who has seen all.
        let job = end["job_id"].as_str().unwrap();
        let late = watch(join(&server, job, None).await).await;
        assert_eq!((late.len(), last(&late)), (1, end));
        let id = late[0].1.id.clone();
        let again =
            server.api().client().get(server.url(&format!("/api/v1/ingest/{job}/events"))).header("last-event-id", id);
        assert_eq!(again.send().await.unwrap().status(), 204);
        check_results(&server, job).await;
    }
}

async fn check_results(server: &Server, job: &str) {
    let state = expect(get(server, job).await, 200).await;
    let members = "job_id project repository branch commit status stage message percentage files_done files_total error created_at updated_at cursor";
    assert_eq!(state.as_object().unwrap().len(), members.split(' ').count());
    assert!(members.split(' ').all(|member| state.get(member).is_some()), "{state}");
    assert_eq!(
        (&state["status"], &state["error"], state["commit"].as_str().unwrap().len()),
        (&json!("completed"), &Value::Null, 40)
    );
    let artifact = async |name: &str| server.api().get(&format!("/runs/{job}/artifacts/{name}")).await;
    let summary = expect(artifact("summary.json").await, 200).await;
    assert_eq!(
        (&summary["files"], &summary["commit"], &summary["repository"]),
        (&json!(301), &state["commit"], &state["repository"])
    );
    let python = &summary["languages"]["Python"];
    assert_eq!((&python["files"], &python["lines"]), (&json!(300), &json!(300 * 23)));
    assert!(python["bytes"].is_u64() && python["symbols"].as_u64() >= Some(600) && summary["skipped"].is_object());
    let symbols = artifact("symbols.ndjson").await.text().await.unwrap();
    let symbols: Vec<Value> = symbols.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let class = symbols.iter().find(|symbol| symbol["name"] == "Thing7" && symbol["role"] == "definition").unwrap();
    assert_eq!(
        (&class["path"], &class["line"], &class["language"], &class["kind"]),
        (&json!("package7/file7.py"), &json!(1), &json!("Python"), &json!("class"))
    );
    let search = async |query: &str| {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        expect(get(server, &format!("{job}/search?q={encoded}")).await, 200).await
    };
    let found = search("needle").await;
    let hit = &found["hits"][0];
    assert_eq!((&found["query"], &found["total"]), (&json!("needle"), &json!(1)));
    assert_eq!((&hit["path"], &hit["line"], &hit["language"]), (&json!("README.md"), &json!(1), &json!("Markdown")));
    assert!(hit["score"].is_f64() && hit["snippet"].as_str().unwrap().contains("needle"));
    assert_eq!(search("Thing42").await["hits"][0]["path"], "package2/file42.py");
    for strange in [
        "",
        " ",
        "\"",
        "AND",
        "a AND OR",
        "(",
        "*",
        "field:x",
        "a:b:c",
        "~1",
        "[1 TO",
        "\\",
        "\0",
        "%",
        "ß",
        "😀",
        "+-&&||!(){}[]^\"~*?:\\/",
    ] {
        let found = search(strange).await;
        assert_eq!((&found["query"], found["hits"].is_array()), (&json!(strange), true));
    }
    assert!(search(&"x ".repeat(1_000)).await["hits"].is_array(), "a long one, too");
}

#[tokio::test]
async fn many_watch_one_job_and_come_back_to_it() {
    let root = tempfile::tempdir().unwrap();
    some_hundred_files(root.path());
    let (remote, server) = (GitServer::start(root.path()), Server::start().await);
    let body = json!({"repository": remote.url("held/code/.git"), "job_id": "j"});
    let mut first = stream(&server, body.clone()).await;
    let begun = first.next().await.unwrap();
    assert_eq!((&begun.data["stage"], &begun.data["job_id"]), (&json!("Cloning"), &json!("j")));
    let second = tokio::spawn(watch(join(&server, "j", None).await));
    let same = tokio::spawn(watch(stream(&server, body.clone()).await));
    // The first terminal breaks off while the job goes on, and comes back.
    let mut count = 0;
    while first.last_event_id == begun.id && count < 3 {
        first.next().await.unwrap();
        count += 1;
    }
    let cursor = first.last_event_id.clone();
    drop(first);
    let resumed_at = Instant::now();
    let resumed = tokio::spawn(watch(join(&server, "j", Some(&cursor)).await));
    let stranger = tokio::spawn(watch(join(&server, "j", Some("0-999")).await));
    let started = expect(start(&server, "", body.clone()).await, 202).await;
    let urls = json!({"job_id": "j", "status": "running", "events_url": "/api/v1/ingest/j/events", "cancel_url": "/api/v1/ingest/j/cancel"});
    assert_eq!(started, urls);
    let other = json!({"repository": remote.url("smart/code/.git"), "job_id": "j"});
    expect_problem(start(&server, "", other.clone()).await, 409, "job_exists").await;
    assert_eq!(last(&watch(stream(&server, other).await).await)["error"]["code"], "job_exists");
    expect_problem(get(&server, "j/search?q=x").await, 409, "run_not_terminal").await;
    expect_signs_of_life(&server).await;
    remote.let_go();
    for (name, seen) in [("second", second), ("same", same), ("resumed", resumed), ("stranger", stranger)] {
        let seen = seen.await.unwrap();
        assert_eq!(stages(&seen).last(), Some(&"Complete"), "{name}");
        if name == "resumed" {
            let (came_at, frame) = &seen[0];
            let is_sign_of_life = came_at.duration_since(resumed_at) > Duration::from_secs(2);
            assert!(frame.id != cursor || is_sign_of_life, "it has seen that: {frame:?}");
        }
    }
    let work = server.data_dir().join("work");
    eventually("the clone is gone", || std::fs::read_dir(&work).unwrap().count() == 0).await;
}

/// A viewer hears something every 5 s, however little happens.
async fn expect_signs_of_life(server: &Server) {
    let mut viewer = join(server, "j", None).await;
    for _ in 0..2 {
        let began = Instant::now();
        assert_eq!(viewer.next().await.unwrap().data["stage"], "Cloning");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn cancelling_takes_less_than_a_second() {
    let root = tempfile::tempdir().unwrap();
    some_hundred_files(root.path());
    let (remote, server) = (GitServer::start(root.path()), Server::start().await);
    for how in ["stall", "silent"] {
        let mut viewer =
            stream(&server, json!({"repository": remote.url(&format!("{how}/code/.git")), "job_id": how})).await;
        viewer.next().await.unwrap();
        // Closing the stream of the one who asked does not cancel.
        let closed = join(&server, how, None).await;
        drop(closed);
        assert_eq!(expect(get(&server, how).await, 200).await["status"], "running");
        let asked = Instant::now();
        let cancel = server.api().client().post(server.url(&format!("/api/v1/ingest/{how}/cancel")));
        let answer = expect(cancel.send().await.unwrap(), 202).await;
        assert_eq!((&answer["run"], &answer["cancel"]["acknowledged"]), (&json!(how), &Value::Null));
        let frames = viewer.rest().await;
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        let end = &frames.last().unwrap().data;
        assert_eq!((&end["stage"], &end["error"]["code"]), (&json!("Failed"), &json!("cancelled")));
        assert!(end["percentage"].as_u64().unwrap() < 50, "it did not come far: {end}");
        assert_eq!(expect(get(&server, how).await, 200).await["status"], "cancelled");
        let runs = server.api().snapshot(how).await["runs"].clone();
        assert!(runs.as_array().unwrap().iter().all(|run| run["state"] == "cancelled"), "{runs}");
        assert_eq!(runs[0]["cancel"]["acknowledged"], true, "the worker said so itself");
    }
}

/// A failure over a stream, and what the same request gets without one: a status, where it is refused before a job exists.
async fn check_failure(server: &Server, repository: &str, branch: Option<&str>, code: &str, status: u16) {
    let body = json!({"repository": repository, "branch": branch});
    let seen = watch(stream(server, body.clone()).await).await;
    let end = last(&seen);
    assert_eq!((&end["stage"], &end["error"]["code"]), (&json!("Failed"), &json!(code)), "{repository}: {end}");
    assert!(!end["error"]["message"].as_str().unwrap().is_empty());
    assert!(seen.iter().filter(|(_, frame)| frame.data["stage"] == "Failed").count() == 1);
    assert!(end["percentage"].as_u64().unwrap() <= 20, "it did not come far: {end}");
    if status != 202 {
        expect_problem(start(server, "", body).await, status, code).await;
        return;
    }
    let started = expect(start(server, "", body).await, 202).await;
    let job = started["job_id"].as_str().unwrap();
    watch(join(server, job, None).await).await;
    let state = expect(get(server, job).await, 200).await;
    assert_eq!(
        (&state["status"], &state["stage"], &state["error"]["code"]),
        (&json!("failed"), &json!("Failed"), &json!(code))
    );
}

#[tokio::test]
async fn failures_have_codes() {
    let root = tempfile::tempdir().unwrap();
    some_hundred_files(root.path());
    let remote = GitServer::start(root.path());
    let (code, local) = (remote.url("smart/code/.git"), root.path().join("code").to_str().unwrap().to_owned());
    let server = Server::start_with(&["--set", "ingest.max_files=100", "--set", "ingest.timeout_s=1"], &[]).await;
    let cases = [
        ("not a url", None, "invalid_url", 422),
        (&code, Some("a..b"), "invalid_url", 422),
        ("ftp://example.org/a", None, "url_not_allowed", 403),
        ("ext::sh -c id", None, "invalid_url", 422),
        (&remote.url("smart/none"), None, "repository_not_found", 202),
        ("http://127.0.0.1:1/a", None, "repository_not_found", 202),
        ("/no/such/path", None, "repository_not_found", 202),
        (&code, Some("no-such-branch"), "repository_not_found", 202),
        (&remote.url("401/code"), None, "authentication_required", 202),
        (&code, None, "too_large", 202),
        (&local, None, "too_large", 202),
        (&remote.url("silent/code"), None, "timed_out", 202),
        (&remote.url("500/code"), None, "internal", 202),
    ];
    for (repository, branch, code, status) in cases {
        check_failure(&server, repository, branch, code, status).await;
    }
    for body in ["", "{", "[]", "7", "{}", r#"{"repository":""}"#, r#"{"repository":7}"#, r#"{"repository":null}"#] {
        for query in ["", "?stream=true"] {
            let url = server.url(&format!("/api/v1/ingest/github{query}"));
            let answer = server.api().client().post(url).body(body).send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), header(&answer, "content-type")),
                (400, "application/problem+json".to_owned()),
                "{body}"
            );
        }
    }
    let strict = Server::start_with(&["--allow-local", "false", "--allow-private", "false"], &[]).await;
    for repository in [
        &code,
        &local,
        "https://localhost/a",
        "https://[::1]/a",
        "https://169.254.169.254/a",
        "http://example.org/a",
        "git@example.org:a",
    ] {
        check_failure(&strict, repository, None, "url_not_allowed", 403).await;
    }
}

async fn ingested(server: &Server, repository: &Path) -> (String, Value) {
    let seen = watch(stream(server, json!({"repository": repository})).await).await;
    assert_eq!(last(&seen)["stage"], "Complete", "{}", last(&seen));
    let job = last(&seen)["job_id"].as_str().unwrap().to_owned();
    let summary = expect(server.api().get(&format!("/runs/{job}/artifacts/summary.json")).await, 200).await;
    (job, summary)
}

#[tokio::test]
async fn odd_repositories_are_ingested_too() {
    let (root, server) = (tempfile::tempdir().unwrap(), Server::start().await);
    let empty = Repository::init(root.path().join("empty"));
    let (job, summary) = ingested(&server, &empty.0).await;
    assert_eq!((&summary["files"], &summary["commit"]), (&json!(0), &Value::Null));
    assert_eq!(expect(get(&server, &format!("{job}/search?q=x")).await, 200).await["total"], 0);

    std::fs::write(root.path().join("secret.txt"), "outside\n").unwrap();
    let odd = Repository::init(root.path().join("odd repository"));
    odd.write("good.rs", "pub fn good() {}\n")
        .write("binary.bin", [0_u8, 159, 146, 150, 0])
        .write("latin.txt", b"gr\xfcn\n");
    odd.write("huge.py", "x = 1\n".repeat(400_000)).write("deep/er/and/deeper/file.js", "function deeper() {}\n");
    odd.write(std::ffi::OsStr::from_bytes(b"not\xffutf8.py"), "def strangely_named(): pass\n");
    for (target, name) in [("../secret.txt", "outside"), ("/etc/passwd", "passwd"), (".", "loop")] {
        std::os::unix::fs::symlink(target, odd.0.join(name)).unwrap();
    }
    odd.commit();
    git(&odd.0, ["update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,module"]);
    git(&odd.0, ["commit", "-q", "-m", "a submodule"]);
    let (job, summary) = ingested(&server, &odd.0).await;
    let skipped = &summary["skipped"];
    assert_eq!(
        (&skipped["symlink"], &skipped["submodule"], &skipped["huge"]),
        (&json!(3), &json!(1), &json!(1)),
        "{summary}"
    );
    assert!(skipped["binary"].as_u64() >= Some(1));
    for (query, total) in [("good", 1), ("deeper", 1), ("strangely_named", 1), ("outside", 0), ("root", 0)] {
        let found = expect(get(&server, &format!("{job}/search?q={query}")).await, 200).await;
        assert_eq!(found["total"], total, "{query}: {found}");
    }
    let broken = Command::new("git").args(["init", "-q", "--bare"]).arg(root.path().join("bare")).status().unwrap();
    assert!(broken.success());
    std::fs::remove_file(root.path().join("bare/HEAD")).unwrap();
    check_failure(&server, root.path().join("bare").to_str().unwrap(), None, "repository_not_found", 202).await;
}

#[tokio::test]
async fn a_job_lives_in_its_project_and_goes_with_its_run() {
    let (root, server) = (tempfile::tempdir().unwrap(), Server::start().await);
    let repository = Repository::init(root.path().join("code"));
    repository.write("a.py", "x = 1\n").commit();
    let body = json!({"repository": repository.0, "project": "p", "job_id": "j"});
    let started = expect(start(&server, "", body.clone()).await, 202).await;
    assert_eq!(started["events_url"], "/api/v1/ingest/j/events?project=p");
    let url = server.url(started["events_url"].as_str().unwrap());
    let seen = watch(Events::get(server.api().client(), &url, None).await).await;
    assert_eq!(last(&seen)["stage"], "Complete");
    for path in ["j", "j/events", "j/search?q=x"] {
        expect_problem(get(&server, path).await, 404, "run_not_found").await;
    }
    assert_eq!(expect(get(&server, "j/search?q=x&project=p").await, 200).await["total"], 1);
    let native = Api::new(&server.url(""), "p");
    let run = native.snapshot("j").await["runs"][0].clone();
    assert_eq!((&run["kind"], &run["state"]), (&json!("ingest"), &json!("completed")));
    // Another kind of run is no job, and an id of a job is not free for one.
    native.running("agent", "agent").await;
    expect_problem(get(&server, "agent?project=p").await, 404, "run_not_found").await;
    let taken = json!({"repository": repository.0, "project": "p", "job_id": "agent"});
    assert_eq!(start(&server, "", taken).await.status(), 409);
    assert_eq!(native.send(reqwest::Method::DELETE, "/runs/j", &[], "").await.status(), 204);
    expect_problem(get(&server, "j?project=p").await, 404, "run_not_found").await;
    expect(start(&server, "", body).await, 202).await;
}
