//! How a stream is opened: the request, what is said first on a socket, and how the server says that all is well.

use std::net::SocketAddr;

use crate::hub;
use crate::server::{PROJECT, agent_path, events_path};
use crate::websocket;

/// How the head of an answer begins, where that is all that is said.
const HEAD: &[u8] = b"HTTP/1.1 ";

/// Of one stream.
#[derive(Clone)]
pub(crate) struct Opening {
    path: String,
    /// Said on the `WebSocket` once it is open; absent for what is no `WebSocket`.
    greeting: Option<Vec<u8>>,
    /// What arrives once the stream is followed.
    pub(crate) followed: &'static [u8],
}

impl Opening {
    /// The events of a run over Server-Sent Events, from now on.
    pub(crate) fn events(run: &str) -> Self {
        Self { path: events_path(run), greeting: None, followed: HEAD }
    }

    /// The same after a sequence.
    pub(crate) fn events_after(run: &str, sequence: u64) -> Self {
        Self { path: format!("{}?after={sequence}", events_path(run)), ..Self::events(run) }
    }

    /// The page of an agent run, a `WebSocket` of its own.
    pub(crate) fn agent(run: &str) -> Self {
        Self { path: agent_path(run), greeting: Some(Vec::new()), followed: HEAD }
    }

    /// A subscription on a `WebSocket` of the native protocol.
    pub(crate) fn native(run: &str) -> Self {
        let subscribe = format!(r#"{{"op":"subscribe","sub":"s","project":"{PROJECT}","run":"{run}"}}"#);
        let mut greeting = Vec::new();
        websocket::write_text(subscribe.as_bytes(), &mut greeting);
        Self { path: "/v1/ws".into(), greeting: Some(greeting), followed: br#""op":"caught_up""# }
    }

    /// A subscription on a connection of the campaign hub.
    pub(crate) fn campaign(run: &str) -> Self {
        let mut greeting = hub::handshake();
        hub::write_call("0", "SubscribeToCampaign", run, &mut greeting);
        Self { path: hub::path(), greeting: Some(greeting), followed: hub::DONE }
    }

    /// The request that asks for it.
    pub(crate) fn request(&self, host: SocketAddr) -> String {
        match self.greeting {
            Some(_) => websocket::request(host, &self.path),
            None => format!("GET {} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n", self.path),
        }
    }

    /// What is said on the socket once it is open.
    pub(crate) fn greeting(&self) -> &[u8] {
        self.greeting.as_deref().unwrap_or_default()
    }
}
