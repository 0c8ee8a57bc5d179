//! Tells text from other bytes.

use std::borrow::Cow;

/// How far git looks for a NUL byte to call a file binary.
const PROBE_BYTES: usize = 8000;

/// The text in `bytes`, or `None` if they are binary. Text in another encoding than UTF-8 is kept as far as it goes:
/// a few accents must not hide a source file.
pub(crate) fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if bytes.iter().take(PROBE_BYTES).any(|&byte| byte == 0) {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    if let Cow::Owned(text) = &text {
        let lost = text.matches(char::REPLACEMENT_CHARACTER).count();
        if lost * 10 > bytes.len() {
            return None;
        }
    }
    Some(text)
}

/// Lines, the last of which need not end with a line feed.
pub(crate) fn count_lines(text: &str) -> u64 {
    let ends = text.bytes().filter(|&byte| byte == b'\n').count();
    (ends + usize::from(!text.is_empty() && !text.ends_with('\n'))) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_binary() {
        let cases: [(&[u8], bool); 7] = [
            (b"", true),
            (b"fn main() {}\n", true),
            ("Grüße".as_bytes(), true),
            (b"// caf\xe9: the best of the town\n", true),
            (b"\x7fELF\0\0", false),
            (b"\xff\xd8\xff\xe0\x9f\x80\xc3\xfe", false),
            (b"\xff\xfeh\0i\0", false),
        ];
        for (bytes, expect) in cases {
            assert_eq!(decode(bytes).is_some(), expect, "{bytes:?}");
        }
    }

    #[test]
    fn lines() {
        for (text, expect) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(count_lines(text), expect, "{text:?}");
        }
    }
}
