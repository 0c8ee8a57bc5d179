//! How a server starts, stops, and starts again.

use milepost_server::{Config, Server, StartError};
use reqwest::header::{ACCEPT, IF_NONE_MATCH};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Milepost, header, json as ask, send};

#[tokio::test]
async fn everything_survives_a_restart() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    milepost.publish("c1", json!({"type": "run.progressed", "data": {"current": 1, "total": 4}})).await;
    send(milepost.put("/runs/c1/artifacts/a?name=a.txt", "some bytes"), 201).await;
    let without_time = |mut snapshot: Value| {
        snapshot.as_object_mut().unwrap().remove("time");
        snapshot
    };
    let before = without_time(milepost.snapshot("c1").await);
    let milepost = milepost.restart().await;
    assert_eq!(without_time(milepost.snapshot("c1").await), before);
    assert_eq!(send(milepost.get("/runs/c1/artifacts/a"), 200).await.text().await.unwrap(), "some bytes");
    assert_eq!(milepost.publish("c1", json!({"type": "x.a"})).await["seq"], 5);
}

#[tokio::test]
async fn stopping_ends_what_waits_and_what_streams() {
    let milepost = Milepost::start().await;
    let cursor = milepost.run("c1").await["cursor"].as_str().unwrap().to_owned();
    let snapshot = milepost.get("/runs/c1?wait=60").header(IF_NONE_MATCH, cursor);
    let page = milepost.get("/runs/c1/events?after=2&wait=60");
    let control = milepost.get("/runs/c1/control?wait=60");
    let claim = milepost.post("/claims", &json!({"kinds": ["x"], "lease_seconds": 1, "wait": 60}));
    let waiting = tokio::spawn(async move {
        tokio::join!(send(snapshot, 304), ask(page, 200), send(control, 204), send(claim, 204));
    });
    let mut streams = Vec::new();
    for (path, accept) in [
        ("/runs/c1/events", "text/event-stream"),
        ("/runs/c1/events", "application/x-ndjson"),
        ("/runs/c1/control", "text/event-stream"),
        ("/events", "*/*"),
    ] {
        streams.push(send(milepost.get(path).header(ACCEPT, accept), 200).await);
    }
    // The four that wait, and this one.
    let all = "milepost_http_requests_open 5";
    while !send(milepost.get("/metrics"), 200).await.text().await.unwrap().contains(all) {
        tokio::task::yield_now().await;
    }
    let directory = milepost.stop().await;
    waiting.await.unwrap();
    for stream in streams {
        stream.bytes().await.unwrap();
    }
    drop(directory);
}

#[tokio::test]
async fn one_server_has_a_directory_and_an_address() {
    let directory = tempfile::tempdir().unwrap();
    let running = Server::start(Config::local(directory.path()).unwrap()).await.unwrap();
    let second = Server::start(Config::local(directory.path()).unwrap()).await.unwrap_err();
    assert!(matches!(second, StartError::Store(_)), "{second}");
    let other = tempfile::tempdir().unwrap();
    let mut config = Config::local(other.path()).unwrap();
    config.listen = running.address();
    let third = Server::start(config).await.unwrap_err();
    assert!(matches!(third, StartError::Listen { .. }), "{third}");
    running.shutdown().await;
}

#[tokio::test]
async fn a_request_in_pieces_is_a_request() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let address = milepost.url("/");
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = r#"{"id":"e1","type":"x.a"}"#;
    let head =
        format!("POST /v1/projects/p/runs/c1/events HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    for byte in head.bytes().chain(body.bytes()) {
        socket.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    // A second request on the same connection, which is the last.
    socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let milepost = Milepost::start().await;
    let response = milepost.get("/healthz").header("x-much", "x".repeat(20_000)).send().await.unwrap();
    assert_eq!(response.status(), 431);
    assert_eq!(header(&send(milepost.get("/healthz"), 200).await, "content-length"), "3");
}
