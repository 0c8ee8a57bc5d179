//! Numbers, durations and foreign words as people read them.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use milepost_core::Time;

/// `12 345`: thousands apart, because counts of objects and lines are long.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// An amount: whole where it is, with one decimal where it is not.
pub(crate) fn amount(number: f64) -> String {
    if number.fract() == 0.0 && (0.0..1e15).contains(&number) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within bounds")]
        return count(number as u64);
    }
    format!("{number:.1}")
}

/// `1 file`, `2 files`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `0:07`, `12:34`, `1:02:03`.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long ago, in the largest unit that fits: `12s`, `5m`, `3h`, `9d`.
pub(crate) fn age(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// `1.5 GiB`.
pub(crate) fn bytes(number: u64) -> String {
    let mut size = number as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{number} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

/// A fraction in whole percent, rounded down so that 100 % means all of it.
pub(crate) fn percent(fraction: f64) -> String {
    // 0.29 * 100 is a little less than 29.
    format!("{:.0}%", (fraction * 100.0 + 1e-9).floor().clamp(0.0, 100.0))
}

/// Words of somebody else on one line. Control characters could move the cursor, or worse; a tab would end a column.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_unprintable) { text.replace(is_unprintable, " ").into() } else { text.into() }
}

/// Control characters, and those that turn the direction of writing around and so make one text look like another.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The time by this machine's clock.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!([0.0, 12.0, 12.34, 1e20].map(amount), ["0", "12", "12.3", "100000000000000000000.0"]);
        assert_eq!([1, 2].map(|n| counted(n, "file", "files")), ["1 file", "2 files"]);
        assert_eq!([0, 1_023, 1_536, 5 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!([0.0, 0.29, 0.999, 1.0].map(percent), ["0%", "29%", "99%", "100%"]);
    }

    #[test]
    fn durations_are_written_for_people() {
        assert_eq!([7, 754, 3_723].map(|s| clock(Duration::from_secs(s))), ["0:07", "12:34", "1:02:03"]);
        assert_eq!([7, 754, 3_723, 900_000].map(|s| age(Duration::from_secs(s))), ["7s", "12m", "1h", "10d"]);
    }

    #[test]
    fn foreign_words_cannot_move_the_cursor() {
        assert_eq!(clean("a\x1b[2Jb\tc\u{202e}d"), "a [2Jb c d");
        assert!(matches!(clean("plain"), Cow::Borrowed(_)));
    }
}
