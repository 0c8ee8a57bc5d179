//! Stateful reconnect, message by message.

use std::time::Duration;

use http::StatusCode;
use milepost_signalr::{Context, Hub, Options};
use serde_json::{Value, json};

use crate::support::{SOON, Socket, builder, hub, hub_with, negotiate};

/// A connection that can be resumed, and where.
async fn connect(hub: &Hub) -> (Socket, String) {
    let id = format!("?id={}", negotiate(hub, "&useStatefulReconnect=true").await);
    let mut socket = Socket::open(hub, &id).await;
    socket.shake_hands(2).await;
    (socket, id)
}

fn echo(number: u64) -> Value {
    json!({"type": 1, "invocationId": number.to_string(), "target": "echo", "arguments": [number]})
}

fn echoed(number: u64) -> Value {
    json!({"type": 3, "invocationId": number.to_string(), "result": number})
}

fn sequence(id: u64) -> Value {
    json!({"type": 9, "sequenceId": id})
}

fn ack(id: u64) -> Value {
    json!({"type": 8, "sequenceId": id})
}

#[tokio::test(start_paused = true)]
async fn a_new_socket_takes_up_where_the_old_one_broke() {
    let hub = hub();
    let (mut socket, id) = connect(&hub).await;
    for number in 1..=3 {
        socket.say(echo(number)).await;
        assert_eq!(socket.hear().await, echoed(number));
    }
    // The client has the first; it has sent a fourth, which got lost.
    socket.say(ack(1)).await;
    tokio::time::sleep(SOON).await;
    drop(socket);
    tokio::time::sleep(SOON).await;
    assert_eq!(hub.connections(), 1);

    let mut socket = Socket::open(&hub, &id).await;
    assert_eq!(socket.hear().await, sequence(2));
    assert_eq!(socket.hear().await, echoed(2));
    assert_eq!(socket.hear().await, echoed(3));
    // What comes before the client's own word counts for nothing.
    socket.say(echo(99)).await;
    socket.say(json!({"type": 6})).await;
    socket.say(sequence(3)).await;
    socket.say(echo(3)).await;
    socket.say(echo(4)).await;
    assert_eq!(socket.hear().await, echoed(4));
    assert_eq!(socket.hear().await, ack(4));
}

#[tokio::test(start_paused = true)]
async fn a_sequence_is_sent_even_if_there_is_nothing_to_repeat() {
    let hub = hub();
    let (socket, id) = connect(&hub).await;
    drop(socket);
    let mut socket = Socket::open(&hub, &id).await;
    assert_eq!(socket.hear().await, sequence(1));
    socket.say(sequence(1)).await;
    socket.say(echo(1)).await;
    assert_eq!(socket.hear().await, echoed(1));
    socket.say(ack(1)).await;
    tokio::time::sleep(SOON).await;
    let mut socket = Socket::open(&hub, &id).await;
    assert_eq!(socket.hear().await, sequence(2));
}

#[tokio::test(start_paused = true)]
async fn an_open_socket_is_replaced() {
    let hub = hub();
    let (mut old, id) = connect(&hub).await;
    let mut new = Socket::open(&hub, &id).await;
    assert_eq!(new.hear().await, sequence(1));
    assert_eq!(old.next().await, None);
    new.say(sequence(1)).await;
    new.say(echo(1)).await;
    assert_eq!(new.hear().await, echoed(1));
    assert_eq!(hub.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_happens_meanwhile_is_not_lost() {
    let hub = builder()
        .method("Later", |cx: Context<()>| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cx.caller().send("Meanwhile", (1,)).await?;
            Ok("done")
        })
        .build();
    let (mut socket, id) = connect(&hub).await;
    socket.call("1", "later", json!([])).await;
    tokio::time::sleep(SOON).await;
    drop(socket);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(hub.clients().all().send("Broadcast", (2,)).unwrap(), 1);
    let mut socket = Socket::open(&hub, &id).await;
    assert_eq!(socket.hear().await, sequence(1));
    assert_eq!(socket.hear().await, json!({"type": 1, "target": "Meanwhile", "arguments": [1]}));
    assert_eq!(socket.hear().await, json!({"type": 3, "invocationId": "1", "result": "done"}));
    assert_eq!(socket.hear().await, json!({"type": 1, "target": "Broadcast", "arguments": [2]}));
}

#[tokio::test(start_paused = true)]
async fn acks_come_once_a_second_and_only_for_something_new() {
    let hub = hub_with(Options { keep_alive: Duration::from_secs(1_000), ..Options::default() });
    let (mut socket, _) = connect(&hub).await;
    let began = tokio::time::Instant::now();
    for number in 1..=3 {
        socket.say(echo(number)).await;
        assert_eq!(socket.hear().await, echoed(number));
    }
    assert_eq!(socket.hear().await, ack(3));
    assert_eq!(began.elapsed().as_secs(), 1);
    // Pings are not counted.
    socket.say(json!({"type": 6})).await;
    let silence = tokio::time::timeout(Duration::from_secs(20), socket.next());
    assert!(silence.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_confirmed_stops_what_follows() {
    let hub = builder()
        .method("Flood", |cx: Context<()>| async move {
            for number in 0..200 {
                cx.caller().send("N", (number, "x".repeat(100))).await?;
            }
            Ok(())
        })
        .options(Options { stateful_buffer_bytes: 2_000, ..Options::default() })
        .build();
    let (mut socket, _) = connect(&hub).await;
    socket.call("1", "flood", json!([])).await;
    let mut next = 0;
    // Acks of calls and pings come in between.
    let number = |message: &Value| message["arguments"][0].as_u64();
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(2), socket.next()).await {
        next += u64::from(number(&message) == Some(next));
    }
    assert!((10..30).contains(&next), "{next}");
    while next < 200 {
        socket.say(ack(next)).await;
        while let Ok(Some(message)) = tokio::time::timeout(SOON, socket.next()).await {
            next += u64::from(number(&message) == Some(next));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let hub = hub();
    let (socket, id) = connect(&hub).await;
    drop(socket);
    tokio::time::sleep(Options::default().disconnect_timeout + SOON).await;
    assert_eq!(hub.connections(), 0);
    assert_eq!(Socket::try_open(&hub, &id).await.err(), Some(StatusCode::NOT_FOUND));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_skips_messages_is_closed() {
    let hub = hub_with(Options { detailed_errors: true, ..Options::default() });
    let (socket, id) = connect(&hub).await;
    drop(socket);
    let mut socket = Socket::open(&hub, &id).await;
    assert_eq!(socket.hear().await, sequence(1));
    socket.say(sequence(2)).await;
    let error = "Connection closed with an error. InvalidDataException: Sequence ID greater than amount of messages we've \
                 received.";
    assert_eq!(socket.hear().await, json!({"type": 7, "error": error, "allowReconnect": true}));
}

#[tokio::test(start_paused = true)]
async fn who_did_not_ask_or_does_not_know_how_is_not_resumed() {
    let hub = hub();
    for (query, version) in [("", 2), ("", 1), ("&useStatefulReconnect=true", 1), ("&useStatefulReconnect=true", 0)] {
        let id = format!("?id={}", negotiate(&hub, query).await);
        let mut socket = Socket::open(&hub, &id).await;
        socket.shake_hands(version).await;
        assert_eq!(Socket::try_open(&hub, &id).await.err(), Some(StatusCode::CONFLICT), "{query} {version}");
        drop(socket);
        tokio::time::sleep(SOON).await;
        assert_eq!(Socket::try_open(&hub, &id).await.err(), Some(StatusCode::NOT_FOUND));
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_final() {
    let hub = hub();
    let (mut socket, id) = connect(&hub).await;
    socket.say(json!({"type": 7})).await;
    assert_eq!(socket.closed().await, Some(1000));
    drop(socket);
    tokio::time::sleep(SOON).await;
    assert_eq!(Socket::try_open(&hub, &id).await.err(), Some(StatusCode::NOT_FOUND));
}
