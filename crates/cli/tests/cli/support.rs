//! Running the binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long anything may take before a test is called broken; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(90);

/// The binary, with none of our variables set, whatever the machine of the test has.
pub(crate) fn milepost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MILEPOST_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").env("NO_PROXY", "*").env("COLUMNS", "100").stdin(Stdio::null()).args(arguments);
    command
}

/// Runs it to its end, with `input` on stdin.
pub(crate) fn run_with(arguments: &[&str], input: &str) -> Ended {
    let mut running = Running::start(milepost(arguments).stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().unwrap();
    // A command that does not want it all closes the pipe.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    running.end()
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    Running::start(&mut milepost(arguments)).end()
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// That it exited with `code`, and said `words` on stderr.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, words: &[&str]) {
        let said = words.iter().all(|words| self.stderr.contains(words));
        assert!(self.code == Some(code) && said, "expected {code} and {words:?}, not {self:#?}");
    }
}

/// A command that runs. It is killed when the test ends before it does.
pub(crate) struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// What a command wrote so far, and the lines that are still to come.
struct Lines {
    seen: String,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { child, stdout: Lines::of(stdout), stderr: Lines::of(stderr) }
    }

    /// Waits for a line on stdout that begins with `beginning`.
    #[track_caller]
    pub(crate) fn until_line(&mut self, beginning: &str) -> String {
        self.stdout.until(beginning).unwrap_or_else(|| {
            self.stderr.rest();
            panic!("no line {beginning:?}\nstdout: {}\nstderr: {}", self.stdout.seen, self.stderr.seen)
        })
    }

    /// Waits for a line on stderr that begins with `beginning`.
    #[track_caller]
    pub(crate) fn until_note(&mut self, beginning: &str) -> String {
        self.stderr.until(beginning).unwrap_or_else(|| {
            self.stdout.rest();
            panic!("no note {beginning:?}\nstdout: {}\nstderr: {}", self.stdout.seen, self.stderr.seen)
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended: until nobody has its outputs any more, and it says how.
    pub(crate) fn end(mut self) -> Ended {
        self.stdout.rest();
        self.stderr.rest();
        let code = self.child.wait().unwrap().code();
        Ended { code, stdout: std::mem::take(&mut self.stdout.seen), stderr: std::mem::take(&mut self.stderr.seen) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { seen: String::new(), lines }
    }

    fn until(&mut self, beginning: &str) -> Option<String> {
        loop {
            let line = self.next()?;
            if line.starts_with(beginning) {
                return Some(line);
            }
        }
    }

    fn rest(&mut self) {
        while self.next().is_some() {}
    }

    fn next(&mut self) -> Option<String> {
        let line = self.lines.recv_timeout(PATIENCE).ok()?;
        self.seen.push_str(&line);
        self.seen.push('\n');
        Some(line)
    }
}

/// A server in a data directory of its own. It can be killed and started again on the same port.
pub(crate) struct Server {
    data: TempDir,
    running: Option<Running>,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut server = Self { data: TempDir::new().unwrap(), running: None, url: String::new() };
        server.start_on("127.0.0.1:0");
        server
    }

    pub(crate) fn start_again(&mut self) {
        let address = self.url.strip_prefix("http://").unwrap().to_owned();
        self.start_on(&address);
    }

    fn start_on(&mut self, address: &str) {
        let directory = self.data.path().to_str().unwrap();
        let mut command = milepost(&["serve", "--listen", address, "--data-dir", directory]);
        let mut running = Running::start(command.current_dir(self.data.path()));
        let line = running.until_line("milepost listening on ");
        self.url = line.strip_prefix("milepost listening on ").unwrap().to_owned();
        self.running = Some(running);
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        let running = self.running.take().unwrap();
        running.signal(Signal::KILL);
        running.end();
    }

    /// Asks it to stop, and says how it ended.
    pub(crate) fn stop(&mut self, signal: Signal) -> Ended {
        let running = self.running.take().unwrap();
        running.signal(signal);
        running.end()
    }

    /// Runs a command against it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run(&[arguments, &["--server", &self.url]].concat())
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        run_with(&[arguments, &["--server", &self.url]].concat(), input)
    }

    /// Starts a command against it.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Running {
        Running::start(&mut milepost(&[arguments, &["--server", &self.url]].concat()))
    }

    /// Publishes lines, all of which have to be taken.
    #[track_caller]
    pub(crate) fn publish(&self, arguments: &[&str], input: &str) {
        self.run_with(&[&["publish"], arguments].concat(), input).check(0, &[]);
    }
}

/// A git repository.
pub(crate) struct Repository(TempDir);

impl Repository {
    /// With these files in one commit.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let repository = Self(TempDir::new().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        for (name, text) in files {
            std::fs::write(repository.path().join(name), text).unwrap();
        }
        repository.git(&["add", "."]);
        repository.git(&["commit", "--quiet", "--message", "All of it"]);
        repository
    }

    /// With many files that take a while to parse.
    pub(crate) fn large() -> Self {
        let function = |number| format!("pub fn f{number}(a: u32) -> u32 {{ g{number}(a) + f{number}(a - 1) }}\n");
        let text: String = (0..600).map(function).collect();
        let repository = Self(TempDir::new().unwrap());
        for number in 0..3_000 {
            let name = format!("file_{number}.rs");
            std::fs::write(repository.path().join(name), format!("// {number}\n{text}")).unwrap();
        }
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["add", "."]);
        repository.git(&["commit", "--quiet", "--message", "All of it"]);
        repository
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub(crate) fn name(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]);
        let output: Output = command.args(arguments).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
