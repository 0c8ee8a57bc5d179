//! What the system says about processes: `/proc` of Linux. Elsewhere, nothing.

use std::fs::read_to_string;
use std::time::Duration;

/// The CPU time that a process has had, user and system, all its threads together, those that are over included.
pub(crate) fn cpu_of_process(pid: u32) -> Option<Duration> {
    parse_stat(&read_to_string(format!("/proc/{pid}/stat")).ok()?).map(ticks)
}

/// The CPU time that the calling thread has had.
pub(crate) fn cpu_of_thread() -> Option<Duration> {
    parse_stat(&read_to_string("/proc/thread-self/stat").ok()?).map(ticks)
}

/// The CPU time that all programs of the machine have had.
pub(crate) fn cpu_of_machine() -> Option<Duration> {
    parse_machine(&read_to_string("/proc/stat").ok()?).map(ticks)
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    parse_resident(&read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The number of the calling thread.
pub(crate) fn thread_id() -> Option<String> {
    Some(std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.to_owned())
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// `utime` and `stime` of proc(5). The name in brackets may contain anything, so fields count from the last bracket.
fn parse_stat(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// `user`, `nice` and `system` of the line of all processors.
fn parse_machine(stat: &str) -> Option<u64> {
    let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    (0..3).try_fold(0, |sum, _| Some(sum + fields.next()?.parse::<u64>().ok()?))
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "17 (a) name) R) S 1 17 17 0 -1 4194560 110 0 0 0 250 50 0 0 20 0 4 0 812 1 2 3";
        assert_eq!(parse_stat(stat), Some(300));
        assert_eq!(parse_machine("cpu  100 20 3 4000 5 0 7 0 0 0\ncpu0 1 2 3 4\n"), Some(123));
        assert_eq!(parse_resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
    }

    #[test]
    fn says_nothing_about_what_it_cannot_read() {
        assert_eq!(parse_stat("17"), None);
        assert_eq!(parse_machine(""), None);
        assert_eq!(parse_resident("Name:\tx\n"), None);
    }
}
