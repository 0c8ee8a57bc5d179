//! Server-Sent Events (WHATWG HTML, section 9.2): the encoder for the server, the decoder for the client.

mod decoder;

use bytes::Bytes;
use milepost_core::Cursor;

use crate::text::write;

pub use decoder::{Decoder, Item, TooLong};

/// A comment, which keeps a connection from looking dead. It dispatches nothing.
pub static COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// A normal event. It has no `event:` line, so that `EventSource.onmessage` gets it.
///
/// `json` is compact JSON; that has no line breaks, so one `data:` line is enough.
pub fn event_frame(cursor: Cursor, json: &[u8]) -> Bytes {
    frame(None, Some(cursor), json)
}

/// An event of a name of its own, `snapshot` for instance. Without a cursor the viewer stays where it is.
pub fn named_frame(name: &str, cursor: Option<Cursor>, json: &[u8]) -> Bytes {
    frame(Some(name), cursor, json)
}

/// Moves the viewer's `Last-Event-ID` and dispatches nothing.
pub fn id_only(cursor: Cursor) -> Bytes {
    format!("id: {cursor}\n\n").into()
}

fn frame(name: Option<&str>, cursor: Option<Cursor>, json: &[u8]) -> Bytes {
    debug_assert!(!json.iter().any(|byte| matches!(byte, b'\n' | b'\r')), "a line break would end the field");
    let mut out = Vec::with_capacity(json.len() + 64);
    if let Some(cursor) = cursor {
        write(&mut out, format_args!("id: {cursor}\n"));
    }
    if let Some(name) = name {
        write(&mut out, format_args!("event: {name}\n"));
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(json);
    out.extend_from_slice(b"\n\n");
    out.into()
}

#[cfg(test)]
mod tests;
