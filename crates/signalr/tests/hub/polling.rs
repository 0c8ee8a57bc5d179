//! Long polling.

use std::time::Duration;

use http::StatusCode;
use milepost_signalr::Hub;
use serde_json::json;

use crate::support::{SOON, ask, ask_with, hub, negotiate, record, records};

const HANDSHAKE: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";

/// A connection that has shaken hands.
async fn connect(hub: &Hub) -> String {
    let id = format!("?id={}", negotiate(hub, "").await);
    assert_eq!(ask(hub, "GET", &id, "").await.body, "");
    ask(hub, "POST", &id, HANDSHAKE).await;
    assert_eq!(ask(hub, "GET", &id, "").await.body, "{}\u{1e}");
    id
}

#[tokio::test(start_paused = true)]
async fn the_first_poll_is_answered_at_once() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    // Any other thing that is accepted means polling, even what is no media type.
    let answer = ask_with(&hub, "GET", &id, &[("accept", "Text")], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.header("cache-control"), "no-cache, no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("expires"), "Thu, 01 Jan 1970 00:00:00 GMT");
}

#[tokio::test(start_paused = true)]
async fn the_handshake_may_come_before_the_first_poll() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    assert_eq!(ask(&hub, "POST", &id, HANDSHAKE).await.status, StatusCode::OK);
    ask(&hub, "GET", &id, "").await;
    assert_eq!(ask(&hub, "GET", &id, "").await.body, "{}\u{1e}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_answered_together() {
    let hub = hub();
    let id = connect(&hub).await;
    let call = |n: u32| record(&json!({"type": 1, "invocationId": n.to_string(), "target": "echo", "arguments": [n]}));
    // Split where it hurts.
    let calls = call(1) + &call(2);
    let (first, second) = calls.split_at(30);
    ask(&hub, "POST", &id, first.to_owned()).await;
    ask(&hub, "POST", &id, second.to_owned()).await;
    let answer = ask(&hub, "GET", &id, "").await;
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let completion = |n: u32| json!({"type": 3, "invocationId": n.to_string(), "result": n});
    assert_eq!(records(&answer.body), [completion(1), completion(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_held_and_no_pings_are_sent() {
    let hub = hub();
    let id = connect(&hub).await;
    let began = tokio::time::Instant::now();
    let answer = ask(&hub, "GET", &id, "").await;
    assert_eq!((answer.status, answer.body.as_str(), began.elapsed().as_secs()), (StatusCode::OK, "", 90));
    // A client that has said nothing for long is not gone as long as it polls.
    assert_eq!(hub.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_poll_takes_over() {
    let hub = hub();
    let id = connect(&hub).await;
    let (first, second) = tokio::join!(ask(&hub, "GET", &id, ""), async {
        tokio::time::sleep(SOON).await;
        tokio::join!(ask(&hub, "GET", &id, ""), async {
            tokio::time::sleep(SOON).await;
            ask(&hub, "POST", &id, record(&json!({"type": 1, "invocationId": "1", "target": "x", "arguments": []})))
                .await
        })
        .0
    });
    assert_eq!(first.status, StatusCode::NO_CONTENT);
    assert_eq!((second.status, records(&second.body).len()), (StatusCode::OK, 1));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_poll_is_gone() {
    let hub = hub();
    let id = connect(&hub).await;
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert_eq!(hub.connections(), 1);
    // A poll that is broken off counts as one that has ended.
    let poll = tokio::time::timeout(Duration::from_secs(60), ask(&hub, "GET", &id, ""));
    assert!(poll.await.is_err());
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert_eq!(hub.connections(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(hub.connections(), 0);
    assert_eq!(ask(&hub, "GET", &id, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn deleting_ends_it() {
    let hub = hub();
    let id = connect(&hub).await;
    let (poll, deleted) = tokio::join!(ask(&hub, "GET", &id, ""), async {
        tokio::time::sleep(SOON).await;
        ask(&hub, "DELETE", &id, "").await
    });
    assert_eq!((poll.status, deleted.status), (StatusCode::NO_CONTENT, StatusCode::ACCEPTED));
    // The client's own goodbye may come late.
    let late = ask(&hub, "POST", &id, record(&json!({"type": 7}))).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    tokio::time::sleep(SOON).await;
    assert_eq!(hub.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_word_is_polled_for() {
    let hub = hub();
    let id = connect(&hub).await;
    let shutdown = tokio::spawn({
        let hub = hub.clone();
        async move { hub.shutdown().await }
    });
    tokio::time::sleep(SOON).await;
    let answer = ask(&hub, "GET", &id, "").await;
    assert_eq!(records(&answer.body), [json!({"type": 7, "allowReconnect": true})]);
    assert_eq!(ask(&hub, "GET", &id, "").await.status, StatusCode::NO_CONTENT);
    shutdown.await.unwrap();
    assert_eq!(ask(&hub, "GET", &id, "").await.status, StatusCode::NOT_FOUND);
}
