//! Stderr, which bars, logs and chatter share. Whatever else is written there has to go around the bars.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::sync::LazyLock;

use indicatif::MultiProgress;

/// The bars of this process. They are drawn on stderr, and not at all where that is no terminal.
pub(crate) fn bars() -> &'static MultiProgress {
    static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &BARS
}

/// Whether somebody looks at both outputs.
pub(crate) fn is_interactive() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Tells the person at the keyboard something that is no data.
pub(crate) fn note(text: impl Display) {
    // Where stderr is closed there is nobody to tell.
    bars().suspend(|| drop(writeln!(io::stderr(), "{text}")));
}

/// Stderr for logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bars().suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
