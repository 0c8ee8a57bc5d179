//! Values inside messages: bytes until somebody knows the type.

use std::fmt::Display;

use bytes::Bytes;
use serde::de::value::Error as MissingError;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserializer, Serialize};

use super::Protocol;

/// One encoded value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    protocol: Protocol,
    bytes: Bytes,
}

impl Payload {
    /// Encodes a value. In MessagePack, structs become maps by the names of their fields, and enum variants strings.
    ///
    /// # Errors
    /// When serde cannot write the value, for example a map whose keys are no strings in JSON.
    pub fn of<T: Serialize + ?Sized>(protocol: Protocol, value: &T) -> Result<Self, EncodeError> {
        let mut bytes = Vec::new();
        write(protocol, value, &mut bytes)?;
        Ok(Self { protocol, bytes: bytes.into() })
    }

    /// Takes bytes that are one whole value of this protocol.
    pub(crate) fn raw(protocol: Protocol, bytes: Bytes) -> Self {
        Self { protocol, bytes }
    }

    /// The encoded value.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Reads the value.
    ///
    /// # Errors
    /// When it is not of this type.
    pub fn bind<T: DeserializeOwned>(&self) -> Result<T, BindError> {
        match self.protocol {
            Protocol::Json => serde_json::from_slice(&self.bytes).map_err(BindError::new),
            Protocol::MessagePack => rmp_serde::from_slice(&self.bytes).map_err(BindError::new),
        }
    }
}

/// Appends an encoded value.
pub(super) fn write<T: Serialize + ?Sized>(
    protocol: Protocol,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match protocol {
        Protocol::Json => serde_json::to_writer(out, value).map_err(|error| EncodeError(error.to_string())),
        Protocol::MessagePack => {
            let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
            value.serialize(&mut serializer).map_err(|error| EncodeError(error.to_string()))
        }
    }
}

/// The arguments of a call, not yet bound to types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    protocol: Protocol,
    values: Vec<Bytes>,
}

impl Arguments {
    /// Takes values that are encoded already.
    pub(crate) fn raw(protocol: Protocol, values: Vec<Bytes>) -> Self {
        Self { protocol, values }
    }

    /// Collects payloads.
    #[must_use]
    pub fn new(protocol: Protocol, payloads: impl IntoIterator<Item = Payload>) -> Self {
        Self { protocol, values: payloads.into_iter().map(|payload| payload.bytes).collect() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The encoded values.
    pub(super) fn values(&self) -> &[Bytes] {
        &self.values
    }

    /// Reads the argument at this place. One that is not there is `None` for an `Option`, and an error for any other type.
    ///
    /// # Errors
    /// When it is not of this type.
    pub fn bind<T: DeserializeOwned>(&self, index: usize) -> Result<T, BindError> {
        match self.values.get(index) {
            Some(bytes) => Payload::raw(self.protocol, bytes.clone()).bind(),
            None => T::deserialize(Missing).map_err(|_| BindError("an argument is missing".to_owned())),
        }
    }
}

/// Reads as `None`, and as nothing else.
struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = MissingError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, MissingError> {
        Err(serde::de::Error::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MissingError> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A value that is not of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BindError(String);

impl BindError {
    pub(crate) fn new(what: impl Display) -> Self {
        Self(what.to_string())
    }
}

/// A value that cannot be written in a protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be encoded: {0}")]
pub struct EncodeError(String);
