//! Artifacts: bytes in, bytes out, and the events about them.

use milepost_tests::Server;
use milepost_tests::api::{expect, expect_problem, header};
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Of `0123456789`.
const SHA256: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
const PATH: &str = "/runs/r/artifacts/a";

#[tokio::test]
async fn bytes_are_kept_and_given_out_safely() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    api.publish(
        "r",
        json!({"type": "artifact.pending", "data": {"artifact": "a", "artifact_type": "image", "name": "p.png"}}),
    )
    .await;
    expect_problem(api.get(PATH).await, 404, "artifact_not_found").await;
    let mut viewer = api.follow("r", "?after=3").await;
    let put = async |path, media_type| api.send(Method::PUT, path, &[("content-type", media_type)], "0123456789").await;
    let stored = expect(put(PATH, "image/png").await, 201).await;
    let url = "/v1/projects/default/runs/r/artifacts/a";
    let told = json!({"run": "r", "artifact": "a", "seq": 4, "size": 10, "sha256": SHA256, "url": url});
    assert_eq!(stored, told);
    viewer.until("caught_up").await;
    let ready = viewer.next().await.unwrap().data;
    let data = json!([
        ready["type"],
        ready["data"]["artifact"],
        ready["data"]["sha256"],
        ready["data"]["size"],
        ready["data"]["url"]
    ]);
    assert_eq!(data, json!(["artifact.ready", "a", SHA256, 10, url]));
    let shown = api.snapshot("r").await["artifacts"][0].clone();
    let data = json!([shown["state"], shown["artifact_type"], shown["name"], shown["media_type"], shown["run"]]);
    assert_eq!(data, json!(["ready", "image", "p.png", "image/png", "r"]), "what was said before still counts");
    assert_eq!(expect(put(PATH, "image/png").await, 200).await, told, "the same bytes again");
    expect_problem(api.send(Method::PUT, PATH, &[], "other").await, 409, "artifact_exists").await;
    for method in [Method::GET, Method::HEAD] {
        let response = api.send(method.clone(), PATH, &[], "").await;
        assert_eq!(response.status(), 200);
        for (name, value) in [
            ("content-type", "image/png"),
            ("content-length", "10"),
            ("etag", &format!("\"{SHA256}\"")),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox"),
            ("content-disposition", "inline; filename=\"p.png\""),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(header(&response, name), value, "{name}");
        }
        let body = response.text().await.unwrap();
        assert_eq!(body, if method == Method::GET { "0123456789" } else { "" });
    }
    expect(put("/runs/r/artifacts/page?name=x.html&type=report", "text/html").await, 201).await;
    let page = api.get("/runs/r/artifacts/page").await;
    assert!(header(&page, "content-disposition").starts_with("attachment"), "a page is not shown in our name");
}

#[tokio::test]
async fn parts_are_given_out() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    expect(api.send(Method::PUT, PATH, &[], "0123456789").await, 201).await;
    let etag = format!("\"{SHA256}\"");
    let cases: [(&[(&str, &str)], u16, &str, &str); 9] = [
        (&[("range", "bytes=2-4")], 206, "234", "bytes 2-4/10"),
        (&[("range", "bytes=7-")], 206, "789", "bytes 7-9/10"),
        (&[("range", "bytes=-2")], 206, "89", "bytes 8-9/10"),
        (&[("range", "bytes=8-99")], 206, "89", "bytes 8-9/10"),
        (&[("range", "bytes=2-4"), ("if-range", &etag)], 206, "234", "bytes 2-4/10"),
        (&[("range", "bytes=2-4"), ("if-range", "\"other\"")], 200, "0123456789", ""),
        (&[("range", "lines=1-2")], 200, "0123456789", ""),
        (&[("if-none-match", &etag)], 304, "", ""),
        (&[("if-none-match", "\"other\"")], 200, "0123456789", ""),
    ];
    for (headers, status, body, range) in cases {
        let response = api.send(Method::GET, PATH, headers, "").await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "content-range")),
            (status, range.to_owned()),
            "{headers:?}"
        );
        assert_eq!(header(&response, "etag"), etag);
        assert_eq!(response.text().await.unwrap(), body, "{headers:?}");
    }
    let outside = api.send(Method::GET, PATH, &[("range", "bytes=10-")], "").await;
    assert_eq!(header(&outside, "content-range"), "bytes */10");
    expect_problem(outside, 416, "range_not_satisfiable").await;
}

#[tokio::test]
async fn large_and_empty_ones_arrive_whole_and_outlive_a_restart() {
    let mut server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let large: Vec<u8> = (0..20_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    for (id, bytes) in [("large", large.clone()), ("empty", Vec::new())] {
        let stored =
            expect(api.send(Method::PUT, &format!("/runs/r/artifacts/{id}"), &[], bytes.clone()).await, 201).await;
        assert_eq!(stored["size"], bytes.len());
    }
    server.kill().await;
    server.start_again().await;
    let api = server.api();
    assert!(api.get("/runs/r/artifacts/large").await.bytes().await.unwrap() == large);
    assert_eq!(api.get("/runs/r/artifacts/empty").await.bytes().await.unwrap().len(), 0);
    api.publish("r", json!({"type": "run.completed"})).await;
    expect_problem(api.send(Method::PUT, "/runs/r/artifacts/late", &[], "x").await, 409, "run_terminal").await;
    let bytes_on_disk = || {
        let find =
            std::process::Command::new("find").arg(server.data_dir().join("artifacts")).args(["-type", "f"]).output();
        String::from_utf8(find.unwrap().stdout).unwrap()
    };
    assert!(!bytes_on_disk().is_empty());
    assert_eq!(api.send(Method::DELETE, "/runs/r", &[], "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(bytes_on_disk(), "", "they go with their run");
    expect_problem(api.get("/runs/r/artifacts/large").await, 404, "run_not_found").await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    use tokio::io::AsyncWriteExt;
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let head = format!("PUT /v1/projects/default{PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nonly this");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    // The connection ends once the server has noticed.
    tokio::io::copy(&mut socket, &mut tokio::io::sink()).await.unwrap();
    expect_problem(api.get(PATH).await, 404, "artifact_not_found").await;
    assert_eq!(api.snapshot("r").await["seq"], 2);
    expect(api.send(Method::PUT, PATH, &[], "all of it").await, 201).await;
}
