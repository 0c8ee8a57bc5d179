//! A child process that does not outlive its job.

use std::io;
use std::process::{Child, Command};

/// Kills its process, and what that has started, when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts `command` as the head of a process group: programs that it starts can be ended together with it, and a
    /// Ctrl-C at the terminal goes to the job, not to its children.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        command.spawn().map(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        #[cfg(unix)]
        {
            let group = rustix::process::Pid::from_child(&self.0);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
