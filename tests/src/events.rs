//! An event stream as a client sees it.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use milepost_wire::sse::{Decoder, Item};
use reqwest::{Client, Response};
use serde_json::Value;

use crate::server::PATIENCE;

/// A dispatched event.
#[derive(Debug, Clone)]
pub struct Frame {
    /// `message` where the stream names none.
    pub name: String,
    /// The last event id as of this event.
    pub id: String,
    pub data: Value,
}

impl Frame {
    /// In short: the sequence of an event, with what it covers (`4..9`), and for anything else its name and where it stands.
    pub fn in_short(&self) -> String {
        match self.name.as_str() {
            "message" => match self.data["coalesced"]["from"].as_u64() {
                Some(from) => format!("{from}..{}", self.data["seq"]),
                None => self.data["seq"].to_string(),
            },
            "reset" => format!("reset:{}", self.data["reason"].as_str().unwrap()),
            name => format!("{name}@{}", self.seq()),
        }
    }

    /// The sequence of its id.
    pub fn seq(&self) -> u64 {
        self.id.rsplit('-').next().unwrap().parse().unwrap()
    }
}

/// An open event stream.
pub struct Events {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    decoder: Decoder,
    frames: VecDeque<Frame>,
    pub last_event_id: String,
}

impl Events {
    pub async fn get(client: &Client, url: &str, last_event_id: Option<&str>) -> Self {
        let mut request = client.get(url).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Self::of(request.send().await.unwrap())
    }

    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200, "{}: {:?}", response.url(), response.headers());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            bytes: response.bytes_stream().boxed(),
            decoder: Decoder::new(64 << 20),
            frames: VecDeque::new(),
            last_event_id: String::new(),
        }
    }

    /// The next event; none when the server closed the stream, or it broke.
    pub async fn next(&mut self) -> Option<Frame> {
        tokio::time::timeout(PATIENCE, self.wait()).await.expect("an event, or the end of the stream")
    }

    /// The next event that is not progress.
    pub async fn next_solid(&mut self) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.data["type"] != "run.progressed" {
                return Some(frame);
            }
        }
    }

    /// Everything up to and including the first event called `name`.
    pub async fn until(&mut self, name: &str) -> Vec<Frame> {
        let mut seen = Vec::new();
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the stream ended before `{name}`: {seen:#?}"));
            seen.push(frame);
            if seen.last().is_some_and(|frame| frame.name == name) {
                return seen;
            }
        }
    }

    /// Everything up to the end of the stream.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut seen = Vec::new();
        while let Some(frame) = self.next().await {
            seen.push(frame);
        }
        seen
    }

    async fn wait(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                self.last_event_id.clone_from(&frame.id);
                return Some(frame);
            }
            let chunk = self.bytes.next().await?.ok()?;
            let mut items = Vec::new();
            self.decoder.push(&chunk, &mut items).unwrap();
            for item in items {
                match item {
                    Item::Event { name, data, id } => {
                        let name = if name.is_empty() { "message".to_owned() } else { name };
                        self.frames.push_back(Frame { name, id, data: serde_json::from_str(&data).unwrap() });
                    }
                    Item::Moved { id } => self.last_event_id = id,
                }
            }
        }
    }
}

/// The text of a stream as it is on the wire, up to and including `needle`.
pub async fn text_until(response: Response, needle: &str) -> String {
    assert_eq!(response.status(), 200, "{}", response.url());
    let (mut bytes, mut text) = (response.bytes_stream(), String::new());
    let reading = async {
        while !text.contains(needle) {
            let Some(chunk) = bytes.next().await else { panic!("the stream ended before {needle:?}: {text}") };
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the stream goes on");
    text
}
