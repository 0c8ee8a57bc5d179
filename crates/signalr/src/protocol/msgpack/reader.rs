//! Reading MessagePack by position, without building values: arguments stay slices of the message.

use bytes::{Buf, Bytes};
use rmp::Marker;
use rmp::decode;

use crate::protocol::message::DecodeError;

/// A position in a message.
pub(super) struct Reader<'a> {
    whole: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(whole: &'a Bytes) -> Self {
        Self { whole, rest: whole }
    }

    pub(super) fn array(&mut self, what: &str) -> Result<usize, DecodeError> {
        decode::read_array_len(&mut self.rest).map(|length| length as usize).map_err(|_| unreadable(what))
    }

    pub(super) fn unsigned(&mut self, what: &str) -> Result<u64, DecodeError> {
        decode::read_int(&mut self.rest).map_err(|_| unreadable(what))
    }

    pub(super) fn boolean(&mut self, what: &str) -> Result<bool, DecodeError> {
        decode::read_bool(&mut self.rest).map_err(|_| unreadable(what))
    }

    pub(super) fn string(&mut self, what: &str) -> Result<String, DecodeError> {
        let length = decode::read_str_len(&mut self.rest).map_err(|_| unreadable(what))? as usize;
        let bytes = self.rest.get(..length).ok_or_else(|| unreadable(what))?;
        let text = std::str::from_utf8(bytes).map_err(|_| unreadable(what))?.to_owned();
        self.rest = &self.rest[length..];
        Ok(text)
    }

    pub(super) fn optional_string(&mut self, what: &str) -> Result<Option<String>, DecodeError> {
        if self.skip_nil() { Ok(None) } else { self.string(what).map(Some) }
    }

    /// The map of headers. Absent is the same as empty.
    pub(super) fn headers(&mut self) -> Result<Vec<(String, String)>, DecodeError> {
        if self.skip_nil() {
            return Ok(Vec::new());
        }
        let count = decode::read_map_len(&mut self.rest).map_err(|_| unreadable("headers"))? as usize;
        self.repeat(count, |reader| Ok((reader.string("a header")?, reader.string("a header")?)))
    }

    /// Reads that many things. What a message claims to contain reserves no memory: every one takes a byte at least.
    pub(super) fn repeat<T>(
        &mut self,
        count: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut all = Vec::with_capacity(count.min(self.rest.len()).min(16));
        for _ in 0..count {
            all.push(read(self)?);
        }
        Ok(all)
    }

    /// One whole value, as it is.
    pub(super) fn value(&mut self) -> Result<Bytes, DecodeError> {
        let start = self.rest;
        // Not recursive, so that depth costs nothing.
        let mut open = 1_usize;
        while open > 0 {
            open -= 1;
            let inner = self.skip_one().ok_or_else(|| unreadable("a value"))?;
            open = open.checked_add(inner).ok_or_else(|| unreadable("a value"))?;
        }
        Ok(self.whole.slice_ref(&start[..start.len() - self.rest.len()]))
    }

    fn skip_nil(&mut self) -> bool {
        let nil = self.rest.first() == Some(&Marker::Null.to_u8());
        if nil {
            self.rest.advance(1);
        }
        nil
    }

    /// Skips a marker and its bytes; says how many values it contains that follow.
    fn skip_one(&mut self) -> Option<usize> {
        let marker = decode::read_marker(&mut self.rest).ok()?;
        let (bytes, values) = match marker {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => (0, 0),
            Marker::U8 | Marker::I8 => (1, 0),
            Marker::U16 | Marker::I16 => (2, 0),
            Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
            Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
            Marker::FixStr(length) => (usize::from(length), 0),
            Marker::Str8 | Marker::Bin8 => (self.length(1)?, 0),
            Marker::Str16 | Marker::Bin16 => (self.length(2)?, 0),
            Marker::Str32 | Marker::Bin32 => (self.length(4)?, 0),
            Marker::FixExt1 => (2, 0),
            Marker::FixExt2 => (3, 0),
            Marker::FixExt4 => (5, 0),
            Marker::FixExt8 => (9, 0),
            Marker::FixExt16 => (17, 0),
            Marker::Ext8 => (self.length(1)?.checked_add(1)?, 0),
            Marker::Ext16 => (self.length(2)?.checked_add(1)?, 0),
            Marker::Ext32 => (self.length(4)?.checked_add(1)?, 0),
            Marker::FixArray(length) => (0, usize::from(length)),
            Marker::Array16 => (0, self.length(2)?),
            Marker::Array32 => (0, self.length(4)?),
            Marker::FixMap(length) => (0, usize::from(length) * 2),
            Marker::Map16 => (0, self.length(2)? * 2),
            Marker::Map32 => (0, self.length(4)?.checked_mul(2)?),
            Marker::Reserved => return None,
        };
        self.rest = self.rest.get(bytes..)?;
        Some(values)
    }

    /// A big-endian length of so many bytes.
    fn length(&mut self, bytes: usize) -> Option<usize> {
        let (length, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }
}

fn unreadable(what: &str) -> DecodeError {
    DecodeError::new(format!("Error reading MessagePack: {what} is not what it has to be."))
}
