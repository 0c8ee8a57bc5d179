//! Artifacts: bytes in, bytes out, and nothing in between.

use std::path::Path;

use futures_util::stream;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Milepost, header, json as ask, problem, send};

const SHA256_OF_HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[tokio::test]
async fn bytes_are_published_when_they_are_there() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    milepost
        .publish("c1", json!({"type": "artifact.pending", "data": {"artifact": "a", "artifact_type": "post"}}))
        .await;
    problem(milepost.get("/runs/c1/artifacts/a"), "artifact_not_found").await;
    let put = || milepost.put("/runs/c1/artifacts/a?name=hello.txt", "hello").header("content-type", "text/plain");
    let first = send(put(), 201).await;
    assert_eq!(header(&first, "location"), "/v1/projects/p/runs/c1/artifacts/a");
    let first: serde_json::Value = first.json().await.unwrap();
    let url = "/v1/projects/p/runs/c1/artifacts/a";
    let expect = json!({"run": "c1", "artifact": "a", "seq": 4, "size": 5, "sha256": SHA256_OF_HELLO, "url": url});
    assert_eq!(first, expect);

    let event = ask(milepost.get("/runs/c1/events?after=3"), 200).await["events"][0].clone();
    assert_eq!(event["type"], "artifact.ready");
    let data = json!({"artifact": "a", "name": "hello.txt", "media_type": "text/plain", "size": 5,
        "sha256": SHA256_OF_HELLO, "url": url});
    assert_eq!(event["data"], data);
    // What was said when it was announced is still there.
    let artifact = milepost.snapshot("c1").await["artifacts"][0].clone();
    assert_eq!((&artifact["artifact_type"], &artifact["state"]), (&json!("post"), &json!("ready")));

    // The answer was lost and the upload is repeated, even after the run has ended.
    assert_eq!(ask(put(), 200).await, first);
    milepost.publish("c1", json!({"type": "run.completed"})).await;
    assert_eq!(ask(put(), 200).await, first);
    problem(milepost.put("/runs/c1/artifacts/a", "other"), "artifact_exists").await;
    problem(milepost.put("/runs/c1/artifacts/b", "other"), "run_terminal").await;
    assert_eq!(milepost.snapshot("c1").await["seq"], 5);
    assert_eq!(stored(milepost.data_dir()), 1);
}

#[tokio::test]
async fn bytes_are_given_whole_and_in_parts() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let put = milepost.put("/runs/c1/artifacts/a?name=Größe.txt&media_type=text/plain", "0123456789");
    let sha256 = ask(put, 201).await["sha256"].as_str().unwrap().to_owned();
    let etag = format!("\"{sha256}\"");
    let whole = send(milepost.get("/runs/c1/artifacts/a"), 200).await;
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "10"),
        ("etag", &*etag),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
        ("content-disposition", "inline; filename=\"Gr__e.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt"),
    ] {
        assert_eq!(header(&whole, name), value);
    }
    assert_eq!(whole.text().await.unwrap(), "0123456789");
    let head = send(milepost.request(Method::HEAD, "/runs/c1/artifacts/a"), 200).await;
    assert_eq!((header(&head, "content-length"), header(&head, "etag")), ("10", &*etag));

    for (range, part, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-1", "9", "bytes 9-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let response = send(milepost.get("/runs/c1/artifacts/a").header("range", range), 206).await;
        assert_eq!(header(&response, "content-range"), content_range);
        assert_eq!(response.text().await.unwrap(), part);
    }
    let outside = milepost.get("/runs/c1/artifacts/a").header("range", "bytes=10-");
    let outside = outside.send().await.unwrap();
    assert_eq!((outside.status().as_u16(), header(&outside, "content-range")), (416, "bytes */10"));
    problem(milepost.get("/runs/c1/artifacts/a").header("range", "bytes=10-"), "range_not_satisfiable").await;

    let part = |tag: &str| milepost.get("/runs/c1/artifacts/a").header("range", "bytes=0-0").header("if-range", tag);
    send(part(&etag), 206).await;
    send(part("\"other\""), 200).await;
    let known = milepost.get("/runs/c1/artifacts/a").header("if-none-match", &etag);
    assert_eq!(send(known, 304).await.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_artifact_may_be_empty_or_large() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    send(milepost.put("/runs/c1/artifacts/empty", ""), 201).await;
    let empty = send(milepost.get("/runs/c1/artifacts/empty"), 200).await;
    assert_eq!((header(&empty, "content-length"), header(&empty, "content-type")), ("0", "application/octet-stream"));
    let outside = milepost.get("/runs/c1/artifacts/empty").header("range", "bytes=0-");
    problem(outside, "range_not_satisfiable").await;

    let bytes: Vec<u8> = (0..5_000_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let pieces: Vec<_> = bytes.chunks(70_001).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(stream::iter(pieces));
    let large = ask(milepost.put("/runs/c1/artifacts/large", body), 201).await;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((large["size"].as_u64(), large["sha256"].as_str()), (Some(5_000_000), Some(&*sha256)));
    let back = send(milepost.get("/runs/c1/artifacts/large"), 200).await.bytes().await.unwrap();
    assert!(back == bytes);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let pieces = [Ok(vec![1_u8; 3_000_000]), Err(std::io::Error::other("the client is gone"))];
    let broken = milepost.put("/runs/c1/artifacts/a", reqwest::Body::wrap_stream(stream::iter(pieces)));
    broken.send().await.unwrap_err();
    while files(&milepost.data_dir().join("artifacts")) > 0 {
        tokio::task::yield_now().await;
    }
    problem(milepost.get("/runs/c1/artifacts/a"), "artifact_not_found").await;
    assert_eq!(milepost.snapshot("c1").await["seq"], 2);
    // The way is free.
    send(milepost.put("/runs/c1/artifacts/a", "hello"), 201).await;
}

#[tokio::test]
async fn two_uploads_at_once_are_one_artifact() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let puts = (0..16).map(|at| {
        let bytes = if at % 2 == 0 { "even" } else { "odd" };
        let put = milepost.put("/runs/c1/artifacts/a", bytes);
        async move { (bytes, put.send().await.unwrap().status().as_u16()) }
    });
    let answers = futures_util::future::join_all(puts).await;
    let kept = send(milepost.get("/runs/c1/artifacts/a"), 200).await.text().await.unwrap();
    let created = answers.iter().filter(|(_, status)| *status == 201).count();
    assert!(created >= 1, "{answers:?}");
    for (bytes, status) in answers {
        let expect: &[u16] = if bytes == kept { &[200, 201] } else { &[409] };
        assert!(expect.contains(&status), "{bytes} {status}, and {kept} was kept");
    }
    assert_eq!(milepost.snapshot("c1").await["seq"], 3);
    assert_eq!(stored(milepost.data_dir()), 1);
}

#[tokio::test]
async fn a_run_that_is_made_again_keeps_its_bytes() {
    let milepost = Milepost::start().await;
    for _ in 0..5 {
        milepost.run("c1").await;
        send(milepost.put("/runs/c1/artifacts/a", "hello"), 201).await;
        milepost.publish("c1", json!({"type": "run.completed"})).await;
        let make_again = async {
            let new = json!({"id": "c1", "kind": "work"});
            while milepost.post("/runs", &new).send().await.unwrap().status() != 201 {}
            send(milepost.put("/runs/c1/artifacts/a", "hello"), 201).await;
        };
        tokio::join!(send(milepost.delete("/runs/c1"), 204), make_again);
        assert_eq!(send(milepost.get("/runs/c1/artifacts/a"), 200).await.text().await.unwrap(), "hello");
        milepost.publish("c1", json!({"type": "run.failed"})).await;
        send(milepost.delete("/runs/c1"), 204).await;
    }
}

#[tokio::test]
async fn a_refused_upload_leaves_nothing() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let stale = milepost.put("/runs/c1/artifacts/a", "hello").header("milepost-lease", "00000000/c1/9");
    problem(stale, "lease_lost").await;
    assert_eq!(stored(milepost.data_dir()), 0);
}

#[tokio::test]
async fn who_asks_before_sending_is_answered_before_sending() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    milepost.run("done").await;
    milepost.publish("done", json!({"type": "run.completed"})).await;
    for (run, length, code) in [("c1", 10_737_418_241_u64, "body_too_large"), ("done", 5, "run_terminal")] {
        let path = format!("/v1/projects/p/runs/{run}/artifacts/a");
        let head = "host: x\r\nconnection: close\r\nexpect: 100-continue\r\n";
        let answer = milepost.raw(&format!("PUT {path} HTTP/1.1\r\n{head}content-length: {length}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains(code), "{answer}");
    }
}

#[tokio::test]
async fn pages_among_artifacts_are_saved_and_not_shown() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    for (media_type, how) in [("text/html", "attachment"), ("image/svg+xml", "attachment"), ("image/png", "inline")] {
        let path = format!("/runs/c1/artifacts/{}", media_type.replace(['/', '+'], "-"));
        send(milepost.put(&path, "<script>").header("content-type", media_type), 201).await;
        let response = send(milepost.get(&path), 200).await;
        assert!(header(&response, "content-disposition").starts_with(how), "{media_type}");
    }
}

/// Files in the places of artifacts. Uploads that were given up are removed a moment after their answer.
fn stored(data_dir: &Path) -> usize {
    let directory = data_dir.join("artifacts");
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("staging")).map(|path| files(&path)).sum()
}

fn files(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}
