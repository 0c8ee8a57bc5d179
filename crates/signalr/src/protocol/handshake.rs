//! The handshake: always JSON, whatever protocol follows.

use bytes::Bytes;
use serde::Deserialize;

use super::Protocol;
use super::framing::RECORD_SEPARATOR;

/// The newest version of the hub protocols: 2 says that the client does stateful reconnects.
pub(crate) const VERSION_MAX: i64 = 2;

/// What the client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct HandshakeRequest {
    pub(crate) protocol: String,
    /// 0 comes from clients that do not know better; 1 and 2 differ in stateful reconnect alone.
    pub(crate) version: i64,
}

/// Why there will be no connection. The texts are those that clients' tests compare with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("The protocol '{0}' is not supported.")]
    UnknownProtocol(String),
    #[error("The server does not support version {version} of the '{protocol}' protocol.")]
    Version { protocol: String, version: i64 },
    #[error(
        "Cannot use the '{0}' protocol on the current transport. The transport does not support 'Binary' transfer format."
    )]
    TextOnly(String),
    #[error("Handshake was canceled.")]
    Canceled,
    #[error("An unexpected error occurred during connection handshake.")]
    Unexpected,
}

/// What a client has asked for, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) protocol: Protocol,
    /// Whether the client does stateful reconnects.
    pub(crate) stateful: bool,
}

/// Reads a request, without its separator. `binary` says whether the transport carries binary data.
pub(crate) fn agree(record: &[u8], binary: bool) -> Result<Agreed, HandshakeError> {
    let HandshakeRequest { protocol: name, version } =
        serde_json::from_slice(record).map_err(|_| HandshakeError::Unexpected)?;
    let Some(protocol) = Protocol::named(&name) else { return Err(HandshakeError::UnknownProtocol(name)) };
    if !(0..=VERSION_MAX).contains(&version) {
        return Err(HandshakeError::Version { protocol: name, version });
    }
    if protocol == Protocol::MessagePack && !binary {
        return Err(HandshakeError::TextOnly(name));
    }
    Ok(Agreed { protocol, stateful: version >= 2 })
}

/// The answer that accepts.
pub(crate) const ACCEPTED: &[u8] = b"{}\x1e";

/// The answer that refuses.
pub(crate) fn refused(error: &HandshakeError) -> Bytes {
    let mut out = serde_json::json!({ "error": error.to_string() }).to_string().into_bytes();
    out.push(RECORD_SEPARATOR);
    out.into()
}
