//! Calling methods: what is answered, and in which order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use milepost_signalr::{Context, HubError, Options, Upload};
use serde_json::{Value, json};

use crate::support::{Socket, builder, hub, record};

fn completion(id: &str, result: &Value) -> Value {
    json!({"type": 3, "invocationId": id, "result": result})
}

#[tokio::test(start_paused = true)]
async fn every_call_with_an_id_is_answered_once() {
    let hub = hub();
    let mut socket = Socket::connect(&hub).await;
    // Without an id there is no answer, not even to a mistake.
    socket.say(json!({"type": 1, "target": "missing", "arguments": []})).await;
    socket.say(json!({"type": 1, "target": "echo", "arguments": [1]})).await;
    socket.call("a", "ECHO", json!([2])).await;
    socket.call("a", "Echo", json!([null])).await;
    assert_eq!(socket.hear().await, completion("a", &json!(2)));
    assert_eq!(socket.hear().await, completion("a", &Value::Null));
    socket.silence().await;
}

#[tokio::test(start_paused = true)]
async fn calls_run_one_after_the_other_and_streams_beside_them() {
    let hub =
        builder().stream("Count", |_: Context<()>, to: u32| async move { Ok(stream::iter(0..to).map(Ok)) }).build();
    let mut socket = Socket::connect(&hub).await;
    socket.call("slow", "sleep", json!([1_000])).await;
    socket.call("fast", "echo", json!(["x"])).await;
    socket.say(json!({"type": 4, "invocationId": "s", "target": "count", "arguments": [1]})).await;
    assert_eq!(socket.hear().await, json!({"type": 2, "invocationId": "s", "item": 0}));
    assert_eq!(socket.hear().await, json!({"type": 3, "invocationId": "s"}));
    assert_eq!(socket.hear().await, completion("slow", &json!(1_000)));
    assert_eq!(socket.hear().await, completion("fast", &json!("x")));
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_may_wait_are_answered_all_the_same() {
    let hub = hub();
    let mut socket = Socket::connect(&hub).await;
    socket.call("first", "sleep", json!([1_000])).await;
    for number in 0..100 {
        socket.call(&number.to_string(), "echo", json!([number])).await;
    }
    assert_eq!(socket.hear().await, completion("first", &json!(1_000)));
    for number in 0..100 {
        assert_eq!(socket.hear().await, completion(&number.to_string(), &json!(number)));
    }
}

#[tokio::test(start_paused = true)]
async fn mistakes_have_the_texts_that_clients_know() {
    let failing = |_: Context<()>, shown: bool| async move {
        Err::<(), _>(if shown { HubError::new("shown") } else { HubError::internal("hidden") })
    };
    let io = |_: Context<()>| async move { Ok(std::fs::read_to_string("/nowhere/at all")?) };
    let add = |_: Context<()>, a: i32, b: i32| async move { Ok(a + b) };
    let count = |_: Context<()>| async { Ok(stream::iter([Ok(1), Err(HubError::internal("hidden"))])) };
    let refused = |_: Context<()>| async { Err::<stream::Empty<Result<u8, HubError>>, _>(HubError::new("shown")) };
    let upload = |_: Context<()>, items: Upload<u8>| async move { Ok(items.count().await) };
    let cases = [
        ("Missing", json!([])),
        ("Add", json!([1])),
        ("Add", json!([1, 2, 3])),
        ("Add", json!([1, "2"])),
        ("Fail", json!([true])),
        ("Fail", json!([false])),
        ("Io", json!([])),
        ("Count", json!([])),
        ("Upload", json!([])),
        ("stream Add", json!([1, 2])),
        ("stream Missing", json!([])),
        ("stream Refused", json!([])),
        ("stream Count", json!([])),
    ];
    let mut told = Vec::new();
    for detailed_errors in [false, true] {
        let hub = builder()
            .method("Fail", failing)
            .method("Io", io)
            .method("Add", add)
            .method("Upload", upload)
            .stream("Count", count)
            .stream("Refused", refused)
            .options(Options { detailed_errors, ..Options::default() })
            .build();
        let mut socket = Socket::connect(&hub).await;
        for (target, arguments) in &cases {
            let (kind, target) = target.strip_prefix("stream ").map_or((1, *target), |target| (4, target));
            socket.say(json!({"type": kind, "invocationId": "1", "target": target, "arguments": arguments})).await;
            let mut answer = socket.hear().await;
            while answer["type"] == 2 {
                answer = socket.hear().await;
            }
            assert_eq!(
                (&answer["type"], &answer["invocationId"], answer.get("result")),
                (&json!(3), &json!("1"), None)
            );
            told.push(format!("{target}{arguments}: {}", answer["error"].as_str().unwrap()));
        }
        told.push(String::new());
        // Every one of them leaves the connection as it was.
        socket.call("end", "echo", json!([1])).await;
        assert_eq!(socket.hear().await, completion("end", &json!(1)));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_one_call() {
    let panics = |_: Context<()>, items: Vec<u8>| async move { Ok(items[3]) };
    let hub = builder().method("Third", panics).build();
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "third", json!([[1]])).await;
    let error = "An unexpected error occurred invoking 'third' on the server.";
    assert_eq!(socket.hear().await, json!({"type": 3, "invocationId": "1", "error": error}));
    socket.call("2", "echo", json!([1])).await;
    assert_eq!(socket.hear().await, completion("2", &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cancelled_and_still_completed() {
    let dropped = Arc::new(AtomicUsize::new(0));
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = dropped.clone();
    let hub = builder()
        .stream("Forever", move |_: Context<()>| {
            let guard = Guard(count.clone());
            async move {
                Ok(stream::unfold(guard, |guard| async move {
                    std::future::pending::<()>().await;
                    Some((Ok(0), guard))
                }))
            }
        })
        .build();
    let mut socket = Socket::connect(&hub).await;
    let start = json!({"type": 4, "invocationId": "s", "target": "forever", "arguments": []});
    socket.say(start.clone()).await;
    // The same id again while it runs; a cancellation of something else; then its own.
    socket.say(start).await;
    let error = "Invocation ID 's' is already in use.";
    assert_eq!(socket.hear().await, json!({"type": 3, "invocationId": "s", "error": error}));
    socket.say(json!({"type": 5, "invocationId": "other"})).await;
    socket.silence().await;
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    socket.say(json!({"type": 5, "invocationId": "s"})).await;
    assert_eq!(socket.hear().await, json!({"type": 3, "invocationId": "s"}));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    socket.silence().await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_holds_its_client_back() {
    let hub = builder()
        .method("Sum", |_: Context<()>, items: Upload<u64>| async move {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            Ok(items.fold(0, |sum, item| async move { sum + item.unwrap_or_default() }).await)
        })
        .build();
    let mut socket = Socket::connect(&hub).await;
    socket.say(json!({"type": 1, "invocationId": "1", "target": "sum", "arguments": [], "streamIds": ["u"]})).await;
    for item in 0..100 {
        socket.say(json!({"type": 2, "invocationId": "u", "item": item})).await;
    }
    // Behind the items, which are more than may wait.
    socket.call("2", "echo", json!(["after"])).await;
    socket.silence().await;
    assert_eq!(socket.hear().await, completion("2", &json!("after")));
    socket.say(json!({"type": 3, "invocationId": "u"})).await;
    assert_eq!(socket.hear().await, completion("1", &json!(4950)));
    // What comes too late is of no interest.
    socket.say(json!({"type": 2, "invocationId": "u", "item": 1})).await;
    socket.say(json!({"type": 3, "invocationId": "u"})).await;
    socket.silence().await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_nobody_reads_blocks_nothing() {
    let hub = builder()
        .method("Leave", |_: Context<()>, items: Upload<u64>| async move {
            drop(items);
            std::future::pending::<()>().await;
            Ok(())
        })
        .build();
    let mut socket = Socket::connect(&hub).await;
    socket.say(json!({"type": 1, "invocationId": "1", "target": "leave", "arguments": [], "streamIds": ["u"]})).await;
    for item in 0..100 {
        socket.say(json!({"type": 2, "invocationId": "u", "item": item})).await;
    }
    socket.call("2", "echo", json!(["after"])).await;
    assert_eq!(socket.hear().await, completion("2", &json!("after")));
}

#[tokio::test(start_paused = true)]
async fn messages_come_in_any_pieces() {
    let hub = hub();
    let mut socket = Socket::connect(&hub).await;
    let call = |id: &str| record(&json!({"type": 1, "invocationId": id, "target": "echo", "arguments": [id]}));
    let both = call("1") + &call("2");
    for piece in both.as_bytes().chunks(7) {
        // As bytes: the server does not care, and text cannot be cut everywhere.
        socket.say_bytes(Bytes::copy_from_slice(piece)).await;
    }
    assert_eq!(socket.hear().await, completion("1", &json!("1")));
    assert_eq!(socket.hear().await, completion("2", &json!("2")));
}

#[tokio::test(start_paused = true)]
async fn connecting_comes_first() {
    let hub = builder()
        .on_connected(|cx: Context<()>| async move {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            Ok(cx.caller().send("Welcome", (cx.connection_id().len(),)).await?)
        })
        .build();
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "echo", json!([1])).await;
    assert_eq!(socket.hear().await, json!({"type": 1, "target": "Welcome", "arguments": [22]}));
    assert_eq!(socket.hear().await, completion("1", &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_is_told_not_to_come_back() {
    for (error, told) in [
        (HubError::new as fn(&'static str) -> HubError, "Connection closed with an error. HubException: full"),
        (HubError::internal, "Connection closed with an error."),
    ] {
        let hub = builder().on_connected(move |_: Context<()>| async move { Err(error("full")) }).build();
        let mut socket = Socket::connect(&hub).await;
        assert_eq!(socket.hear().await, json!({"type": 7, "error": told}));
        assert_eq!(socket.closed().await, Some(1000));
    }
}
