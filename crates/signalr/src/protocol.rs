//! The SignalR hub protocol: messages, their two encodings, framing and the handshake.
//!
//! Nothing here does IO. A [`Protocol`] turns a [`Message`] into bytes and a [`Frame`](framing::Frames) back into a
//! message; payloads (arguments, items, results) stay bytes until somebody [binds](Payload::bind) them to a type.

pub(crate) mod framing;
pub(crate) mod handshake;
mod json;
mod message;
mod msgpack;
mod payload;
mod shared;
#[cfg(test)]
mod tests;
mod values;

use bytes::Bytes;

pub use framing::{FrameError, Frames};
pub use message::{Call, DecodeError, Message, Outcome};
pub use payload::{Arguments, BindError, EncodeError, Payload};
pub use shared::{Parameters, SharedMessage};
pub use values::{Binary, Timestamp};

/// How hub messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `json`: text, each message ended by the byte `0x1E`.
    Json,
    /// `messagepack`: binary, each message preceded by its length.
    MessagePack,
}

impl Protocol {
    /// The name in the handshake.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        }
    }

    /// The protocol of that name, compared without regard to case as ASP.NET does.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Json, Self::MessagePack].into_iter().find(|protocol| name.eq_ignore_ascii_case(protocol.name()))
    }

    /// Writes a message, with its separator or length.
    #[must_use]
    pub fn encode(self, message: &Message) -> Bytes {
        match self {
            Self::Json => json::encode(message),
            Self::MessagePack => msgpack::encode(message),
        }
    }

    /// Reads what one frame contains, without separator and length. `None` is a message of a type that is not known;
    /// such messages are to be ignored.
    ///
    /// # Errors
    /// When it is no hub message. The connection cannot go on then.
    pub fn decode(self, frame: &Bytes) -> Result<Option<Message>, DecodeError> {
        match self {
            Self::Json => json::decode(frame),
            Self::MessagePack => msgpack::decode(frame),
        }
    }

    /// Writes a stream item around an encoded value.
    pub(crate) fn encode_item(self, id: &str, item: &[u8]) -> Bytes {
        match self {
            Self::Json => json::encode_item(id, item),
            Self::MessagePack => msgpack::encode_item(id, item),
        }
    }
}
