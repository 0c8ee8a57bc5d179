//! Stdout. `println!` panics when the reader goes away, as `head` does; this gives an error.

use std::fmt::Display;
use std::io::{self, Write as _};

use crate::terminal;

/// Writes one line, at once.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    terminal::bars().suspend(|| {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()
    })
}
