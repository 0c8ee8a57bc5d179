//! Stdout. `println!` panics when the reader goes away, as `head` does; this gives an error.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Writes one line, at once.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}
