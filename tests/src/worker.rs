//! The real `milepost work`, as a child process.

use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};

use crate::server::{PATIENCE, Server, binary, forward, signal};

/// A worker that runs until it is stopped.
pub struct Worker(Child);

impl Worker {
    /// Starts `milepost work` against `server`, with more `flags`.
    pub fn start(server: &Server, flags: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .arg("work")
            .args(flags)
            .env("MILEPOST_SERVER", server.url(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        forward("worker", tokio::io::BufReader::new(child.stdout.take().unwrap()));
        forward("worker", tokio::io::BufReader::new(child.stderr.take().unwrap()));
        Self(child)
    }

    /// SIGKILL: nobody is told.
    pub async fn kill(mut self) {
        self.0.kill().await.unwrap();
    }

    /// SIGTERM.
    pub async fn ask_to_stop(&self) {
        signal(self.0.id().unwrap(), "TERM").await;
    }

    pub async fn exited(mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.0.wait()).await.unwrap().unwrap()
    }
}
