//! The nine messages of the hub protocol.

use super::payload::{Arguments, Payload};

/// A hub message.
///
/// Identifiers are the sender's: the two sides number independently, and an answer repeats the identifier unchanged.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Calls a method. With an identifier, exactly one [`Completion`](Self::Completion) answers it; without, none does.
    Invocation(Call),
    /// Calls a method that answers with a stream. Its identifier is never absent.
    StreamInvocation(Call),
    /// One item of a stream, in either direction.
    StreamItem {
        /// Of the stream.
        id: String,
        /// The value.
        item: Payload,
    },
    /// Ends an invocation or a stream.
    Completion {
        /// Of what ends.
        id: String,
        /// How.
        outcome: Outcome,
    },
    /// Asks to stop a stream.
    CancelInvocation {
        /// Of the stream.
        id: String,
    },
    /// Keeps the connection alive.
    Ping,
    /// The connection ends after this.
    Close {
        /// What went wrong, if something did.
        error: Option<String>,
        /// Whether the client may connect again by itself.
        allow_reconnect: bool,
    },
    /// Everything up to this message has arrived (stateful reconnect).
    Ack(u64),
    /// The number of the message that follows (stateful reconnect).
    Sequence(u64),
}

/// A call of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Headers of the message; mostly none. Trace context travels here.
    pub headers: Vec<(String, String)>,
    /// Absent when the caller does not want an answer.
    pub id: Option<String>,
    /// The method.
    pub target: String,
    /// What it is called with.
    pub arguments: Arguments,
    /// Streams that the caller uploads.
    pub stream_ids: Vec<String>,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It failed; the text is for the caller. Never empty: clients take an empty error for success.
    Error(String),
    /// Without a value, or at the end of a stream.
    Void,
    /// With a value.
    Result(Payload),
}

impl Message {
    /// Whether stateful reconnect counts this message.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        !matches!(self, Self::Ping | Self::Close { .. } | Self::Ack(_) | Self::Sequence(_))
    }
}

/// Bytes that are no hub message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub(super) String);

impl DecodeError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}
