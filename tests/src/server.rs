//! The real `milepost serve`, as a child process.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::api::Api;

/// How long anything may take before a test is called broken; nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a data directory of its own. It can be killed and started again on the same port.
pub struct Server {
    data: TempDir,
    address: String,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
    child: Option<Child>,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(&[], &[]).await
    }

    /// Starts with more `flags` and `environment`.
    pub async fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut server = Self::prepare(flags, environment);
        server.start_again().await;
        server
    }

    /// A server that is not started yet.
    pub fn prepare(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self {
            data: TempDir::new().unwrap(),
            address: "127.0.0.1:0".to_owned(),
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            environment: environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            wrapper: Vec::new(),
            child: None,
        }
    }

    /// Starts as the last arguments of another command, which has to replace itself by the server.
    pub fn wrap(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
    }

    /// Changes a variable of the environment for the next start.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Leaves a variable of the environment out at the next start.
    pub fn unset_environment(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// Starts on the same address and data as before, and waits until it serves.
    pub async fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut child = self.command().spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        tokio::time::timeout(PATIENCE, stdout.read_line(&mut line)).await.unwrap().unwrap();
        let Some(address) = line.trim().strip_prefix("milepost listening on http://") else {
            let mut words = String::new();
            child.stderr.take().unwrap().read_to_string(&mut words).await.unwrap();
            panic!("the first line is {line:?}; it said: {words}");
        };
        self.address = address.to_owned();
        forward("server", stdout);
        forward("server", BufReader::new(child.stderr.take().unwrap()));
        self.child = Some(child);
    }

    /// The command that starts it, for those who want it to fail.
    pub fn command(&self) -> Command {
        let binary = binary();
        let mut words = self.wrapper.iter().map(OsStr::new).chain([binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .args(["serve", "--listen", &self.address, "--data-dir"])
            .arg(self.data.path())
            .args(&self.flags)
            .envs(self.environment.iter().cloned())
            .current_dir(self.data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
    }

    /// SIGTERM; the exit status tells whether it drained.
    pub async fn terminate(&mut self) -> std::process::ExitStatus {
        let mut child = self.child.take().unwrap();
        signal(child.id().unwrap(), "TERM").await;
        tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id().unwrap()
    }

    /// The native API of the project `default`.
    pub fn api(&self) -> Api {
        Api::new(&self.url(""), "default")
    }
}

/// Sends a signal the way a person does.
pub async fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().await.unwrap();
    assert!(status.success());
}

/// The binary that this build made. Tests are in `target/<profile>/deps`, the binary is one above.
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("milepost");
    assert!(path.exists(), "{} is not there: build the workspace first (`make test` does)", path.display());
    path
}

/// Passes on what a process says, so that it stands in the output of a failing test.
pub(crate) fn forward(who: &'static str, mut reader: impl tokio::io::AsyncBufRead + Unpin + Send + 'static) {
    tokio::spawn(async move {
        let mut line = String::new();
        while reader.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            eprint!("[{who}] {line}");
            line.clear();
        }
    });
}
