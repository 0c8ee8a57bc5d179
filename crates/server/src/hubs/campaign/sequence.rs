//! `afterSequence`, as clients send it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A whole number. Clients of languages that have one type of numbers may write it as a floating-point one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence(pub(super) u64);

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Whole).map(Self)
    }
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence: a whole number from 0 on")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        // Written out, a whole number has no fraction, and then the integer's parser knows its range.
        format!("{number}").parse().map_err(|_| E::invalid_value(Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_sequences_however_they_are_written() {
        let read = |text: &str| serde_json::from_str(text).ok().map(|Sequence(sequence)| sequence);
        let cases = [("0", Some(0)), ("7", Some(7)), ("7.0", Some(7)), ("1e3", Some(1_000)), ("0.0", Some(0))];
        for (text, expect) in cases {
            assert_eq!(read(text), expect, "{text}");
        }
        for text in ["-1", "-1.0", "1.5", "\"7\"", "1e40", "true", "[]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
