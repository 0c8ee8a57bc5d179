//! Live streams, as far as the addresses go; what is on them is tested with the transports.

use reqwest::header::ACCEPT;
use serde_json::json;

use crate::support::{Milepost, header, send};

#[tokio::test]
async fn a_stream_is_what_is_accepted() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    milepost.publish("c1", json!({"type": "run.completed"})).await;
    let cases = [
        ("/runs/c1/events", "text/event-stream", "text/event-stream", "event: snapshot"),
        ("/runs/c1/events?from=start", "text/event-stream", "text/event-stream", "\"type\":\"run.created\""),
        ("/runs/c1/events?after=2", "text/event-stream;q=0.9, */*;q=0.1", "text/event-stream", "run.completed"),
        ("/runs/c1/events?after=2", "application/x-ndjson", "application/x-ndjson", "run.completed"),
    ];
    for (path, accept, media_type, content) in cases {
        let response = send(milepost.get(path).header(ACCEPT, accept), 200).await;
        assert_eq!(header(&response, "content-type"), media_type, "{path}");
        // The run is over, so the stream ends by itself.
        let text = response.text().await.unwrap();
        assert!(text.contains(content), "{path}: {text}");
        let after = path.ends_with("after=2");
        assert!(!after || !text.contains("run.started"), "{path}: {text}");
    }
}

#[tokio::test]
async fn the_end_of_a_finished_stream_stops_a_browser() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    milepost.publish("c1", json!({"type": "run.completed"})).await;
    let cursor = milepost.snapshot("c1").await["cursor"].as_str().unwrap().to_owned();
    let stream = || milepost.get("/runs/c1/events?after=1").header(ACCEPT, "text/event-stream");
    // The header is newer than the query of the first connection.
    send(stream().header("last-event-id", &cursor), 204).await;
    send(stream(), 200).await;
    send(milepost.get("/runs/c1/events?after=3").header(ACCEPT, "application/x-ndjson"), 204).await;
}

#[tokio::test]
async fn a_project_is_followed() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let mut feed = send(milepost.get("/events"), 200).await;
    assert_eq!(header(&feed, "content-type"), "text/event-stream");
    assert_eq!(header(&feed, "x-accel-buffering"), "no");
    let mut text = String::new();
    milepost.publish("c1", json!({"type": "x.mine"})).await;
    while !text.contains("x.mine") {
        text.push_str(std::str::from_utf8(&feed.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.starts_with("event: snapshot\n"), "{text}");
}
