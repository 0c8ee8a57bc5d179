//! Points in time: milliseconds since the Unix epoch, written as RFC 3339 in UTC with three decimals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The time `millis` milliseconds after the Unix epoch; times outside of years -9999 to 9999 become the nearest one inside.
    pub fn from_millis(millis: i64) -> Self {
        // Whole seconds: written with three decimals, what lies in the last second would be rounded out of the range.
        let (min, max) = (jiff::Timestamp::MIN.as_second() + 1, jiff::Timestamp::MAX.as_second());
        Self(millis.clamp(min * 1_000, max * 1_000))
    }

    /// Milliseconds since the Unix epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// This time, `seconds` later.
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self::from_millis(self.0 + i64::from(seconds) * 1_000)
    }

    /// Milliseconds from `earlier` to this time; 0 when `earlier` is later, because clocks of producers may go backwards.
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or(0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{timestamp:.3}")
    }
}

/// A text that is no RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as in RFC 3339, like 2026-11-20T02:17:10.123Z")]
pub struct InvalidTime;

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| InvalidTime)?;
        Ok(Self::from_millis(timestamp.as_millisecond()))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_in_utc() {
        let time: Time = "2026-11-20T03:17:10.1234+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-20T02:17:10.123Z");
        assert_eq!(Time::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn every_time_can_be_written_and_read() {
        for time in
            [Time::from_millis(i64::MIN), Time::from_millis(i64::MAX), "9999-12-30T22:00:00.999Z".parse().unwrap()]
        {
            assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
