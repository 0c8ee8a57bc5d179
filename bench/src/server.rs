//! The server that is measured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::connection::Connection;
use crate::error::Error;
use crate::machine::Machine;
use crate::options::Options;

/// How long a server may take to start and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// The project that everything is published to.
pub(crate) const PROJECT: &str = "bench";

/// A server that answers.
pub(crate) struct Server {
    pub(crate) host: SocketAddr,
    pub(crate) pid: Option<u32>,
    started: Option<Started>,
}

/// A server that was started for one measurement.
struct Started {
    process: Process,
    directory: TempDir,
}

struct Process(Child);

/// After an interruption. The data can be removed only when nobody writes to it any more.
impl Drop for Process {
    fn drop(&mut self) {
        if self.0.start_kill().is_err() {
            return; // it has ended
        }
        for _ in 0..100 {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Server {
    /// The server of `options`: the one that runs already, or a new one with an empty data directory.
    pub(crate) async fn ready(options: &Options, machine: &Machine) -> Result<Self, Error> {
        let Some(url) = &options.url else {
            let directory = match &options.disk {
                Some(disk) => TempDir::with_prefix_in("milepost-bench-", disk),
                None => TempDir::with_prefix("milepost-bench-"),
            };
            return start(options, machine, directory.map_err(Error::io("cannot make a data directory"))?).await;
        };
        let host = address(url).await?;
        if !host.ip().is_loopback() {
            return Err(Error::Protocol("only a server on this machine can be measured"));
        }
        Ok(Self { host, pid: options.pid, started: None })
    }

    /// Stops it and starts it on the same data; says whether that is possible.
    pub(crate) async fn restart(&mut self, options: &Options, machine: &Machine) -> Result<bool, Error> {
        let Some(mut started) = self.started.take() else { return Ok(false) };
        stop(&mut started.process.0).await;
        *self = start(options, machine, started.directory).await?;
        Ok(true)
    }

    /// Stops it if it was started here, and removes its data.
    pub(crate) async fn stop(self) {
        if let Some(mut started) = self.started {
            stop(&mut started.process.0).await;
        }
    }

    /// Makes running root runs, of a kind that has a page in its project.
    pub(crate) async fn create_runs(&self, count: usize) -> Result<Vec<String>, Error> {
        let name = new_name();
        let runs: Vec<String> = (0..count).map(|index| format!("{name}-{index}")).collect();
        let path = format!("/v1/projects/{PROJECT}/runs");
        let create = |run| (path.clone(), format!(r#"{{"id":"{run}","kind":"agent","state":"running"}}"#).into_bytes());
        Connection::open(self.host).await?.post_all(&runs.iter().map(create).collect::<Vec<_>>()).await?;
        Ok(runs)
    }
}

/// A name that no run has, also on a server that keeps those of earlier measurements.
pub(crate) fn new_name() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("b{:x}", time.as_nanos())
}

/// Where the page of an agent run listens.
pub(crate) fn agent_path(run: &str) -> String {
    format!("/api/stream/projects/{PROJECT}/agent-runs/{run}")
}

/// Where the events of a run are.
pub(crate) fn events_path(run: &str) -> String {
    format!("/v1/projects/{PROJECT}/runs/{run}/events")
}

async fn start(options: &Options, machine: &Machine, directory: TempDir) -> Result<Server, Error> {
    let binary = binary(options);
    let not_started = |said: String| Error::NotStarted { server: binary.display().to_string(), said };
    let log = directory.path().join("stderr.log");
    let stderr = std::fs::File::create(&log).map_err(Error::io("cannot write to the data directory"))?;
    let mut command = command(options, machine, &binary);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory.path().join("data"));
    // Its configuration is what ships: neither a file nor the environment of whoever measures.
    command.current_dir(directory.path()).env_clear().envs(std::env::vars().filter(|(name, _)| name == "PATH"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
    let mut process = command.spawn().map_err(|error| not_started(error.to_string()))?;
    let stdout = process.stdout.take().ok_or(Error::Protocol("the server has no stdout"))?;
    let Ok(Some(host)) = tokio::time::timeout(PATIENCE, announced(stdout)).await else {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        let last = said.lines().rev().take(3).collect::<Vec<_>>().join(" / ");
        return Err(not_started(if last.is_empty() { "it said nothing".into() } else { last }));
    };
    Ok(Server { host, pid: process.id(), started: Some(Started { process: Process(process), directory }) })
}

fn command(options: &Options, machine: &Machine, binary: &Path) -> Command {
    if !machine.pinned {
        return Command::new(binary);
    }
    // It runs the server in its own place: the process number is the server's.
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", &options.server_core.to_string()]).arg(binary);
    taskset
}

/// The flag, or `milepost` beside this program, or the release build of the checkout.
fn binary(options: &Options) -> PathBuf {
    let chosen = options.server.clone().unwrap_or_else(|| {
        let beside = std::env::current_exe().ok().map(|program| program.with_file_name("milepost"));
        beside.filter(|path| path.exists()).unwrap_or_else(|| "target/release/milepost".into())
    });
    // It is started in another directory.
    std::path::absolute(&chosen).unwrap_or(chosen)
}

/// Waits for the line that says where it listens, and then reads on so that the server can write.
async fn announced(stdout: ChildStdout) -> Option<SocketAddr> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.ok()? {
        if let Some(url) = line.strip_prefix("milepost listening on ") {
            let host = address(url.trim()).await.ok();
            tokio::task::spawn_local(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return host;
        }
    }
    None
}

async fn address(url: &str) -> Result<SocketAddr, Error> {
    let authority = url.strip_prefix("http://").ok_or(Error::Protocol("only http:// can be measured"))?;
    let authority = authority.split('/').next().unwrap_or(authority);
    let mut found = tokio::net::lookup_host(authority).await.map_err(Error::io(format!("no address for {url}")))?;
    found.next().ok_or(Error::Protocol("the server's name has no address"))
}

async fn stop(process: &mut Child) {
    let pid = process.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // A process that is gone is what is wanted.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(PATIENCE, process.wait()).await.is_err() {
        let _ = process.kill().await;
    }
}
