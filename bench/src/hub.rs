//! As much of SignalR's JSON hub protocol as it takes to call the campaign hub.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use crate::clock;
use crate::connection::Connection;
use crate::error::Error;
use crate::follower::read_into;
use crate::scan::Scanner;
use crate::server::PROJECT;
use crate::tally::Tally;
use crate::websocket;

/// How the answer to the call `0` begins, unless it failed. A subscription says nothing with it.
pub(crate) const DONE: &[u8] = br#"{"type":3,"invocationId":"0","result":null}"#;

/// How the answer to a call ends whose result is an object. Calls of the client end with `]}`, pings with `6}`.
const OBJECT_COMPLETION: &[u8] = b"}}\x1e";

/// What the answer to a call has that failed; no member of a snapshot that is not failing.
const FAILURE: &[u8] = br#""invocationId":"1","error":"#;

/// Where a client connects that skips the negotiation.
pub(crate) fn path() -> String {
    format!("/hubs/campaign?project={PROJECT}")
}

/// The first frame of a connection.
pub(crate) fn handshake() -> Vec<u8> {
    let mut out = Vec::new();
    websocket::write_text(b"{\"protocol\":\"json\",\"version\":1}\x1e", &mut out);
    out
}

/// Writes a call of a method whose only argument is the name of a campaign.
pub(crate) fn write_call(id: &str, method: &str, campaign: &str, out: &mut Vec<u8>) {
    let call =
        format!("{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"{method}\",\"arguments\":[\"{campaign}\"]}}\x1e");
    websocket::write_text(call.as_bytes(), out);
}

/// A connection that calls methods whose results are objects, and does not listen to what else it is told.
pub(crate) struct Caller {
    writer: OwnedWriteHalf,
    /// When the calls under way were due; they are answered in this order.
    unanswered: Rc<RefCell<VecDeque<u64>>>,
    _reader: JoinSet<()>,
}

impl Caller {
    /// Opens a connection whose answers are counted in `tally`, each when its last byte is there.
    pub(crate) async fn open(host: SocketAddr, tally: &Rc<Tally>) -> Result<Self, Error> {
        let (reader, writer) = Connection::open(host).await?.upgrade(&path()).await?.into_split();
        let (unanswered, mut readers) = (Rc::default(), JoinSet::new());
        readers.spawn_local(read_answers(reader, Rc::clone(tally), Rc::clone(&unanswered)));
        let caller = Self { writer, unanswered, _reader: readers };
        caller.say(&handshake())?;
        Ok(caller)
    }

    /// Calls `method` of a campaign at the time that it is `due`.
    pub(crate) fn call(&self, method: &str, campaign: &str, due: u64) -> Result<(), Error> {
        self.unanswered.borrow_mut().push_back(due);
        let mut frame = Vec::new();
        write_call("1", method, campaign, &mut frame);
        self.say(&frame)
    }

    fn say(&self, bytes: &[u8]) -> Result<(), Error> {
        match self.writer.try_write(bytes) {
            Ok(written) if written == bytes.len() => Ok(()),
            Ok(_) => Err(Error::Protocol("the server does not read what it is asked")),
            Err(source) => Err(Error::io("cannot call the hub")(source)),
        }
    }
}

async fn read_answers(reader: OwnedReadHalf, tally: Rc<Tally>, unanswered: Rc<RefCell<VecDeque<u64>>>) {
    let (mut answers, mut failures) = (Scanner::<0>::new(OBJECT_COMPLETION), Scanner::<0>::new(FAILURE));
    read_into(&tally, reader, |bytes| {
        let now = clock::now();
        tally.read(bytes.len());
        failures.scan(bytes, |[]| tally.fault("call refused"));
        answers.scan(bytes, |[]| {
            if let Some(due) = unanswered.borrow_mut().pop_front() {
                tally.arrive(due, now);
            }
        });
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_frame_of_json_and_its_separator() {
        let mut frame = Vec::new();
        write_call("7", "GetCampaignSnapshot", "spring", &mut frame);
        let (message, separator) = frame[8..].split_at(frame.len() - 9);
        let call: serde_json::Value = serde_json::from_slice(message).unwrap();
        assert_eq!(call["arguments"], serde_json::json!(["spring"]));
        assert_eq!(separator, b"\x1e");
        assert_eq!(usize::from(u16::from_be_bytes([frame[2], frame[3]])), frame.len() - 8);
    }
}
