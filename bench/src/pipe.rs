//! Connections for publishing: requests go out when they are due, whether or not the earlier ones are answered.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;

use memchr::memmem;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use crate::clock;
use crate::connection::{Connection, connect, post_head};
use crate::error::Error;
use crate::follower::read_into;
use crate::payload::{EVENT_BYTES, Kind, Stamp, write_batch, write_event};
use crate::scan::Scanner;
use crate::tally::Tally;
use crate::websocket;

/// One connection with requests under way.
pub(crate) struct Pipe {
    writer: OwnedWriteHalf,
    /// Bytes that the socket has not taken.
    out: Vec<u8>,
    taken: usize,
    /// When the unanswered requests of an HTTP connection were due; they are answered in this order.
    unanswered: Rc<RefCell<VecDeque<u64>>>,
    protocol: Protocol,
    _reader: JoinSet<()>,
}

/// How a pipe speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `POST /runs/{run}/events`, pipelined (RFC 9112, section 9.3.2).
    Http,
    /// `publish` on `/v1/ws`.
    WebSocket,
}

/// A stream to publish to, with everything of a request that is always the same.
pub(crate) struct Destination {
    http: Vec<u8>,
    http_path: String,
    host: SocketAddr,
    websocket: Vec<u8>,
}

impl Destination {
    pub(crate) fn new(host: SocketAddr, project: &str, run: &str) -> Self {
        let http_path = format!("/v1/projects/{project}/runs/{run}/events");
        Self {
            http: post_head(host, &http_path, EVENT_BYTES),
            http_path,
            host,
            websocket: format!(r#"","project":"{project}","run":"{run}","events":["#).into_bytes(),
        }
    }
}

impl Pipe {
    /// Opens a connection whose answers are counted in `tally`.
    pub(crate) async fn open(host: SocketAddr, protocol: Protocol, tally: &Rc<Tally>) -> Result<Self, Error> {
        let unanswered = Rc::default();
        let mut readers = JoinSet::new();
        let writer = match protocol {
            Protocol::Http => {
                let (reader, writer) = connect(host).await?.into_split();
                readers.spawn_local(read_http(reader, Rc::clone(tally), Rc::clone(&unanswered)));
                writer
            }
            Protocol::WebSocket => {
                let (reader, writer) = Connection::open(host).await?.upgrade("/v1/ws").await?.into_split();
                readers.spawn_local(read_websocket(reader, Rc::clone(tally)));
                writer
            }
        };
        Ok(Self { writer, out: Vec::new(), taken: 0, unanswered, protocol, _reader: readers })
    }

    /// Puts one event into the buffer.
    pub(crate) fn publish(&mut self, to: &Destination, stamp: Stamp) {
        match self.protocol {
            Protocol::Http => {
                self.unanswered.borrow_mut().push_back(stamp.due);
                self.out.extend_from_slice(&to.http);
                write_event(Kind::Custom, stamp, &mut self.out);
            }
            Protocol::WebSocket => write_publish(to, stamp, &mut self.out),
        }
    }

    /// Puts one `POST` of `count` events into the buffer.
    pub(crate) fn publish_batch(&mut self, to: &Destination, kind: Kind, due: u64, first: u32, count: u32) {
        self.unanswered.borrow_mut().push_back(due);
        let mut body = Vec::with_capacity(count as usize * (EVENT_BYTES + 1) + 1);
        write_batch(kind, due, first, count, &mut body);
        self.out.extend_from_slice(&post_head(to.host, &to.http_path, body.len()));
        self.out.extend_from_slice(&body);
    }

    /// Whether the socket has taken everything.
    pub(crate) fn is_flushed(&self) -> bool {
        self.out.is_empty()
    }

    /// Gives the socket what it takes. The rest goes with the next call.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        while self.taken < self.out.len() {
            match self.writer.try_write(&self.out[self.taken..]) {
                Ok(written) => self.taken += written,
                Err(full) if full.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(source) => return Err(Error::io("cannot publish")(source)),
            }
        }
        self.out.clear();
        self.taken = 0;
        Ok(())
    }
}

const REFERENCE: &[u8] = br#"{"op":"publish","ref":""#;
const END: &[u8] = b"]}";

/// One frame.
fn write_publish(to: &Destination, stamp: Stamp, out: &mut Vec<u8>) {
    let length = REFERENCE.len() + Stamp::LEN + to.websocket.len() + EVENT_BYTES + END.len();
    websocket::write_head(length, out);
    out.extend_from_slice(REFERENCE);
    stamp.write(out);
    out.extend_from_slice(&to.websocket);
    write_event(Kind::Custom, stamp, out);
    out.extend_from_slice(END);
}

async fn read_http(reader: OwnedReadHalf, tally: Rc<Tally>, unanswered: Rc<RefCell<VecDeque<u64>>>) {
    let mut scanner = Scanner::<3>::new(b"HTTP/1.1 ");
    read_into(&tally, reader, |bytes| {
        let now = clock::now();
        scanner.scan(bytes, |status| {
            let due = unanswered.borrow_mut().pop_front();
            if status != b"200" {
                tally.fault("publication refused");
            }
            tally.arrive(due.unwrap_or(now), now);
        });
    })
    .await;
}

async fn read_websocket(reader: OwnedReadHalf, tally: Rc<Tally>) {
    let mut scanner = Scanner::new(br#""ref":""#);
    let error = memmem::Finder::new(br#""op":"error""#);
    read_into(&tally, reader, |bytes| {
        let now = clock::now();
        if error.find(bytes).is_some() {
            tally.fault("publication refused");
        }
        scanner.scan(bytes, |text| {
            if let Some(stamp) = Stamp::read(text) {
                tally.arrive(stamp.due, now);
            }
        });
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_frame_is_as_long_as_it_says_and_holds_json() {
        let host: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let mut frame = Vec::new();
        write_publish(&Destination::new(host, "bench", "r1"), Stamp { due: 1, index: 2 }, &mut frame);
        let length = usize::from(u16::from_be_bytes([frame[2], frame[3]]));
        assert_eq!(frame.len(), 8 + length);
        let json: serde_json::Value = serde_json::from_slice(&frame[8..]).unwrap();
        assert_eq!(json["ref"], "000000000000000100000002");
        assert_eq!(json["run"], "r1");
        assert_eq!(json["events"][0]["type"], "x.bench");
    }
}
