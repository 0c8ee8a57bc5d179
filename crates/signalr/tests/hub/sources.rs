//! Sources that are attached to a connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt, stream};
use milepost_signalr::{Context, Hub, Options, SendError, SharedMessage, SourceKey};
use serde_json::json;

use crate::support::{SOON, Socket};

type State = Mutex<Vec<SourceKey>>;

/// `Attach(count)`, `Detach()`; the counter says how many items were asked for.
fn hub(options: Options) -> (Hub, Arc<AtomicU64>) {
    let polled = Arc::new(AtomicU64::new(0));
    let count = polled.clone();
    let hub = Hub::builder(|_| State::default())
        .method("Attach", move |cx: Context<State>, name: String, items: u64| {
            let count = count.clone();
            async move {
                cx.caller().send("Before", (name.clone(),)).await?;
                let key = cx.caller().attach(ticks(name, items, count))?;
                cx.state().lock().unwrap().push(key);
                Ok(())
            }
        })
        .method("Detach", |cx: Context<State>| async move {
            cx.state().lock().unwrap().drain(..).for_each(|key| cx.caller().detach(key));
            Ok(())
        })
        .options(options)
        .build();
    (hub, polled)
}

fn ticks(name: String, items: u64, count: Arc<AtomicU64>) -> impl Stream<Item = SharedMessage> + Send {
    stream::iter(0..items).map(move |number| {
        count.fetch_add(1, Ordering::Relaxed);
        SharedMessage::new(name.clone(), (number,))
    })
}

#[tokio::test(start_paused = true)]
async fn a_source_comes_after_what_was_sent_before_and_in_order() {
    let (hub, _) = hub(Options::default());
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "attach", json!(["a", 1_000])).await;
    assert_eq!(socket.hear().await["target"], json!("Before"));
    let (mut next, mut completed) = (0, false);
    while next < 1_000 || !completed {
        let message = socket.hear().await;
        if message["type"] == 3 {
            completed = true;
            continue;
        }
        assert_eq!(message, json!({"type": 1, "target": "a", "arguments": [next]}));
        next += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_the_completion_of_a_detachment() {
    let (hub, polled) = hub(Options { outgoing_buffer_bytes: 5_000, ..Options::default() });
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "attach", json!(["a", u64::MAX])).await;
    socket.call("2", "detach", json!([])).await;
    while socket.hear().await["invocationId"] != "2" {}
    socket.silence().await;
    let before = polled.load(Ordering::Relaxed);
    tokio::time::sleep(SOON).await;
    assert_eq!(polled.load(Ordering::Relaxed), before);
}

#[tokio::test(start_paused = true)]
async fn a_source_waits_for_its_reader() {
    let (hub, polled) = hub(Options { outgoing_buffer_bytes: 5_000, ..Options::default() });
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "attach", json!(["a", u64::MAX])).await;
    tokio::time::sleep(SOON).await;
    // The pipe holds 4 KiB, the WebSocket 16, the connection 5.
    let ahead = polled.load(Ordering::Relaxed);
    assert!((100..1_000).contains(&ahead), "{ahead}");
    for _ in 0..1_000 {
        socket.hear().await;
    }
    tokio::time::sleep(SOON).await;
    assert!(polled.load(Ordering::Relaxed) > ahead + 900);
}

#[tokio::test(start_paused = true)]
async fn sources_share_a_connection_and_leave_room_for_calls() {
    let (hub, _) = hub(Options { outgoing_buffer_bytes: 2_000, ..Options::default() });
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "attach", json!(["a", u64::MAX])).await;
    socket.call("2", "attach", json!(["b", u64::MAX])).await;
    while socket.hear().await["invocationId"] != "2" {}
    let mut heard = [0, 0];
    for _ in 0..2_000 {
        let message = socket.hear().await;
        heard[usize::from(message["target"] == "b")] += 1;
    }
    assert!(heard.iter().all(|count| *count > 500), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_sources_and_ended_ones_do_not_count() {
    let (hub, _) = hub(Options { max_streams: 2, detailed_errors: true, ..Options::default() });
    let mut socket = Socket::connect(&hub).await;
    let mut outcomes = Vec::new();
    for (index, items) in [0_u64, 1, u64::MAX >> 60, 0, 0].into_iter().enumerate() {
        socket.call(&index.to_string(), "attach", json!(["a", items])).await;
        loop {
            let message = socket.hear().await;
            if message["type"] == 3 {
                outcomes.push(message.get("error").is_none());
                break;
            }
        }
        while tokio::time::timeout(SOON, socket.next()).await.is_ok() {}
    }
    assert_eq!(outcomes, [true; 5]);

    let (endless, _) = self::hub(Options { max_streams: 2, detailed_errors: true, ..Options::default() });
    let mut socket = Socket::connect(&endless).await;
    let mut errors = Vec::new();
    for id in ["1", "2", "3"] {
        socket.call(id, "attach", json!(["a", u64::MAX])).await;
        loop {
            let message = socket.hear().await;
            if message["type"] == 3 {
                errors.push(message.get("error").map(|error| error.as_str().unwrap().to_owned()));
                break;
            }
        }
    }
    assert_eq!(errors[..2], [None, None]);
    assert!(errors[2].as_ref().unwrap().ends_with(&format!("SendError: {}", SendError::TooManySources)), "{errors:?}");
}
