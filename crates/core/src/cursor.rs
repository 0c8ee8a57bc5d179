//! Cursors: where a viewer stands in a stream.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One incarnation of a stream. It changes when the stream is deleted and made again, or when the database is restored,
/// so that a cursor of the former one is noticed instead of silently pointing at other events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u32);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A position in a stream: everything up to and including `seq` has been seen. Written `<epoch>-<seq>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The incarnation; `None` stands for "the current one" and is written as a bare `<seq>`.
    pub epoch: Option<Epoch>,
    /// The last sequence seen; 0 before the first event.
    pub seq: u64,
}

impl Cursor {
    /// The cursor of `seq` in the incarnation `epoch`.
    pub fn new(epoch: Epoch, seq: u64) -> Self {
        Self { epoch: Some(epoch), seq }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Some(epoch) => write!(f, "{epoch}-{}", self.seq),
            None => write!(f, "{}", self.seq),
        }
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is `<epoch>-<seq>` or `<seq>`")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (epoch, seq) = match text.split_once('-') {
            Some((epoch, seq)) => (Some(parse_epoch(epoch)?), seq),
            None => (None, text),
        };
        // `u64::from_str` takes a leading `+`; a cursor has digits only.
        if !seq.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCursor);
        }
        let seq = seq.parse().map_err(|_| InvalidCursor)?;
        Ok(Self { epoch, seq })
    }
}

fn parse_epoch(text: &str) -> Result<Epoch, InvalidCursor> {
    let hex = |byte: u8| byte.is_ascii_hexdigit();
    if text.is_empty() || text.len() > 8 || !text.bytes().all(hex) {
        return Err(InvalidCursor);
    }
    u32::from_str_radix(text, 16).map(Epoch).map_err(|_| InvalidCursor)
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nonsense_is_no_cursor() {
        for text in
            ["", "-", "-1", "a", "1-", "x-1", "1-2-3", "+1", " 1", "123456789-1", "1-99999999999999999999", "ff-+1"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(epoch: Option<u32>, seq: u64) {
            let cursor = Cursor { epoch: epoch.map(Epoch), seq };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }
}
