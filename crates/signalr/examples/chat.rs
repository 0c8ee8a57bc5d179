//! A chat with rooms. Any SignalR client may join: `cargo run -p milepost-signalr --example chat`, then connect to
//! `http://127.0.0.1:5000/chat`.

use std::sync::Mutex;

use axum::Router;
use axum::http::StatusCode;
use milepost_signalr::{Context, Hub, HubError, Options};
use serde::Serialize;
use tokio::net::TcpListener;

/// What the server remembers of a connection.
#[derive(Default)]
struct Member {
    name: Mutex<Option<String>>,
}

impl Member {
    fn name(&self) -> Result<String, HubError> {
        let name = self.name.lock().map_err(|_| HubError::new("Your connection is broken."))?;
        name.clone().ok_or_else(|| HubError::new("Say who you are first."))
    }
}

type Chat = Context<Member>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    room: String,
    by: String,
    text: String,
}

async fn introduce(cx: Chat, name: String) -> Result<(), HubError> {
    if name.trim().is_empty() {
        return Err(HubError::new("A name has letters."));
    }
    *cx.state().name.lock().map_err(|_| HubError::new("Your connection is broken."))? = Some(name);
    Ok(())
}

async fn enter(cx: Chat, room: String) -> Result<usize, HubError> {
    let name = cx.state().name()?;
    cx.clients().group(&room).send("Entered", (room.clone(), name))?;
    cx.join(&room);
    Ok(cx.groups().len(&room))
}

async fn say(cx: Chat, room: String, text: String) -> Result<(), HubError> {
    let by = cx.state().name()?;
    cx.clients().group(room.clone()).send("Said", (Said { room, by, text },))?;
    Ok(())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let hub = Hub::builder(|_| Member::default())
        .method("Introduce", introduce)
        .method("Enter", enter)
        .method("Say", say)
        .on_connected(
            |cx: Chat| async move { Ok(cx.caller().send("Welcome", (cx.connection_id().to_owned(),)).await?) },
        )
        .on_disconnected(|cx: Chat, reason| async move { println!("{} left: {reason:?}", cx.connection_id()) })
        .options(Options { detailed_errors: cfg!(debug_assertions), ..Options::default() })
        .build();
    let app = Router::new().nest("/chat", hub.router()).fallback(|| async { StatusCode::NOT_FOUND });
    let listener = TcpListener::bind("127.0.0.1:5000").await?;
    println!("chat on http://{}/chat", listener.local_addr()?);
    axum::serve(listener, app).await
}
