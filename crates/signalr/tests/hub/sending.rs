//! Sending to clients: groups, everybody, one; in order, in one write, and to those who do not read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Extensions, StatusCode};
use milepost_signalr::{
    ConnectionStatus, Context, DisconnectReason, Metrics, Options, SendError, SharedMessage, Transport,
};
use serde_json::{Value, json};

use crate::support::{SOON, Socket, builder, hub};

fn message(target: &str, arguments: &Value) -> Value {
    json!({"type": 1, "target": target, "arguments": arguments})
}

#[tokio::test(start_paused = true)]
async fn a_group_is_its_members() {
    let hub = builder()
        .method("Join", |cx: Context<()>, group: String| async move {
            cx.join(&group);
            Ok(cx.connection_id().to_owned())
        })
        .method("Leave", |cx: Context<()>, group: String| async move {
            cx.leave(&group);
            Ok(())
        })
        .build();
    let mut sockets = Vec::new();
    let mut ids = Vec::new();
    for group in ["red", "red", "blue"] {
        let mut socket = Socket::connect(&hub).await;
        socket.call("1", "join", json!([group])).await;
        ids.push(socket.hear().await["result"].as_str().unwrap().to_owned());
        sockets.push(socket);
    }
    let clients = hub.clients();
    assert_eq!(clients.group("red").send("M", (1,)).unwrap(), 2);
    assert_eq!(clients.group("blue").send("M", (2,)).unwrap(), 1);
    assert_eq!(clients.group("green").send("M", (3,)).unwrap(), 0);
    assert_eq!(clients.all().except(&ids[1]).send("M", (4,)).unwrap(), 2);
    assert_eq!(clients.client(&ids[1]).send("M", (5,)).unwrap(), 1);
    assert_eq!(clients.clients(&ids).except(&ids[0]).send("M", (6,)).unwrap(), 2);
    assert_eq!(clients.client("nobody").send("M", (7,)).unwrap(), 0);
    for (socket, expected) in sockets.iter_mut().zip([&[1, 4][..], &[1, 5, 6], &[2, 4, 6]]) {
        for number in expected {
            assert_eq!(socket.hear().await, message("M", &json!([number])));
        }
        socket.silence().await;
    }
    sockets[0].call("2", "leave", json!(["red"])).await;
    sockets[0].hear().await;
    hub.groups().add(&ids[2], "red");
    assert_eq!(hub.groups().len("red"), 2);
    assert_eq!(clients.group("red").send("M", (8,)).unwrap(), 2);
    sockets[0].silence().await;
    assert_eq!(sockets[2].hear().await, message("M", &json!([8])));
    hub.groups().remove(&ids[2], "red");
    // Who has gone is in no group any more.
    drop(sockets);
    tokio::time::sleep(SOON).await;
    assert_eq!((hub.groups().len("red"), hub.groups().len("blue"), hub.connections()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_changes_places() {
    let hub = builder()
        .method("Talk", |cx: Context<()>| async move {
            for number in 0..5_000 {
                // More than may wait for a client: the method goes on as fast as it is read.
                cx.caller().send("N", (number, "x".repeat(100))).await?;
            }
            Ok("done")
        })
        .build();
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "talk", json!([])).await;
    for number in 0..5_000 {
        assert_eq!(socket.hear().await["arguments"][0], json!(number));
    }
    assert_eq!(socket.hear().await["result"], json!("done"));
}

#[derive(Default)]
struct Record(Mutex<Vec<String>>);

impl Record {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Metrics for Record {
    fn connection_started(&self, transport: Transport) {
        self.note(format!("started {}", transport.metric_name()));
    }

    fn connection_ended(&self, transport: Transport, status: ConnectionStatus, duration: Duration) {
        self.note(format!("ended {} {} {duration:?}", transport.metric_name(), status.metric_name()));
    }

    fn sent(&self, messages: usize, bytes: usize) {
        self.note(format!("sent {messages} in {bytes}"));
    }

    fn received(&self, messages: usize, bytes: usize) {
        self.note(format!("received {messages} in {bytes}"));
    }

    fn slow_client(&self, transport: Transport) {
        self.note(format!("slow {}", transport.metric_name()));
    }

    fn invoked(&self, target: &str, duration: Duration, failed: bool) {
        self.note(format!("invoked {target} {duration:?} {failed}"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_leaves_in_one_write_and_is_measured() {
    let record = Arc::new(Record::default());
    let hub = builder().metrics(record.clone()).build();
    let mut socket = Socket::connect(&hub).await;
    socket.call("1", "sleep", json!([1_000])).await;
    socket.hear().await;
    let expected = ["started web_sockets", "sent 1 in 3", "received 1 in 65", "invoked sleep 1s false", "sent 1 in 44"];
    assert_eq!(record.take(), expected);
    for number in 0..3 {
        hub.clients().all().send("N", (number,)).unwrap();
    }
    socket.hear().await;
    assert_eq!(record.take(), ["sent 3 in 120"]);
    drop(socket);
    tokio::time::sleep(SOON).await;
    assert_eq!(record.take(), ["ended web_sockets normal_closure 1s"]);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_disconnected_and_nobody_else_notices() {
    let record = Arc::new(Record::default());
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let noted = reasons.clone();
    let hub = builder()
        .metrics(record.clone())
        .on_disconnected(move |_: Context<()>, reason| {
            noted.lock().unwrap().push(reason);
            async {}
        })
        .options(Options { outgoing_bytes_max: 100_000, ..Options::default() })
        .build();
    let _asleep = Socket::connect(&hub).await;
    let mut awake = Socket::connect(&hub).await;
    let text = "x".repeat(1_000);
    for number in 0..300 {
        hub.clients().all().send("N", (number, &*text.clone().leak())).unwrap();
        assert_eq!(awake.hear().await["arguments"][0], json!(number));
    }
    // The close message has no room either, so the socket is given up after a while.
    tokio::time::sleep(Options::default().close_timeout * 2).await;
    assert_eq!(*reasons.lock().unwrap(), [DisconnectReason::TooSlow]);
    assert!(record.take().contains(&"slow web_sockets".to_owned()));
    assert_eq!(hub.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_makes_no_progress_is_given_up() {
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let noted = reasons.clone();
    let hub = builder()
        .on_disconnected(move |_: Context<()>, reason| {
            noted.lock().unwrap().push(reason);
            async {}
        })
        .build();
    let _asleep = Socket::connect(&hub).await;
    hub.clients().all().send("N", ("x".repeat(20_000),)).unwrap();
    let patience = Options::default();
    tokio::time::sleep(patience.send_timeout - SOON).await;
    assert_eq!(hub.connections(), 1);
    tokio::time::sleep(patience.close_timeout * 2).await;
    assert_eq!(*reasons.lock().unwrap(), [DisconnectReason::TooSlow]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_the_senders_problem() {
    let hub = hub();
    let mut socket = Socket::connect(&hub).await;
    let unencodable = || SharedMessage::new("N", (std::collections::BTreeMap::from([((1, 2), 3)]),));
    assert!(hub.clients().all().send_message(&unencodable()).is_err());
    socket.call("1", "echo", json!([1])).await;
    assert_eq!(socket.hear().await["result"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn shutting_down_sends_everybody_elsewhere() {
    let record = Arc::new(Record::default());
    let hub = builder().metrics(record.clone()).build();
    let mut sockets = [Socket::connect(&hub).await, Socket::connect(&hub).await];
    // A negotiated one is not waited for.
    crate::support::negotiate(&hub, "").await;
    let reading = async {
        for socket in &mut sockets {
            assert_eq!(socket.hear().await, json!({"type": 7, "allowReconnect": true}));
            assert_eq!(socket.closed().await, Some(1000));
        }
        drop(sockets);
    };
    tokio::join!(hub.shutdown(), reading);
    let ended = record.take().iter().filter(|note| note.starts_with("ended web_sockets app_shutdown")).count();
    assert_eq!((ended, hub.connections()), (2, 0));
    let refused = crate::support::ask(&hub, "POST", "/negotiate?negotiateVersion=1", "").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(Socket::try_open(&hub, "").await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn a_context_may_outlive_its_connection() {
    let kept: Arc<Mutex<Option<Context<u32>>>> = Arc::default();
    let keep = kept.clone();
    let hub = milepost_signalr::Hub::builder(|info| u32::try_from(info.id.len()).unwrap())
        .authorize(|parts| {
            let mut extensions = Extensions::new();
            extensions.insert(parts.uri.query().unwrap_or_default().to_owned());
            Ok::<_, StatusCode>(extensions)
        })
        .method("Keep", move |cx: Context<u32>| {
            *keep.lock().unwrap() = Some(cx);
            async { Ok(()) }
        })
        .build();
    let mut socket = Socket::open(&hub, "?key=1").await;
    socket.shake_hands(1).await;
    socket.call("1", "keep", json!([])).await;
    socket.hear().await;
    let cx = kept.lock().unwrap().take().unwrap();
    cx.caller().send("Hello", ()).await.unwrap();
    assert_eq!(socket.hear().await, message("Hello", &json!([])));
    drop(socket);
    tokio::time::sleep(SOON).await;
    assert_eq!(cx.caller().send("Hello", ()).await, Err(SendError::Closed));
    cx.join("group");
    assert_eq!(hub.groups().len("group"), 0);
    assert_eq!(*cx.state(), 22);
    assert_eq!(cx.connection().extensions.get::<String>().unwrap(), "key=1");
}
