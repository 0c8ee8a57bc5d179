//! What a connection may not do, and how it ends then.

use bytes::Bytes;
use milepost_signalr::{Context, DisconnectReason, Options};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Socket, builder, hub_with, record};

const CLOSED: &str = "Connection closed with an error.";

#[tokio::test(start_paused = true)]
async fn what_is_no_hub_protocol_ends_the_connection() {
    let too_large = "InvalidDataException: The maximum message size of 200B was exceeded. The message size can be \
                     configured in AddHubOptions.";
    let long = record(&json!({"type": 1, "target": "echo", "arguments": ["x".repeat(200)]}));
    let cases = [
        ("nonsense\u{1e}".to_owned(), None),
        (
            "{\"type\":2,\"invocationId\":\"1\"}\u{1e}".to_owned(),
            Some("InvalidDataException: Missing required property 'item'."),
        ),
        (long.clone(), Some(too_large)),
        // Without its end, too: it is given up as soon as it is too long. And so is one that is refused as a whole.
        (long.trim_end_matches('\u{1e}').to_owned(), Some(too_large)),
        ("x".repeat(1_000), Some(too_large)),
    ];
    for (text, detail) in cases {
        for detailed_errors in [false, true] {
            let hub = hub_with(Options { max_message_bytes: 200, detailed_errors, ..Options::default() });
            let mut socket = Socket::connect(&hub).await;
            socket.say_text(&text).await;
            let close = socket.hear().await;
            assert_eq!((&close["type"], &close["allowReconnect"]), (&json!(7), &json!(true)), "{text}");
            let error = close["error"].as_str().unwrap();
            match (detailed_errors, detail) {
                (false, _) => assert_eq!(error, CLOSED),
                (true, Some(detail)) => assert_eq!(error, format!("{CLOSED} {detail}")),
                (true, None) => assert!(error.starts_with(&format!("{CLOSED} InvalidDataException: ")), "{error}"),
            }
            assert_eq!(socket.closed().await, Some(1000));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_largest_message_is_as_large_as_it_may_be() {
    let call = |length: usize| {
        record(&json!({"type": 1, "invocationId": "1", "target": "echo", "arguments": ["x".repeat(length)]}))
    };
    let hub = hub_with(Options { max_message_bytes: call(100).len(), ..Options::default() });
    for (length, kind) in [(100, 3), (101, 7)] {
        let mut socket = Socket::connect(&hub).await;
        socket.say_text(&call(length)).await;
        assert_eq!(socket.hear().await["type"], json!(kind));
    }
}

#[tokio::test(start_paused = true)]
async fn hands_that_cannot_be_shaken() {
    let long = json!({"protocol": "json", "version": 1, "x": "x".repeat(200)});
    let cases = [
        (json!({"protocol": "x", "version": 1}), "The protocol 'x' is not supported."),
        (json!({"protocol": "json", "version": 3}), "The server does not support version 3 of the 'json' protocol."),
        (json!({"type": 6}), "An unexpected error occurred during connection handshake."),
        (long, "Handshake was canceled."),
    ];
    let hub = hub_with(Options { max_message_bytes: 200, ..Options::default() });
    for (request, error) in cases {
        let mut socket = Socket::open(&hub, "").await;
        socket.say(request).await;
        assert_eq!(socket.hear().await, json!({"error": error}));
        assert_eq!(socket.closed().await, Some(1000));
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_streams() {
    let hub = builder()
        .stream("Forever", |_: Context<()>| async { Ok(futures_util::stream::pending::<Result<u8, _>>()) })
        .options(Options { max_streams: 2, ..Options::default() })
        .build();
    let mut socket = Socket::connect(&hub).await;
    for id in ["1", "2", "3"] {
        socket.say(json!({"type": 4, "invocationId": id, "target": "forever", "arguments": []})).await;
    }
    let error = "Failed to invoke 'forever' due to an error on the server. HubException: A connection has at most 2 streams at \
                 a time.";
    assert_eq!(socket.hear().await, json!({"type": 3, "invocationId": "3", "error": error}));
}

#[tokio::test(start_paused = true)]
async fn the_application_learns_why() {
    let (sender, mut reasons) = mpsc::unbounded_channel();
    let hub = builder()
        .method("Abort", |cx: Context<()>| async move {
            cx.abort();
            Ok(())
        })
        .on_disconnected(move |cx: Context<()>, reason| {
            // Nothing reaches the client any more, and nobody waits for it.
            let sender = sender.clone();
            async move {
                let sent = cx.caller().send("Late", ()).await;
                drop(sender.send((sent.is_err(), reason)));
            }
        })
        .build();
    for expected in [
        DisconnectReason::Closed,
        DisconnectReason::Lost,
        DisconnectReason::Aborted,
        DisconnectReason::Protocol("Error reading JSON: missing field `type` at line 1 column 2".to_owned()),
    ] {
        let mut socket = Socket::connect(&hub).await;
        match expected {
            DisconnectReason::Closed => socket.say(json!({"type": 7})).await,
            DisconnectReason::Aborted => {
                socket.call("1", "abort", json!([])).await;
                // Told not to come back.
                while socket.hear().await != json!({"type": 7}) {}
            }
            DisconnectReason::Protocol(_) => socket.say_bytes(Bytes::from_static(b"{}\x1e")).await,
            _ => {}
        }
        drop(socket);
        assert_eq!(reasons.recv().await.unwrap(), (true, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_is_done_when_the_client_is_gone() {
    let (sender, mut done) = mpsc::unbounded_channel();
    let hub = builder()
        .method("Note", move |_: Context<()>, number: u32| {
            let sender = sender.clone();
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                sender.send(number)?;
                Ok(())
            }
        })
        .build();
    let mut socket = Socket::connect(&hub).await;
    for number in 0..40 {
        socket.say(json!({"type": 1, "target": "note", "arguments": [number]})).await;
    }
    drop(socket);
    for number in 0..40 {
        assert_eq!(done.recv().await, Some(number));
    }
    // But nobody waits for ever.
    let mut socket = Socket::connect(&hub).await;
    socket.say(json!({"type": 1, "target": "sleep", "arguments": [1_000_000]})).await;
    drop(socket);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(hub.connections(), 0);
}
