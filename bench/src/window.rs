//! What the machine did between two moments.

use std::time::{Duration, Instant};

use crate::figures::Figures;
use crate::process;

/// The beginning of a measurement.
pub(crate) struct Window {
    begin: Instant,
    pid: Option<u32>,
    server: Option<Duration>,
    generator: Option<Duration>,
    machine: Option<Duration>,
}

impl Window {
    /// Begins to measure the server with process number `pid`, and this thread.
    pub(crate) fn open(pid: Option<u32>) -> Self {
        Self {
            begin: Instant::now(),
            pid,
            server: pid.and_then(process::cpu_of_process),
            generator: process::cpu_of_thread(),
            machine: process::cpu_of_machine(),
        }
    }

    /// Ends it, when `events` have arrived since.
    pub(crate) fn close(self, events: u64) -> Figures {
        let wall = self.begin.elapsed().as_secs_f64();
        let since = |now: Option<Duration>, then: Option<Duration>| Some((now? - then?).as_secs_f64());
        let server = since(self.pid.and_then(process::cpu_of_process), self.server);
        let generator = since(process::cpu_of_thread(), self.generator);
        let machine = since(process::cpu_of_machine(), self.machine);
        let ours = server.zip(generator).map(|(server, generator)| server + generator);
        Figures {
            per_second: Some(events as f64 / wall),
            cpu_us: server.map(|seconds| seconds * 1e6 / events.max(1) as f64),
            generator_us: generator.map(|seconds| seconds * 1e6 / events.max(1) as f64),
            generator: generator.map(|seconds| seconds / wall),
            others: machine.zip(ours).map(|(all, ours)| ((all - ours) / wall).max(0.0)),
            ..Figures::default()
        }
    }
}
