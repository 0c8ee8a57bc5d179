//! The process: settings, one server per directory, the first line, and an orderly end.

use std::process::Stdio;

use milepost_tests::api::expect;
use milepost_tests::server::{PATIENCE, binary};
use milepost_tests::{Server, Socket};
use serde_json::json;
use tokio::process::Command;

/// Runs `milepost serve` where it has to refuse, and returns what it says.
async fn refused(flags: &[&str], environment: &[(&str, &str)], file: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("milepost.toml"), file).unwrap();
    let mut command = Command::new(binary());
    command.arg("serve").args(flags).envs(environment.iter().copied()).current_dir(directory.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it does not start").unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{flags:?} {environment:?} {file}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn wrong_settings_are_refused_by_name() {
    let cases: [(&[&str], &[(&str, &str)], &str, &str); 9] = [
        (&["--listen", "0.0.0.0:0"], &[], "", "--insecure"),
        (&["--listen", "[::]:0"], &[], "", "--insecure"),
        (&["--listen", "nowhere"], &[], "", "nowhere"),
        (&["--set", "no.such=1"], &[], "", "no.such"),
        (&[], &[("MILEPOST_NO_SUCH", "1")], "", "MILEPOST_NO_SUCH"),
        (&[], &[("MILEPOST_AUTH__MODE", "odd")], "", "auth.mode"),
        (&[], &[], "no_such = 1", "no_such"),
        (&[], &[], "[ingest]\nno_such = 1", "no_such"),
        (&[], &[], "listen = 7", "listen"),
    ];
    for (flags, environment, file, named) in cases {
        let words = refused(flags, environment, file).await;
        assert!(words.contains(named), "{flags:?} {environment:?} {file}: {words}");
    }
}

#[tokio::test]
async fn flags_beat_the_environment_which_beats_the_file() {
    let mut server = Server::prepare(&[], &[]);
    let (from_file, from_environment) = (server.data_dir().join("file"), server.data_dir().join("environment"));
    let file = format!("listen = \"127.0.0.1:1\"\ndata_dir = {:?}\n[progress]\nmin_interval_ms = 5\n", from_file);
    std::fs::write(server.data_dir().join("milepost.toml"), file).unwrap();
    // The flags are the harness's own: the address and the directory.
    server.start_again().await;
    assert!(!from_file.exists() && server.data_dir().join("milepost.db").exists());
    server.terminate().await;
    let mut command = Command::new(binary());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(server.data_dir())
        .env("MILEPOST_DATA_DIR", &from_environment);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut line = [0; 10];
    tokio::io::AsyncReadExt::read_exact(child.stdout.as_mut().unwrap(), &mut line).await.unwrap();
    assert!(!from_file.exists() && from_environment.join("milepost.db").exists());
}

#[tokio::test]
async fn one_server_per_directory() {
    let server = Server::start().await;
    let data = server.data_dir().to_str().unwrap().to_owned();
    let words = refused(&["--listen", "127.0.0.1:0", "--data-dir", &data], &[], "").await;
    assert!(words.contains("in use"), "{words}");
    let words = refused(&["--listen", server.address(), "--data-dir", "elsewhere"], &[], "").await;
    assert!(words.contains("in use"), "{words}");
    server.api().running("r", "job").await;
}

#[tokio::test]
async fn what_everybody_may_ask() {
    let server = Server::start().await;
    let api = server.api();
    let get = async |path: &str| api.client().get(server.url(path)).send().await.unwrap();
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(get(path).await.status(), 200, "{path}");
    }
    api.running("r", "job").await;
    let document = expect(get("/openapi.json").await, 200).await;
    assert!(document["paths"]["/v1/projects/{project}/runs/{run}/events"]["post"].is_object());
    let metrics = get("/metrics").await.text().await.unwrap();
    let samples: Vec<&str> = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert!(
        samples.len() > 5 && samples.iter().all(|line| line.rsplit(' ').next().unwrap().parse::<f64>().is_ok()),
        "{metrics}"
    );
}

#[tokio::test]
async fn sigterm_drains_and_nothing_is_lost() {
    let mut server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let mut viewer = api.follow("r", "").await;
    viewer.until("caught_up").await;
    let mut socket = Socket::open(&server).await;
    socket.say(json!({"op": "subscribe", "sub": "s", "run": "r"})).await;
    socket.hear_of("s").await;
    let waiting = tokio::spawn({
        let api = api.clone();
        async move { api.get("/runs/r/events?after=3&wait=60").await.status() }
    });
    api.publish("r", json!({"type": "x.a"})).await;
    let (status, frames, closed) = tokio::join!(server.terminate(), viewer.rest(), socket.closed());
    assert_eq!(status.code(), Some(0));
    assert!(frames.iter().all(|frame| frame.name != "end"), "the run goes on, so its stream does not end: {frames:?}");
    assert_eq!(u16::from(closed.unwrap().code), 1001);
    assert_eq!(waiting.await.unwrap(), 200, "who waits is answered");
    let cursor = viewer.last_event_id;
    server.start_again().await;
    let api = server.api();
    let mut viewer = api.resume("r", &cursor).await;
    assert_eq!(viewer.until("caught_up").await.len(), 1, "everything was seen before");
    api.publish("r", json!({"type": "run.completed"})).await;
    assert_eq!(viewer.rest().await.last().unwrap().name, "end");
}
