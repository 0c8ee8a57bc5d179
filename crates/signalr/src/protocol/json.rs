//! The JSON encoding. Properties come in any order; unknown ones are ignored.

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Protocol;
use super::framing::RECORD_SEPARATOR;
use super::message::{Call, DecodeError, Message, Outcome};
use super::payload::{Arguments, Payload};

/// What any message may have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: u64,
    /// Read only where it matters, so that odd headers harm nothing.
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
    invocation_id: Option<String>,
    target: Option<String>,
    #[serde(borrow)]
    arguments: Option<Vec<&'a RawValue>>,
    stream_ids: Option<Vec<String>>,
    #[serde(borrow, default, deserialize_with = "present")]
    item: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    error: Option<String>,
    allow_reconnect: Option<bool>,
    sequence_id: Option<u64>,
}

/// Tells a `null` from a value that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

pub(super) fn decode(frame: &Bytes) -> Result<Option<Message>, DecodeError> {
    let wire: Wire<'_> = match serde_json::from_slice(frame) {
        Ok(wire) => wire,
        Err(_) if is_unknown(frame) => return Ok(None),
        Err(error) => return Err(DecodeError::new(format!("Error reading JSON: {error}"))),
    };
    let payload = |raw: &RawValue| Payload::raw(Protocol::Json, slice(frame, raw));
    let message = match wire.kind {
        1 => Message::Invocation(call(frame, wire)?),
        2 => {
            let item = payload(wire.item.ok_or_else(|| missing("item"))?);
            Message::StreamItem { id: required(wire.invocation_id, "invocationId")?, item }
        }
        3 => {
            let outcome = match (wire.result, wire.error) {
                (Some(_), Some(_)) => {
                    return Err(DecodeError::new("The 'error' and 'result' properties are mutually exclusive."));
                }
                (_, Some(error)) => Outcome::Error(error),
                (Some(result), None) => Outcome::Result(payload(result)),
                (None, None) => Outcome::Void,
            };
            Message::Completion { id: required(wire.invocation_id, "invocationId")?, outcome }
        }
        4 => {
            let call = call(frame, wire)?;
            if call.id.is_none() {
                return Err(missing("invocationId"));
            }
            Message::StreamInvocation(call)
        }
        5 => Message::CancelInvocation { id: required(wire.invocation_id, "invocationId")? },
        6 => Message::Ping,
        7 => Message::Close { error: wire.error, allow_reconnect: wire.allow_reconnect.unwrap_or(false) },
        8 => Message::Ack(wire.sequence_id.ok_or_else(|| missing("sequenceId"))?),
        9 => Message::Sequence(wire.sequence_id.ok_or_else(|| missing("sequenceId"))?),
        _ => return Ok(None),
    };
    Ok(Some(message))
}

/// Whether these bytes are a message of a type from the future, whose properties may mean anything.
fn is_unknown(frame: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: u64,
    }
    serde_json::from_slice(frame).is_ok_and(|Kind { kind }| !(1..=9).contains(&kind))
}

fn call(frame: &Bytes, wire: Wire<'_>) -> Result<Call, DecodeError> {
    let values = wire.arguments.ok_or_else(|| missing("arguments"))?;
    Ok(Call {
        headers: wire.headers.map(headers).unwrap_or_default(),
        id: wire.invocation_id.filter(|id| !id.is_empty()),
        target: required(wire.target, "target")?,
        arguments: Arguments::raw(Protocol::Json, values.into_iter().map(|raw| slice(frame, raw)).collect()),
        stream_ids: wire.stream_ids.unwrap_or_default(),
    })
}

/// Those headers that are strings.
fn headers(raw: &RawValue) -> Vec<(String, String)> {
    let map: serde_json::Map<_, _> = serde_json::from_str(raw.get()).unwrap_or_default();
    map.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

fn slice(frame: &Bytes, raw: &RawValue) -> Bytes {
    frame.slice_ref(raw.get().as_bytes())
}

fn required(value: Option<String>, name: &str) -> Result<String, DecodeError> {
    value.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> DecodeError {
    DecodeError::new(format!("Missing required property '{name}'."))
}

pub(super) fn encode(message: &Message) -> Bytes {
    let mut out = Vec::with_capacity(64);
    match message {
        Message::Invocation(call) => write_call(&mut out, 1, call),
        Message::StreamInvocation(call) => write_call(&mut out, 4, call),
        Message::StreamItem { id, item } => return encode_item(id, item.bytes()),
        Message::Completion { id, outcome } => {
            out.extend_from_slice(br#"{"type":3,"invocationId":"#);
            write_string(&mut out, id);
            match outcome {
                Outcome::Void => {}
                Outcome::Error(error) => {
                    out.extend_from_slice(br#","error":"#);
                    write_string(&mut out, error);
                }
                Outcome::Result(result) => {
                    out.extend_from_slice(br#","result":"#);
                    out.extend_from_slice(result.bytes());
                }
            }
        }
        Message::CancelInvocation { id } => {
            out.extend_from_slice(br#"{"type":5,"invocationId":"#);
            write_string(&mut out, id);
        }
        Message::Ping => return Bytes::from_static(b"{\"type\":6}\x1e"),
        Message::Close { error, allow_reconnect } => {
            out.extend_from_slice(br#"{"type":7"#);
            if let Some(error) = error {
                out.extend_from_slice(br#","error":"#);
                write_string(&mut out, error);
            }
            if *allow_reconnect {
                out.extend_from_slice(br#","allowReconnect":true"#);
            }
        }
        Message::Ack(id) => out.extend_from_slice(format!(r#"{{"type":8,"sequenceId":{id}"#).as_bytes()),
        Message::Sequence(id) => out.extend_from_slice(format!(r#"{{"type":9,"sequenceId":{id}"#).as_bytes()),
    }
    finish(out)
}

pub(super) fn encode_item(id: &str, item: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(48 + item.len());
    out.extend_from_slice(br#"{"type":2,"invocationId":"#);
    write_string(&mut out, id);
    out.extend_from_slice(br#","item":"#);
    out.extend_from_slice(item);
    finish(out)
}

fn write_call(out: &mut Vec<u8>, kind: u8, call: &Call) {
    out.extend_from_slice(&[b'{', b'"', b't', b'y', b'p', b'e', b'"', b':', b'0' + kind]);
    if !call.headers.is_empty() {
        out.extend_from_slice(br#","headers":{"#);
        for (index, (name, value)) in call.headers.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_string(out, name);
            out.push(b':');
            write_string(out, value);
        }
        out.push(b'}');
    }
    if let Some(id) = &call.id {
        out.extend_from_slice(br#","invocationId":"#);
        write_string(out, id);
    }
    out.extend_from_slice(br#","target":"#);
    write_string(out, &call.target);
    out.extend_from_slice(br#","arguments":["#);
    for (index, value) in call.arguments.values().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(value);
    }
    out.push(b']');
    if !call.stream_ids.is_empty() {
        out.extend_from_slice(br#","streamIds":["#);
        for (index, id) in call.stream_ids.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_string(out, id);
        }
        out.push(b']');
    }
}

/// Closes the object and the record.
fn finish(mut out: Vec<u8>) -> Bytes {
    out.extend_from_slice(&[b'}', RECORD_SEPARATOR]);
    out.into()
}

pub(super) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing a string into memory cannot fail.
    drop(serde_json::to_writer(out, text));
}
