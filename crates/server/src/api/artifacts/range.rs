//! `Range` (RFC 9110, section 14.2): one range of bytes.

use http::HeaderMap;
use http::header::RANGE;

/// Which bytes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Range {
    /// All: none are named, or in a way that we do not take, which the RFC allows to ignore. Several ranges are such a way.
    Whole,
    /// These; never empty.
    Part(std::ops::Range<u64>),
    /// Only some that do not exist.
    Outside,
}

impl Range {
    /// What the headers ask for, of `size` bytes.
    pub(super) fn of(headers: &HeaderMap, size: u64) -> Self {
        let named = headers.get(RANGE).and_then(|range| range.to_str().ok());
        named.and_then(|range| parse(range.trim(), size)).unwrap_or(Self::Whole)
    }
}

fn parse(range: &str, size: u64) -> Option<Range> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let part = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(suffix)) => size.saturating_sub(suffix)..size,
        (Some(first), None) => first..size,
        (Some(first), Some(last)) if last < first => return None,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
    };
    Some(if part.is_empty() { Range::Outside } else { Range::Part(part) })
}

/// Digits, or nothing at all.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number that is too large for us lies behind every artifact.
    Some(Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let cases = [
            ("bytes=0-3", Range::Part(0..4)),
            ("bytes=2-", Range::Part(2..10)),
            ("bytes=-3", Range::Part(7..10)),
            ("bytes=-30", Range::Part(0..10)),
            ("bytes=9-99999999999999999999", Range::Part(9..10)),
            ("Bytes=5-5", Range::Part(5..6)),
            ("bytes=10-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=99999999999999999999-", Range::Outside),
            ("bytes=4-2", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("lines=0-1", Range::Whole),
            ("", Range::Whole),
        ];
        for (text, expect) in cases {
            let headers = HeaderMap::from_iter([(RANGE, text.parse().unwrap())]);
            assert_eq!(Range::of(&headers, 10), expect, "{text:?}");
        }
        assert_eq!(Range::of(&HeaderMap::new(), 10), Range::Whole);
        let headers = HeaderMap::from_iter([(RANGE, "bytes=0-".parse().unwrap())]);
        assert_eq!(Range::of(&headers, 0), Range::Outside);
    }
}
