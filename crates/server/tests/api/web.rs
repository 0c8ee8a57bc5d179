//! What surrounds the API: other origins, probes, metrics, ids of requests.

use milepost_server::config::Origin;
use reqwest::Method;
use serde_json::json;

use crate::support::{Milepost, header, json as ask, problem, send};

const APP: &str = "https://app.example";

async fn with_origin() -> Milepost {
    Milepost::start_with(|config| config.cors.origins = vec![Origin::new(APP).unwrap()]).await
}

#[tokio::test]
async fn a_configured_origin_may_do_everything() {
    let milepost = with_origin().await;
    let preflight = milepost
        .request(Method::OPTIONS, "/runs/c1/events")
        .header("origin", APP)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type, milepost-lease, if-match");
    let preflight = send(preflight, 200).await;
    assert_eq!(header(&preflight, "access-control-allow-origin"), APP);
    assert_eq!(header(&preflight, "access-control-allow-credentials"), "true");
    assert!(header(&preflight, "access-control-allow-methods").contains("POST"));
    assert!(header(&preflight, "access-control-allow-headers").contains("milepost-lease"));

    let created = milepost.post("/runs", &json!({"id": "c1", "kind": "work"})).header("origin", APP);
    let created = send(created, 201).await;
    assert_eq!(header(&created, "access-control-allow-origin"), APP);
    let exposed = header(&created, "access-control-expose-headers");
    assert!(exposed.contains("etag") && exposed.contains("location"), "{exposed}");
    // A page has to be able to read why it was refused, too.
    let refused = milepost.get("/runs/nobody").header("origin", APP).send().await.unwrap();
    assert_eq!(header(&refused, "access-control-allow-origin"), APP);
}

#[tokio::test]
async fn other_origins_are_told_nothing() {
    for milepost in [with_origin().await, Milepost::start().await] {
        milepost.run("c1").await;
        let preflight = milepost
            .request(Method::OPTIONS, "/runs")
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST");
        let preflight = preflight.send().await.unwrap();
        assert_eq!(header(&preflight, "access-control-allow-origin"), "");
        let read = send(milepost.get("/runs/c1").header("origin", "https://evil.example"), 200).await;
        assert_eq!(header(&read, "access-control-allow-origin"), "");
        let write = milepost.post("/runs", &json!({"kind": "work"})).header("origin", "https://evil.example");
        problem(write, "forbidden").await;
    }
}

#[tokio::test]
async fn our_own_pages_are_no_other_origin() {
    let milepost = Milepost::start().await;
    let own = milepost.url("/").trim_end_matches('/').to_owned();
    send(milepost.post("/runs", &json!({"kind": "work"})).header("origin", own), 201).await;
}

#[tokio::test]
async fn probes_answer() {
    let milepost = Milepost::start().await;
    for (path, content) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        assert_eq!(send(milepost.get(path), 200).await.text().await.unwrap(), content);
    }
    let index = send(milepost.get("/"), 200).await;
    assert_eq!(header(&index, "content-type"), "text/html; charset=utf-8");
    assert!(index.text().await.unwrap().contains("/openapi.json"));
    assert_eq!(ask(milepost.get("/openapi.json"), 200).await["openapi"], "3.1.0");
    let head = send(milepost.request(Method::HEAD, "/openapi.json"), 200).await;
    assert_eq!(header(&head, "content-type"), "application/json");
}

#[tokio::test]
async fn things_are_counted_but_not_by_name() {
    let milepost = Milepost::start().await;
    milepost.run("a-run-of-mine").await;
    milepost.publish("a-run-of-mine", json!([{"id": "e1", "type": "x.a"}, {"id": "e1", "type": "x.a"}])).await;
    problem(milepost.get("/somewhere"), "not_found").await;
    let text = send(milepost.get("/metrics"), 200).await.text().await.unwrap();
    for line in [
        "milepost_events_appended_total 1",
        "milepost_append_seconds_count 1",
        "milepost_connections 1",
        r#"milepost_http_requests_total{method="POST",route="/v1/projects/{project}/runs",status="201"} 1"#,
        r#"milepost_http_requests_total{method="GET",route="none",status="404"} 1"#,
        "milepost_live_streams 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("milepost_build_info{version=\""));
    assert!(!text.contains("a-run-of-mine"));
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn requests_have_ids() {
    let milepost = Milepost::start().await;
    let given = send(milepost.get("/healthz").header("x-request-id", "mine-1"), 200).await;
    assert_eq!(header(&given, "x-request-id"), "mine-1");
    let one = send(milepost.get("/healthz"), 200).await;
    let other = send(milepost.get("/healthz"), 200).await;
    assert_ne!(header(&one, "x-request-id"), header(&other, "x-request-id"));
}
