//! A WebSocket as a client sees it.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::{PATIENCE, Server};

/// An open WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// `/v1/ws`.
    pub async fn open(server: &Server) -> Self {
        Self::open_at(server, "/v1/ws").await
    }

    /// The socket at `path`.
    pub async fn open_at(server: &Server, path: &str) -> Self {
        let (socket, _) = connect_async(format!("ws://{}{path}", server.address())).await.unwrap();
        Self(socket)
    }

    pub async fn say(&mut self, message: Value) {
        self.say_text(&message.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message.
    pub async fn hear(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a message").unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("a text frame and not {other:?}"),
            }
        }
    }

    /// The next message about `sub`, or the answer to that `ref`. What comes before it is somebody else's.
    pub async fn hear_of(&mut self, name: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message["sub"] == name || message["ref"] == name {
                return message;
            }
        }
    }

    /// Everything that is still said, and the code with which the server closes; none when it just goes away.
    pub async fn rest(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut messages = Vec::new();
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the end") {
                Some(Ok(Message::Text(text))) => messages.push(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return (messages, frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (messages, None),
            }
        }
    }

    /// How the server closes it.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the end") {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}
