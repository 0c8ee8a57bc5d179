//! What the machine gives to a server.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use super::Finding;

/// Every viewer needs a file descriptor. The server takes up to 32 768 connections.
const FILES_WARN: u64 = 8_192;

/// Below this not even the database and a few viewers fit.
const FILES_FAIL: u64 = 128;

#[cfg(unix)]
pub(super) fn files() -> Finding {
    let what = "open files";
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let advice = "`ulimit -n 65536`, or LimitNOFILE=65536 for systemd, allows more";
    match limit {
        None => Finding::ok(what, "as many as there are".to_owned()),
        Some(limit @ 0..FILES_FAIL) => Finding::fail(what, format!("at most {limit}; {advice}")),
        Some(limit @ FILES_FAIL..FILES_WARN) => {
            Finding::warn(what, format!("at most {limit}, so about as many viewers; {advice}"))
        }
        Some(limit) => Finding::ok(what, format!("at most {limit}")),
    }
}

#[cfg(not(unix))]
pub(super) fn files() -> Finding {
    Finding::ok("open files", "this system has no limit of its own".to_owned())
}

/// Whether the address could be listened on right now.
pub(super) fn listen(address: SocketAddr) -> Finding {
    let what = "address";
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(what, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::warn(
            what,
            format!("{address} is in use: by a Milepost server that runs already, or by something else"),
        ),
        Err(error) => Finding::fail(what, format!("{address}: {error}")),
    }
}

/// Ingestion reads http and https by itself, and leaves ssh to git.
pub(super) fn git() -> Finding {
    let what = "git";
    let version = Command::new("git").arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    match version {
        Ok(output) if output.status.success() => {
            Finding::ok(what, String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => Finding::warn(what, "it is not there; ingestion needs it for ssh:// and git:// repositories".to_owned()),
    }
}
