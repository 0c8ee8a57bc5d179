//! Where one message ends and the next begins.

use bytes::{Buf, Bytes, BytesMut};

use super::Protocol;

/// Ends a JSON message, and the handshake.
pub(crate) const RECORD_SEPARATOR: u8 = 0x1e;

/// Bytes of the longest length prefix.
const PREFIX_MAX: usize = 5;

/// Cuts incoming bytes into messages, wherever the transport has split them.
#[derive(Debug)]
pub struct Frames {
    /// What has not been cut yet. Shares the memory of what was pushed as long as nothing is left over.
    pending: Bytes,
    /// How much of `pending` has been searched for a separator.
    searched: usize,
    limit: usize,
}

/// Why no message can be cut from the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message is larger than is allowed, its separator or prefix included.
    #[error("The maximum message size of {limit}B was exceeded. The message size can be configured in AddHubOptions.")]
    TooLarge {
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// A length prefix is longer than five bytes or says more than 2 GiB.
    #[error("Messages over 2GB in size are not supported.")]
    BadLength,
}

impl Frames {
    /// Nothing yet. `limit` is in bytes and counts separator and prefix.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { pending: Bytes::new(), searched: 0, limit }
    }

    /// Appends what has arrived.
    pub fn push(&mut self, bytes: Bytes) {
        if self.pending.is_empty() {
            self.pending = bytes;
            return;
        }
        let mut joined =
            std::mem::take(&mut self.pending).try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        joined.extend_from_slice(&bytes);
        self.pending = joined.freeze();
    }

    /// Bytes that are not cut yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether everything is cut.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Forgets the beginning of a message that will not be completed.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
        self.searched = 0;
    }

    /// The next whole message without separator or prefix; `None` until more bytes arrive.
    ///
    /// # Errors
    /// When what is there cannot become an acceptable message. Nothing can be cut after that.
    pub fn next(&mut self, protocol: Protocol) -> Result<Option<Bytes>, FrameError> {
        match protocol {
            Protocol::Json => self.next_record(),
            Protocol::MessagePack => self.next_prefixed(),
        }
    }

    /// The next bytes up to a record separator.
    pub(crate) fn next_record(&mut self) -> Result<Option<Bytes>, FrameError> {
        let found = memchr::memchr(RECORD_SEPARATOR, &self.pending[self.searched..]).map(|at| self.searched + at);
        if found.map_or(self.pending.len(), |at| at + 1) > self.limit {
            return Err(FrameError::TooLarge { limit: self.limit });
        }
        let Some(at) = found else {
            self.searched = self.pending.len();
            return Ok(None);
        };
        let record = self.pending.split_to(at);
        self.pending.advance(1);
        self.searched = 0;
        Ok(Some(record))
    }

    fn next_prefixed(&mut self) -> Result<Option<Bytes>, FrameError> {
        let mut length = 0_usize;
        for (index, byte) in self.pending.iter().copied().enumerate() {
            if index == PREFIX_MAX {
                return Err(FrameError::BadLength);
            }
            length |= usize::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 != 0 {
                continue;
            }
            // The fifth byte may bring bits 28 to 30.
            if index == PREFIX_MAX - 1 && byte > 0x07 {
                return Err(FrameError::BadLength);
            }
            let prefix = index + 1;
            if prefix + length > self.limit {
                return Err(FrameError::TooLarge { limit: self.limit });
            }
            if self.pending.len() < prefix + length {
                return Ok(None);
            }
            self.pending.advance(prefix);
            return Ok(Some(self.pending.split_to(length)));
        }
        Ok(None)
    }
}

/// Puts the length in front of a message whose first [`PREFIX_MAX`] bytes are room for it.
pub(super) fn prefixed(mut message: Vec<u8>) -> Bytes {
    let mut prefix = [0; PREFIX_MAX];
    let mut rest = message.len() - PREFIX_MAX;
    let mut length = 0;
    loop {
        let more = rest > 0x7f;
        prefix[length] = (rest & 0x7f) as u8 | if more { 0x80 } else { 0 };
        rest >>= 7;
        length += 1;
        if !more {
            break;
        }
    }
    let start = PREFIX_MAX - length;
    message[start..PREFIX_MAX].copy_from_slice(&prefix[..length]);
    Bytes::from(message).slice(start..)
}

/// Room for a length prefix.
pub(super) fn room_for_prefix(capacity: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(PREFIX_MAX + capacity);
    message.resize(PREFIX_MAX, 0);
    message
}
