//! Clones with the `git` program, for what gix does not do or cannot be stopped at: servers that only serve files
//! ("dumb" HTTP), ssh and `git://`.

use std::io::Read as _;
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use url::{Host, Url};

use super::address::resolve_public;
use super::clone::{self, Context, Opening, Reporter, Snapshot, check_bytes, no_branch};
use super::error::IngestError;
use super::limits::TICK;
use super::observer::Transfer;
use super::plan::{Branch, Policy, redact};
use super::process::Running;
use super::watch::Watch;

/// How often the size of what has come is measured, which means listing files.
const MEASURE: Duration = Duration::from_millis(500);

/// How much of what git says is kept, to tell why it failed.
const MAX_WORDS_BYTES: usize = 8 << 10;

/// A repository for the `git` program.
pub(crate) struct Remote {
    /// Without credentials, since a command line can be read by every user of the machine.
    address: String,
    /// Git configuration that goes through the environment, which others cannot read.
    settings: Vec<(String, String)>,
    /// One commit deep; servers of plain files cannot do that.
    shallow: bool,
}

impl Remote {
    /// What is reached by ssh or `git://`. Only policies that allow private addresses allow these, so there is no
    /// address to guard.
    pub(crate) fn other(address: &str) -> Self {
        Self { address: address.to_owned(), settings: Vec::new(), shallow: true }
    }

    /// Files over HTTP. The host is looked up here, and git is bound to the addresses that were found good.
    pub(crate) fn http(url: &Url, policy: Policy, watch: &Watch<'_>) -> Result<Self, IngestError> {
        let address = redact(url.as_str());
        let mut settings = Vec::new();
        if address != url.as_str() {
            settings.push((format!("url.{url}.insteadOf"), address.clone()));
        }
        if !policy.allow_private {
            settings.push(("http.followRedirects".to_owned(), "false".to_owned()));
            if let Some(Host::Domain(host)) = url.host() {
                let (host, port) = (host.to_owned(), url.port_or_known_default().unwrap_or(443));
                let name = host.clone();
                let addresses = watch.abandonable(move || resolve_public(&name, port))??;
                let addresses: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
                settings.push(("http.curloptResolve".to_owned(), format!("{host}:{port}:{}", addresses.join(","))));
            }
        }
        Ok(Self { address, settings, shallow: false })
    }
}

/// Clones `remote` into the new directory `into`.
pub(crate) fn clone(
    remote: &Remote,
    branch: Option<&Branch>,
    into: &Path,
    context: &Context<'_>,
) -> Result<Snapshot, IngestError> {
    let mut running = Running::start(&mut command(remote, branch, into))
        .map_err(|error| IngestError::unexpected("cannot run the git program, which this repository needs", &error))?;
    let words = listen(running.0.stderr.take());
    let words = follow(&words, into, context)?;
    while running.0.try_wait()?.is_none() {
        context.watch.check()?;
        std::thread::park_timeout(TICK);
    }
    if !running.0.wait()?.success() {
        return Err(explain(&words, branch));
    }
    check_bytes(size(into), context.limits)?;
    let snapshot = clone::open(into, None).map_err(|error| match error {
        Opening::NotARepository => IngestError::internal("git left no repository"),
        Opening::Error(error) => error,
    })?;
    let branch = branch.map(|branch| branch.as_str().to_owned()).or(snapshot.branch);
    Ok(Snapshot { branch, ..snapshot })
}

fn command(remote: &Remote, branch: Option<&Branch>, into: &Path) -> Command {
    let mut command = Command::new("git");
    // Nothing of the server's own environment or configuration may matter, nobody is to be asked anything, and no
    // program but git's own and ssh may run.
    command.env_clear();
    for name in ["PATH", "SSH_AUTH_SOCK", "TMPDIR", "SystemRoot"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("LC_ALL", "C")
        // Not the user's home, where a .netrc may be.
        .env("HOME", into.parent().unwrap_or(into))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", if cfg!(windows) { "NUL" } else { "/dev/null" })
        .env("GIT_ALLOW_PROTOCOL", "https:http:ssh:git")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "false")
        .env("SSH_ASKPASS", "false")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes")
        .env("GIT_CONFIG_COUNT", remote.settings.len().to_string());
    for (number, (key, value)) in remote.settings.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key).env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "credential.helper=", "-c", "gc.auto=0"]);
    command.args(["clone", "--bare", "--single-branch", "--no-tags", "--template=", "--progress"]);
    if remote.shallow {
        command.args(["--depth", "1"]);
    }
    if let Some(branch) = branch {
        command.args(["--branch", branch.as_str()]);
    }
    command.arg("--").arg(&remote.address).arg(into);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Reads what git says on a thread of its own, line by line. A progress line ends with a carriage return.
fn listen(stderr: Option<ChildStderr>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = Vec::new();
        for byte in stderr.into_iter().flat_map(|stderr| std::io::BufReader::new(stderr).bytes()) {
            match byte {
                Ok(b'\r' | b'\n') => {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    line.clear();
                    if sender.send(text).is_err() {
                        return;
                    }
                }
                Ok(byte) if line.len() < MAX_WORDS_BYTES => line.push(byte),
                Ok(_) => {}
                Err(_) => return,
            }
        }
        let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
    });
    receiver
}

/// Follows git until it has nothing more to say, and returns what it said apart from progress.
fn follow(words: &Receiver<String>, into: &Path, context: &Context<'_>) -> Result<String, IngestError> {
    let reporter = Reporter::default();
    let mut transfer = Transfer::default();
    let mut said = String::new();
    let mut measured = Instant::now();
    loop {
        context.watch.check()?;
        if measured.elapsed() >= MEASURE {
            transfer.bytes = size(into);
            measured = Instant::now();
            check_bytes(transfer.bytes, context.limits)?;
        }
        match words.recv_timeout(TICK) {
            Ok(line) => {
                if !note_progress(&line, &mut transfer) && said.len() < MAX_WORDS_BYTES {
                    said.push_str(&line);
                    said.push('\n');
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        reporter.report(transfer, context.observer);
    }
    transfer.bytes = size(into);
    reporter.report(transfer, context.observer);
    Ok(said)
}

/// Understands `Receiving objects:  45% (90/200), 1.2 MiB` and the like.
fn note_progress(line: &str, transfer: &mut Transfer) -> bool {
    let Some((stage, rest)) = line.split_once(':') else {
        return false;
    };
    let counts = rest.split_once('(').and_then(|(_, rest)| rest.split_once(')')).and_then(|(counts, _)| {
        let (done, total) = counts.split_once('/')?;
        Some((done.parse::<u64>().ok()?, total.parse::<u64>().ok()?))
    });
    match (stage, counts) {
        ("Receiving objects", Some((done, total))) => {
            transfer.received = done;
            transfer.total = Some(total);
            true
        }
        ("Resolving deltas", Some((done, total))) => {
            // Only deltas are resolved apart; the other objects are done when they are received.
            transfer.resolved = transfer.received.saturating_sub(total) + done;
            true
        }
        (_, counts) => counts.is_some(),
    }
}

/// Bytes of the files below `directory`, as far as they can be seen while git is at work.
fn size(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Finds the code in git's words, which are English because of `LC_ALL`.
fn explain(words: &str, branch: Option<&Branch>) -> IngestError {
    let lower = words.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    if says(&["no space left on device", "disk quota exceeded"]) {
        return IngestError::DiskFull;
    }
    if let Some(branch) = branch.filter(|_| says(&["remote branch"]) && says(&["not found"])) {
        return no_branch(branch);
    }
    let gist = gist(words);
    if says(&[
        "could not read username",
        "could not read password",
        "authentication failed",
        "permission denied",
        "host key verification failed",
        "error: 401",
        "error: 403",
    ]) {
        return IngestError::AuthenticationRequired(gist);
    }
    if says(&[
        "not found",
        "does not exist",
        "does not appear to be a git repository",
        "not exported",
        "could not resolve",
        "name or service not known",
        "unable to connect",
        "connection refused",
        "no such file or directory",
    ]) {
        return IngestError::RepositoryNotFound(gist);
    }
    IngestError::internal(gist)
}

fn gist(words: &str) -> String {
    let is_verdict = |line: &&str| line.starts_with("fatal:") || line.starts_with("ERROR:");
    let lines = || words.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().rfind(is_verdict).or_else(|| lines().next_back());
    redact(&format!("git says: {}", line.unwrap_or("nothing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_lines() {
        let mut transfer = Transfer::default();
        assert!(note_progress("Receiving objects:  45% (90/200), 1.2 MiB | 3 MiB/s", &mut transfer));
        assert_eq!((transfer.received, transfer.total), (90, Some(200)));
        assert!(note_progress("Receiving objects: 100% (200/200), done.", &mut transfer));
        assert!(note_progress("Resolving deltas:  50% (10/20)", &mut transfer));
        assert_eq!(transfer.resolved, 190);
        assert!(note_progress("remote: Counting objects:  10% (1/10)", &mut transfer));
        assert!(!note_progress("fatal: repository 'x' not found", &mut transfer));
    }

    #[test]
    fn words_have_codes() {
        let branch = Branch::parse("dev").unwrap();
        let cases = [
            ("fatal: write error: No space left on device", "disk_full"),
            ("fatal: could not read Username for 'https://x': terminal prompts disabled", "authentication_required"),
            (
                "git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                "authentication_required",
            ),
            ("Host key verification failed.\nfatal: Could not read from remote repository.", "authentication_required"),
            ("fatal: repository 'https://x/y/' not found", "repository_not_found"),
            ("fatal: Remote branch dev not found in upstream origin", "repository_not_found"),
            ("fatal: unable to connect to x:\nx[0: 127.0.0.1]: errno=Connection refused", "repository_not_found"),
            ("fatal: the remote end hung up unexpectedly", "internal"),
            ("", "internal"),
        ];
        for (words, code) in cases {
            assert_eq!(explain(words, Some(&branch)).code(), code, "{words}");
        }
    }
}
