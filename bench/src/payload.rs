//! The event that everything is measured with, and the stamp in it.

/// Bytes of one event as its producer writes it.
pub(crate) const EVENT_BYTES: usize = 256;

/// What stands before the stamp, in what is published and in what arrives.
pub(crate) const MARKER: &[u8] = br#""due":""#;

const PADDING: &[u8] = br#"","padding":""#;

/// What an event is, besides its stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A user's own event.
    Custom,
    /// A new value of a run, which the dialect of projects shows with its stamp.
    State,
}

impl Kind {
    fn around(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Custom => (br#"{"type":"x.bench","data":{"due":""#, br#""}}"#),
            Self::State => (br#"{"type":"state.updated","data":{"key":"bench","value":{"due":""#, br#""}}}"#),
        }
    }
}

/// When an event was meant to be published, and its number in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Nanoseconds of the generator's clock.
    pub(crate) due: u64,
    pub(crate) index: u32,
}

impl Stamp {
    /// Its length as text: hexadecimal digits, because they need no arithmetic to be read.
    pub(crate) const LEN: usize = 24;

    pub(crate) fn write(self, out: &mut Vec<u8>) {
        write_hex(self.due, 16, out);
        write_hex(self.index.into(), 8, out);
    }

    pub(crate) fn read(text: &[u8; Self::LEN]) -> Option<Self> {
        let (due, index) = text.split_at(16);
        Some(Self { due: read_hex(due)?, index: u32::try_from(read_hex(index)?).ok()? })
    }
}

/// Writes one event of [`EVENT_BYTES`] bytes. Its type is one that is never coalesced.
pub(crate) fn write_event(kind: Kind, stamp: Stamp, out: &mut Vec<u8>) {
    let (before, after) = kind.around();
    let end = out.len() + EVENT_BYTES;
    out.extend_from_slice(before);
    stamp.write(out);
    out.extend_from_slice(PADDING);
    out.resize(end - after.len(), b'x');
    out.extend_from_slice(after);
}

/// Writes an array of `count` events that are due at the same time, numbered from `first` on.
pub(crate) fn write_batch(kind: Kind, due: u64, first: u32, count: u32, out: &mut Vec<u8>) {
    for index in first..first + count {
        out.push(if index == first { b'[' } else { b',' });
        write_event(kind, Stamp { due, index }, out);
    }
    out.push(b']');
}

fn write_hex(value: u64, digits: u32, out: &mut Vec<u8>) {
    for digit in (0..digits).rev() {
        let nibble = (value >> (4 * digit)) & 0xf;
        out.push(b"0123456789abcdef"[nibble as usize]);
    }
}

fn read_hex(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |value, digit| {
        let nibble = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u64::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scanner;

    #[test]
    fn events_have_their_size_and_their_stamps_come_back() {
        for (kind, name) in [(Kind::Custom, "x.bench"), (Kind::State, "state.updated")] {
            let mut body = Vec::new();
            write_batch(kind, 0x0123_4567_89ab_cdef, 7, 3, &mut body);
            assert_eq!(body.len(), 3 * EVENT_BYTES + 4);
            let events: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
            assert_eq!(events[0]["type"], name);

            let mut stamps = Vec::new();
            Scanner::new(MARKER).scan(&body, |text| stamps.extend(Stamp::read(text)));
            let due = 0x0123_4567_89ab_cdef;
            assert_eq!(stamps, [7, 8, 9].map(|index| Stamp { due, index }));
        }
    }

    #[test]
    fn what_is_no_stamp_is_not_read() {
        assert_eq!(Stamp::read(b"0123456789abcdef0000000g"), None);
    }
}
