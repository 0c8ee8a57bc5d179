//! Keep-alive, and everything that is waited for only so long.

use std::time::Duration;

use milepost_signalr::Options;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::{Socket, hub, hub_with};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_pings() {
    let hub = hub();
    let mut socket = Socket::connect(&hub).await;
    let began = Instant::now();
    for interval in 1..=3 {
        assert_eq!(socket.hear().await, json!({"type": 6}));
        assert_eq!(began.elapsed().as_secs(), interval * 15);
    }
    // Anything that is sent is as good as a ping.
    sleep(seconds(14)).await;
    socket.call("1", "echo", json!([1])).await;
    assert_eq!(socket.hear().await["type"], json!(3));
    let said = Instant::now();
    assert_eq!(socket.hear().await, json!({"type": 6}));
    assert_eq!(said.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pings_must_go_on() {
    let hub = hub_with(Options { keep_alive: seconds(1_000), ..Options::default() });
    let mut socket = Socket::connect(&hub).await;
    // One that never pings is never missed.
    sleep(seconds(600)).await;
    socket.say(json!({"type": 6})).await;
    sleep(seconds(29)).await;
    socket.say(json!({"type": 1, "target": "echo", "arguments": [1]})).await;
    sleep(seconds(29)).await;
    assert_eq!(hub.connections(), 1);
    let close = socket.hear().await;
    assert_eq!(close, json!({"type": 7, "error": "Connection closed with an error.", "allowReconnect": true}));
    assert_eq!(socket.closed().await, Some(1000));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_missed_while_its_call_runs() {
    let hub = hub_with(Options { keep_alive: seconds(1_000), ..Options::default() });
    let mut socket = Socket::connect(&hub).await;
    socket.say(json!({"type": 6})).await;
    socket.call("1", "sleep", json!([100_000])).await;
    assert_eq!(socket.hear().await["result"], json!(100_000));
}

#[tokio::test(start_paused = true)]
async fn hands_are_shaken_in_time_or_not_at_all() {
    let hub = hub();
    let mut socket = Socket::open(&hub, "").await;
    let began = Instant::now();
    socket.say_text("{\"protocol\":").await;
    assert_eq!(socket.hear().await, json!({"error": "Handshake was canceled."}));
    assert_eq!(began.elapsed().as_secs(), 15);
    assert_eq!(socket.closed().await, Some(1000));
}
