//! Messages that many connections send: encoded once per protocol, when the first connection needs them.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;

use super::framing::{RECORD_SEPARATOR, prefixed, room_for_prefix};
use super::payload::{EncodeError, write};
use super::{Protocol, json, msgpack};

/// A call of a method at the clients, whose bytes are made at most once per protocol and shared by all connections.
///
/// Cloning is cheap, so a message can be kept and sent again at any time. The arguments are kept with it, because the next
/// connection may speak the other protocol.
#[derive(Clone)]
pub struct SharedMessage(Arc<Inner>);

struct Inner {
    target: Box<str>,
    parameters: Box<dyn Parameters>,
    json: OnceLock<Result<Encoded, EncodeError>>,
    msgpack: OnceLock<Result<Encoded, EncodeError>>,
}

struct Encoded {
    frame: Bytes,
    /// Where the value is that stands for the message in a stream.
    item: Range<usize>,
}

impl SharedMessage {
    /// A call of `target` with a tuple of arguments. Nothing is encoded yet.
    ///
    /// Clients compare targets exactly or without case, so write them as the clients do.
    #[must_use]
    pub fn new(target: impl Into<Box<str>>, parameters: impl Parameters) -> Self {
        let (json, msgpack) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { target: target.into(), parameters: Box::new(parameters), json, msgpack }))
    }

    /// The method that is called.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// The whole message with its separator or length, the same allocation every time.
    ///
    /// # Errors
    /// When an argument cannot be written in this protocol. Trying again gives the same answer.
    pub fn bytes(&self, protocol: Protocol) -> Result<Bytes, EncodeError> {
        self.encoded(protocol).map(|encoded| encoded.frame.clone())
    }

    /// The value that stands for the message in a stream: its only argument, or an array of all of them.
    ///
    /// # Errors
    /// When an argument cannot be written in this protocol.
    pub fn item(&self, protocol: Protocol) -> Result<Bytes, EncodeError> {
        self.encoded(protocol).map(|encoded| encoded.frame.slice(encoded.item.clone()))
    }

    fn encoded(&self, protocol: Protocol) -> Result<&Encoded, EncodeError> {
        let (once, encode): (_, fn(&Inner) -> Result<Encoded, EncodeError>) = match protocol {
            Protocol::Json => (&self.0.json, encode_json),
            Protocol::MessagePack => (&self.0.msgpack, encode_msgpack),
        };
        once.get_or_init(|| encode(&self.0)).as_ref().map_err(Clone::clone)
    }
}

impl fmt::Debug for SharedMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SharedMessage").field(&self.target()).finish()
    }
}

fn encode_json(inner: &Inner) -> Result<Encoded, EncodeError> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(br#"{"type":1,"target":"#);
    json::write_string(&mut out, &inner.target);
    out.extend_from_slice(br#","arguments":"#);
    let item = write_list(inner, Protocol::Json, &mut out)?;
    out.extend_from_slice(&[b'}', RECORD_SEPARATOR]);
    Ok(Encoded { frame: out.into(), item })
}

fn encode_msgpack(inner: &Inner) -> Result<Encoded, EncodeError> {
    let mut out = room_for_prefix(256);
    msgpack::array(&mut out, 6);
    msgpack::unsigned(&mut out, 1);
    msgpack::map(&mut out, 0);
    out.push(0xc0);
    msgpack::string(&mut out, &inner.target);
    let item = write_list(inner, Protocol::MessagePack, &mut out)?;
    msgpack::array(&mut out, 0);
    let whole = out.len();
    let frame = prefixed(out);
    // The room that the prefix does not need was cut off in front.
    let cut = whole - frame.len();
    Ok(Encoded { frame, item: item.start - cut..item.end - cut })
}

/// Writes all arguments as a list; says where the item is.
fn write_list(inner: &Inner, protocol: Protocol, out: &mut Vec<u8>) -> Result<Range<usize>, EncodeError> {
    let count = inner.parameters.count();
    let list = out.len();
    match protocol {
        Protocol::Json => out.push(b'['),
        Protocol::MessagePack => msgpack::array(out, count),
    }
    let first = out.len();
    inner.parameters.write(&mut ParameterWriter { protocol, out, written: 0 })?;
    let last = out.len();
    if protocol == Protocol::Json {
        out.push(b']');
    }
    Ok(if count == 1 { first..last } else { list..out.len() })
}

/// A tuple of arguments; implemented for tuples of up to eight values that serde can write.
pub trait Parameters: Send + Sync + 'static {
    /// How many there are.
    fn count(&self) -> usize;

    /// Writes each of them.
    ///
    /// # Errors
    /// When serde cannot write one.
    fn write(&self, writer: &mut ParameterWriter<'_>) -> Result<(), EncodeError>;
}

/// Where [`Parameters`] are written to.
pub struct ParameterWriter<'a> {
    protocol: Protocol,
    out: &'a mut Vec<u8>,
    written: usize,
}

impl ParameterWriter<'_> {
    /// Writes the next argument.
    ///
    /// # Errors
    /// When serde cannot write it.
    pub fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        if self.written > 0 && self.protocol == Protocol::Json {
            self.out.push(b',');
        }
        self.written += 1;
        write(self.protocol, value, self.out)
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $index:tt)*;)*) => {$(
        impl<$($name: Serialize + Send + Sync + 'static),*> Parameters for ($($name,)*) {
            fn count(&self) -> usize {
                $count
            }

            fn write(&self, _writer: &mut ParameterWriter<'_>) -> Result<(), EncodeError> {
                $(_writer.write(&self.$index)?;)*
                Ok(())
            }
        }
    )*};
}

tuples! {
    0: ;
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
}
