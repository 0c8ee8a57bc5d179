//! The MessagePack encoding: arrays by position. Items beyond the known ones are ignored.

mod reader;

use bytes::Bytes;
use rmp::encode;

use super::Protocol;
use super::framing::{prefixed, room_for_prefix};
use super::message::{Call, DecodeError, Message, Outcome};
use super::payload::{Arguments, Payload};
use reader::Reader;

/// Kinds of completions.
const ERROR: u64 = 1;
const VOID: u64 = 2;
const RESULT: u64 = 3;

/// Fewest items of each known type of message, the type itself included; by type - 1.
const ITEMS_MIN: [usize; 9] = [5, 4, 4, 5, 3, 1, 2, 2, 2];

pub(super) fn decode(frame: &Bytes) -> Result<Option<Message>, DecodeError> {
    let mut reader = Reader::new(frame);
    let items = reader.array("the message")?;
    if items == 0 {
        return Err(DecodeError::new("An empty message has no type."));
    }
    let kind = reader.unsigned("type")?;
    let Some(least) = usize::try_from(kind).ok().and_then(|kind| ITEMS_MIN.get(kind.checked_sub(1)?)) else {
        return Ok(None);
    };
    if items < *least {
        return Err(DecodeError::new(format!("A message of type {kind} has at least {least} items, not {items}.")));
    }
    let headers = if kind < 6 { reader.headers()? } else { Vec::new() };
    let message = match kind {
        1 => Message::Invocation(call(&mut reader, headers, items)?),
        2 => {
            let id = reader.string("invocationId")?;
            Message::StreamItem { id, item: Payload::raw(Protocol::MessagePack, reader.value()?) }
        }
        3 => {
            let id = reader.string("invocationId")?;
            let outcome = match (reader.unsigned("the kind of result")?, items) {
                (VOID, _) => Outcome::Void,
                (ERROR, 5..) => Outcome::Error(reader.string("error")?),
                (RESULT, 5..) => Outcome::Result(Payload::raw(Protocol::MessagePack, reader.value()?)),
                (kind, _) => return Err(DecodeError::new(format!("Invalid invocation result kind {kind}."))),
            };
            Message::Completion { id, outcome }
        }
        4 => {
            let call = call(&mut reader, headers, items)?;
            if call.id.is_none() {
                return Err(DecodeError::new("A stream invocation needs an invocationId."));
            }
            Message::StreamInvocation(call)
        }
        5 => Message::CancelInvocation { id: reader.string("invocationId")? },
        6 => Message::Ping,
        7 => {
            let error = reader.optional_string("error")?;
            Message::Close { error, allow_reconnect: items > 2 && reader.boolean("allowReconnect")? }
        }
        8 => Message::Ack(reader.unsigned("sequenceId")?),
        _ => Message::Sequence(reader.unsigned("sequenceId")?),
    };
    Ok(Some(message))
}

fn call(reader: &mut Reader<'_>, headers: Vec<(String, String)>, items: usize) -> Result<Call, DecodeError> {
    let id = reader.optional_string("invocationId")?.filter(|id| !id.is_empty());
    let target = reader.string("target")?;
    let count = reader.array("arguments")?;
    let values = reader.repeat(count, Reader::value)?;
    let stream_ids = match items {
        6.. => {
            let count = reader.array("streamIds")?;
            reader.repeat(count, |reader| reader.string("streamId"))?
        }
        _ => Vec::new(),
    };
    Ok(Call { headers, id, target, arguments: Arguments::raw(Protocol::MessagePack, values), stream_ids })
}

pub(super) fn encode(message: &Message) -> Bytes {
    let mut out = room_for_prefix(64);
    match message {
        Message::Invocation(call) => write_call(&mut out, 1, call),
        Message::StreamInvocation(call) => write_call(&mut out, 4, call),
        Message::StreamItem { id, item } => return encode_item(id, item.bytes()),
        Message::Completion { id, outcome } => {
            array(&mut out, if matches!(outcome, Outcome::Void) { 4 } else { 5 });
            unsigned(&mut out, 3);
            map(&mut out, 0);
            string(&mut out, id);
            match outcome {
                Outcome::Void => unsigned(&mut out, VOID),
                Outcome::Error(error) => {
                    unsigned(&mut out, ERROR);
                    string(&mut out, error);
                }
                Outcome::Result(result) => {
                    unsigned(&mut out, RESULT);
                    out.extend_from_slice(result.bytes());
                }
            }
        }
        Message::CancelInvocation { id } => {
            array(&mut out, 3);
            unsigned(&mut out, 5);
            map(&mut out, 0);
            string(&mut out, id);
        }
        Message::Ping => return Bytes::from_static(&[0x02, 0x91, 0x06]),
        Message::Close { error, allow_reconnect } => {
            array(&mut out, 3);
            unsigned(&mut out, 7);
            optional_string(&mut out, error.as_deref());
            out.push(if *allow_reconnect { 0xc3 } else { 0xc2 });
        }
        Message::Ack(id) => pair(&mut out, 8, *id),
        Message::Sequence(id) => pair(&mut out, 9, *id),
    }
    prefixed(out)
}

pub(super) fn encode_item(id: &str, item: &[u8]) -> Bytes {
    let mut out = room_for_prefix(16 + id.len() + item.len());
    array(&mut out, 4);
    unsigned(&mut out, 2);
    map(&mut out, 0);
    string(&mut out, id);
    out.extend_from_slice(item);
    prefixed(out)
}

fn write_call(out: &mut Vec<u8>, kind: u64, call: &Call) {
    array(out, 6);
    unsigned(out, kind);
    map(out, call.headers.len());
    for (name, value) in &call.headers {
        string(out, name);
        string(out, value);
    }
    optional_string(out, call.id.as_deref());
    string(out, &call.target);
    array(out, call.arguments.len());
    for value in call.arguments.values() {
        out.extend_from_slice(value);
    }
    array(out, call.stream_ids.len());
    for id in &call.stream_ids {
        string(out, id);
    }
}

fn pair(out: &mut Vec<u8>, kind: u64, number: u64) {
    array(out, 2);
    unsigned(out, kind);
    unsigned(out, number);
}

// Writing into memory cannot fail, so the results below say nothing. No length here comes near 2^32: the largest message
// is 2 GiB.

pub(super) fn array(out: &mut Vec<u8>, length: usize) {
    drop(encode::write_array_len(out, u32::try_from(length).unwrap_or(u32::MAX)));
}

pub(super) fn map(out: &mut Vec<u8>, length: usize) {
    drop(encode::write_map_len(out, u32::try_from(length).unwrap_or(u32::MAX)));
}

pub(super) fn unsigned(out: &mut Vec<u8>, number: u64) {
    drop(encode::write_uint(out, number));
}

pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    drop(encode::write_str(out, text));
}

fn optional_string(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => string(out, text),
        None => out.push(0xc0),
    }
}
