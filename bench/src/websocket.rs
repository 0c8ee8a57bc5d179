//! As much of RFC 6455 as a client needs that believes its server.

use std::net::SocketAddr;

/// The request that asks for a socket (section 4.1).
pub(crate) fn request(host: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bWlsZXBvc3QgYmVuY2ghIQ==\r\n\r\n"
    )
}

/// Writes one masked text frame.
pub(crate) fn write_text(text: &[u8], out: &mut Vec<u8>) {
    write_head(text.len(), out);
    out.extend_from_slice(text);
}

/// Writes the head of a masked text frame (section 5.2) of less than 64 KiB. The mask is zero, which a server cannot tell
/// from any other and which leaves the bytes as they are.
pub(crate) fn write_head(length: usize, out: &mut Vec<u8>) {
    let length = u16::try_from(length).unwrap_or_else(|_| unreachable!("names and one event are a few hundred bytes"));
    out.extend_from_slice(&[0x81, 0x80 | 126]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
}
