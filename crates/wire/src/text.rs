//! Formatted text into bytes.

use std::io::Write;

/// Appends formatted text.
pub(crate) fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // A vector takes everything.
    out.write_fmt(text).unwrap_or_default();
}
