//! The machine that is measured on, and what is done to it first.

use std::fs::read_to_string;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::options::Options;
use crate::process;

/// What every figure depends on.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    /// Whether the generator, and the server that it starts, keep to a core each.
    pub(crate) pinned: bool,
    /// Files and sockets that a process may have open.
    pub(crate) files: u64,
    /// How long the disk takes to promise that 4 KiB are kept; `None` where it cannot be written to.
    pub(crate) sync: Option<Duration>,
}

/// Raises the limit of open files, keeps this thread to its core, and looks around.
pub(crate) fn prepare(options: &Options) -> Machine {
    // Asked first: a pinned thread sees one core only.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = options.server_core.max(options.generator_core) < cores && !options.no_pin;
    Machine {
        cores,
        cpu: cpu_model().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        pinned: wanted && pin_this_thread(options.generator_core),
        files: raise_file_limit(),
        sync: time_of_sync(options.disk.as_deref().unwrap_or(&std::env::temp_dir())),
    }
}

fn cpu_model() -> Option<String> {
    let info = read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn pin_this_thread(core: usize) -> bool {
    let Some(thread) = process::thread_id() else { return false };
    let taskset = Command::new("taskset")
        .args(["-p", "-c", &core.to_string(), &thread])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    taskset.is_ok_and(|status| status.success())
}

/// As many as the system gives without asking anybody; the server inherits it.
fn raise_file_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let granted = if setrlimit(Resource::Nofile, limit).is_ok() { limit.maximum } else { before };
    granted.unwrap_or(u64::MAX)
}

/// The median of a few small writes that have to be durable: what group commit pays for, and what makes disks differ most.
fn time_of_sync(directory: &Path) -> Option<Duration> {
    let mut file = tempfile::tempfile_in(directory).ok()?;
    let mut times = Vec::new();
    for _ in 0..101 {
        let begin = Instant::now();
        file.write_all(&[0; 4096]).ok()?;
        file.sync_data().ok()?;
        times.push(begin.elapsed());
    }
    times.sort();
    times.get(times.len() / 2).copied()
}
