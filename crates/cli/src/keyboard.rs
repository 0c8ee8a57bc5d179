//! The keyboard while bars are drawn.

/// Keeps the terminal from writing `^C` where a key is pressed: it would move the cursor, and leave half of a picture behind.
/// Ends when it is dropped; a terminal that is left so by a crash lacks nothing but the `^C`.
pub(crate) struct Quiet {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Quiet {
    #[cfg(unix)]
    pub(crate) fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let stdin = std::io::stdin();
        let before = is_ours(&stdin).then(|| tcgetattr(&stdin).ok()).flatten();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHOCTL);
            // Where it cannot be done the picture is a little less tidy.
            let _ = tcsetattr(&stdin, OptionalActions::Now, &modes);
        }
        Self { before }
    }

    #[cfg(not(unix))]
    pub(crate) fn begin() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let stdin = std::io::stdin();
        if let Some(before) = self.before.take().filter(|_| is_ours(&stdin)) {
            let _ = tcsetattr(&stdin, OptionalActions::Now, &before);
        }
    }
}

/// Whether stdin is a terminal that we may set: a process in the background would be stopped for trying.
#[cfg(unix)]
fn is_ours(stdin: &std::io::Stdin) -> bool {
    rustix::termios::tcgetpgrp(stdin).is_ok_and(|foreground| foreground == rustix::process::getpgrp())
}
