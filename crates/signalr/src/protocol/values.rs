//! Values that the two protocols write differently.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: an RFC 3339 string in JSON, the timestamp extension (-1) in MessagePack, as .NET's `DateTime` and
/// JavaScript's `Date` are. Where both protocols have to look alike, use strings instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub jiff::Timestamp);

/// What `rmp-serde` calls an extension.
const EXTENSION: &str = "_ExtStruct";
const TIMESTAMP: i8 = -1;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&self.0);
        }
        let nanos = self.0.as_nanosecond();
        // Both fit: a timestamp ends in the year 9999.
        let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or_default();
        let rest = u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(12);
        match (u64::try_from(seconds), rest) {
            (Ok(seconds), 0) if seconds < 1 << 32 => bytes.extend_from_slice(&(seconds as u32).to_be_bytes()),
            (Ok(seconds), _) if seconds < 1 << 34 => {
                bytes.extend_from_slice(&(u64::from(rest) << 34 | seconds).to_be_bytes());
            }
            _ => {
                bytes.extend_from_slice(&rest.to_be_bytes());
                bytes.extend_from_slice(&seconds.to_be_bytes());
            }
        }
        serializer.serialize_newtype_struct(EXTENSION, &(TIMESTAMP, Raw(&bytes)))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            return text.parse().map(Self).map_err(Error::custom);
        }
        #[derive(Deserialize)]
        #[serde(rename = "_ExtStruct")]
        struct Extension((i8, RawBuf));
        let Extension((kind, RawBuf(bytes))) = Extension::deserialize(deserializer)?;
        if kind != TIMESTAMP {
            return Err(Error::custom("not a timestamp"));
        }
        let (seconds, nanos) = match bytes[..] {
            [a, b, c, d] => (i64::from(u32::from_be_bytes([a, b, c, d])), 0),
            [a, b, c, d, e, f, g, h] => {
                let both = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
            }
            [a, b, c, d, e, f, g, h, i, j, k, l] => {
                (i64::from_be_bytes([e, f, g, h, i, j, k, l]), u32::from_be_bytes([a, b, c, d]))
            }
            _ => return Err(Error::custom("a timestamp has 4, 8 or 12 bytes")),
        };
        let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        jiff::Timestamp::from_nanosecond(nanos).map(Self).map_err(Error::custom)
    }
}

/// Bytes: a Base64 string in JSON, `bin` in MessagePack, as .NET's `byte[]` and JavaScript's `Uint8Array` are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Binary(pub Bytes);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&STANDARD.encode(&self.0));
        }
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            return STANDARD.decode(text).map(|bytes| Self(bytes.into())).map_err(Error::custom);
        }
        deserializer.deserialize_byte_buf(BytesVisitor).map(Self)
    }
}

/// Bytes, whatever the deserializer says of itself: the one inside an extension claims to be readable.
struct RawBuf(Bytes);

impl<'de> Deserialize<'de> for RawBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor).map(Self)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(bytes.into())
    }
}

/// Bytes without an encoding of their own.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
