//! What the server says.

use bytes::Bytes;
use milepost_core::Cursor;
use serde::Serialize;

use crate::native::Problem;
use crate::text::write;

/// What a message of a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are those of SSE")]
pub enum ServerOp {
    Event,
    Snapshot,
    CaughtUp,
    Reset,
    End,
}

impl ServerOp {
    fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Snapshot => "snapshot",
            Self::CaughtUp => "caught_up",
            Self::Reset => "reset",
            Self::End => "end",
        }
    }
}

/// A message of the subscription `sub`. `data` is JSON that is spliced in as it is: an event or a snapshot that was encoded
/// once for everybody.
pub fn stream_message(op: ServerOp, sub: &str, cursor: Option<Cursor>, data: Option<&[u8]>) -> Bytes {
    let mut out = begin(op.as_str(), data.map_or(0, <[u8]>::len));
    member(&mut out, "sub", sub);
    if let Some(cursor) = cursor {
        write(&mut out, format_args!(r#","cursor":"{cursor}""#));
    }
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data);
    }
    end(out)
}

/// The answer to the message with that `ref`, or to one without: what HTTP would answer.
pub fn ack(reference: Option<&str>, answer: &impl Serialize) -> Bytes {
    let mut out = begin("ack", 0);
    if let Some(reference) = reference {
        member(&mut out, "ref", reference);
    }
    member(&mut out, "data", answer);
    end(out)
}

/// A refusal of a message, or the end of a subscription. None of both where a message could not even be read.
pub fn error(reference: Option<&str>, sub: Option<&str>, problem: &Problem) -> Bytes {
    let mut out = begin("error", 0);
    if let Some(reference) = reference {
        member(&mut out, "ref", reference);
    }
    if let Some(sub) = sub {
        member(&mut out, "sub", sub);
    }
    member(&mut out, "problem", problem);
    end(out)
}

/// The answer to `ping`.
pub fn pong(reference: Option<&str>) -> Bytes {
    let mut out = begin("pong", 0);
    if let Some(reference) = reference {
        member(&mut out, "ref", reference);
    }
    end(out)
}

fn begin(op: &str, data: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(data + 128);
    write(&mut out, format_args!(r#"{{"op":"{op}""#));
    out
}

fn member(out: &mut Vec<u8>, name: &str, value: &(impl Serialize + ?Sized)) {
    write(out, format_args!(r#","{name}":"#));
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // Only values that are no JSON at all fail, and no answer has one; the message has to stay readable all the same.
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

fn end(mut out: Vec<u8>) -> Bytes {
    out.push(b'}');
    out.into()
}
