//! A client that speaks as raw as a test wants, over a pipe in memory: paused time stays paused.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use milepost_signalr::{Context, Hub, HubBuilder, Options};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tower::{Service, ServiceExt};

/// Long enough for anything that does not wait for a timer of the hub.
pub(crate) const SOON: Duration = Duration::from_millis(100);

pub(crate) fn builder() -> HubBuilder<()> {
    Hub::builder(|_| ()).method("Echo", |_: Context<()>, value: Value| async move { Ok(value) }).method(
        "Sleep",
        |_: Context<()>, ms: u64| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(ms)
        },
    )
}

pub(crate) fn hub_with(options: Options) -> Hub {
    builder().options(options).build()
}

pub(crate) fn hub() -> Hub {
    builder().build()
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// One request, answered in full.
pub(crate) async fn ask(hub: &Hub, method: &str, path: &str, body: impl Into<Body>) -> Answer {
    ask_with(hub, method, path, &[], body).await
}

pub(crate) async fn ask_with(
    hub: &Hub,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let response = begin(hub, method, path, headers, body).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// One request, answered as far as its head.
pub(crate) async fn begin(
    hub: &Hub,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> http::Response<Body> {
    let mut request = Request::builder().method(method).uri(format!("/hub{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router(hub).oneshot(request.body(body.into()).unwrap()).await.unwrap()
}

pub(crate) fn router(hub: &Hub) -> Router {
    Router::new().nest("/hub", hub.router())
}

/// Negotiates; the value of `id` in what follows.
pub(crate) async fn negotiate(hub: &Hub, query: &str) -> String {
    let answer = ask(hub, "POST", &format!("/negotiate?negotiateVersion=1{query}"), "").await;
    answer.json()["connectionToken"].as_str().unwrap().to_owned()
}

/// The client's end of a WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<DuplexStream>,
    /// Records that have arrived together.
    pending: Vec<Value>,
}

impl Socket {
    /// Opens a WebSocket; the status of the answer if there is none.
    pub(crate) async fn try_open(hub: &Hub, path: &str) -> Result<Self, StatusCode> {
        let (here, there) = tokio::io::duplex(4_096);
        let router = router(hub);
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let answer = router.clone().call(request);
            async { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(there), service);
        tokio::spawn(connection.with_upgrades());
        match tokio_tungstenite::client_async(format!("ws://hub/hub{path}"), here).await {
            Ok((stream, _)) => Ok(Self { stream, pending: Vec::new() }),
            Err(Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn open(hub: &Hub, path: &str) -> Self {
        Self::try_open(hub, path).await.unwrap()
    }

    /// A connection without a negotiation that has shaken hands.
    pub(crate) async fn connect(hub: &Hub) -> Self {
        let mut socket = Self::open(hub, "").await;
        socket.shake_hands(1).await;
        socket
    }

    pub(crate) async fn shake_hands(&mut self, version: u8) {
        self.say(json!({"protocol": "json", "version": version})).await;
        assert_eq!(self.hear().await, json!({}));
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.say_text(&format!("{message}\u{1e}")).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn say_bytes(&mut self, bytes: Bytes) {
        self.stream.send(Message::Binary(bytes)).await.unwrap();
    }

    /// Calls a method; its completion comes later.
    pub(crate) async fn call(&mut self, id: &str, target: &str, arguments: Value) {
        self.say(json!({"type": 1, "invocationId": id, "target": target, "arguments": arguments})).await;
    }

    /// The next record. Every frame has whole records only.
    pub(crate) async fn hear(&mut self) -> Value {
        match self.next().await {
            Some(value) => value,
            None => panic!("the socket was closed"),
        }
    }

    /// The next record; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        while self.pending.is_empty() {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let records: Vec<_> = text.split_terminator('\u{1e}').collect();
                    assert!(text.ends_with('\u{1e}'), "half a record: {text}");
                    self.pending = records.into_iter().rev().map(|r| serde_json::from_str(r).unwrap()).collect();
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
        self.pending.pop()
    }

    /// The code that the socket is closed with; what comes before is dropped. `None` when it just breaks.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Close(frame)) => return Some(frame.map_or(1005, |frame| frame.code.into())),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Nothing arrives for a while.
    pub(crate) async fn silence(&mut self) {
        if let Ok(message) = tokio::time::timeout(SOON, self.next()).await {
            panic!("{message:?}");
        }
    }
}

/// The records in a text.
pub(crate) fn records(text: &str) -> Vec<Value> {
    text.split_terminator('\u{1e}').map(|record| serde_json::from_str(record).unwrap()).collect()
}

/// A record as it is written.
pub(crate) fn record(value: &Value) -> String {
    format!("{value}\u{1e}")
}
