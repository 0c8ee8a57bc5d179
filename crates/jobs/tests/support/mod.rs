//! Real repositories, a real git server on loopback, and an observer that remembers.

#![allow(dead_code)] // not every test needs all of it

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use milepost_jobs::ingest::{Branch, IngestError, Limits, Observer, Outcome, Plan, Policy, Source, Transfer, ingest};

/// Runs git in `directory`, away from the configuration of whoever runs the tests.
pub(crate) fn git<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> String {
    let output = git_command(directory).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn git_command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.com");
        command.env(format!("GIT_{who}_DATE"), "2026-01-02T03:04:05Z");
    }
    command
}

/// A repository with a worktree, made of files.
pub(crate) struct Repository(pub(crate) PathBuf);

impl Repository {
    pub(crate) fn init(path: PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        git(&path, ["init", "-q", "-b", "main"]);
        Self(path)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn commit(&self) -> String {
        git(&self.0, ["add", "-A"]);
        git(&self.0, ["commit", "-q", "--allow-empty", "-m", "x"]);
        git(&self.0, ["rev-parse", "HEAD"])
    }
}

/// What an observer heard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    Cloning(Transfer),
    Commit(Option<String>, Option<String>),
    Parsing(u64, u64, String),
    Indexing(u64, u64),
}

/// Remembers everything, and cancels when told to.
pub(crate) struct Recorder {
    pub(crate) heard: Mutex<Vec<Heard>>,
    pub(crate) cancel: AtomicBool,
    pub(crate) cancelled_at: Mutex<Option<Instant>>,
    cancel_when: Box<dyn Fn(&Heard) -> bool + Sync>,
}

impl Recorder {
    pub(crate) fn cancelling(when: impl Fn(&Heard) -> bool + Sync + 'static) -> Self {
        Self {
            heard: Mutex::default(),
            cancel: AtomicBool::new(false),
            cancelled_at: Mutex::default(),
            cancel_when: Box::new(when),
        }
    }

    fn hear(&self, heard: Heard) {
        if (self.cancel_when)(&heard) && !self.cancel.swap(true, Ordering::SeqCst) {
            *self.cancelled_at.lock().unwrap() = Some(Instant::now());
        }
        self.heard.lock().unwrap().push(heard);
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::cancelling(|_| false)
    }
}

impl Observer for Recorder {
    fn cloning(&self, transfer: Transfer) {
        self.hear(Heard::Cloning(transfer));
    }

    fn commit_known(&self, commit: Option<&str>, branch: Option<&str>) {
        self.hear(Heard::Commit(commit.map(str::to_owned), branch.map(str::to_owned)));
    }

    fn parsing(&self, done: u64, total: u64, path: &str) {
        self.hear(Heard::Parsing(done, total, path.to_owned()));
    }

    fn indexing(&self, done: u64, total: u64) {
        self.hear(Heard::Indexing(done, total));
    }
}

pub(crate) const LOCAL: Policy = Policy { allow_local: true, allow_private: true };

pub(crate) fn plan(source: &str) -> Plan {
    Plan { source: Source::parse(source, LOCAL).unwrap(), branch: None, limits: Limits::default() }
}

pub(crate) fn plan_of(source: &str, branch: &str) -> Plan {
    Plan { branch: Some(Branch::parse(branch).unwrap()), ..plan(source) }
}

/// A finished or failed ingestion with its work directory.
pub(crate) struct Ran {
    pub(crate) result: Result<Outcome, IngestError>,
    pub(crate) recorder: Recorder,
    pub(crate) work: tempfile::TempDir,
}

impl Ran {
    pub(crate) fn outcome(&self) -> &Outcome {
        self.result.as_ref().unwrap()
    }

    pub(crate) fn code(&self) -> &'static str {
        self.result.as_ref().unwrap_err().code()
    }
}

pub(crate) fn run(plan: &Plan) -> Ran {
    run_with(plan, Recorder::default())
}

pub(crate) fn run_with(plan: &Plan, recorder: Recorder) -> Ran {
    let work = tempfile::tempdir().unwrap();
    let result = ingest(plan, work.path(), &recorder, &recorder.cancel);
    Ran { result, recorder, work }
}

/// Serves the repositories below `root`. The first part of a URL's path says how:
/// `smart`, `dumb`, `stall` (smart, but stops in the middle of the pack), `silent` (never answers), `moved` (redirects
/// to `smart`), `away` (redirects to what the test sets), or a status code.
pub(crate) struct Server {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    root: PathBuf,
    is_over: Mutex<bool>,
    over: Condvar,
    pub(crate) away: Mutex<String>,
    requests: Mutex<Vec<String>>,
}

impl Server {
    pub(crate) fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            root: root.to_owned(),
            is_over: Mutex::new(false),
            over: Condvar::new(),
            away: Mutex::default(),
            requests: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let _ = serve(&stream, &state);
                });
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn redirect_away_to(&self, target: &str) {
        *self.state.away.lock().unwrap() = target.to_owned();
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.state.is_over.lock().unwrap() = true;
        self.state.over.notify_all();
    }
}

impl State {
    /// Holds a connection open until the test is over.
    fn wait(&self) {
        let guard = self.is_over.lock().unwrap();
        let _guard = self.over.wait_while(guard, |is_over| !*is_over).unwrap();
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

fn serve(stream: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let request = read_request(&mut reader)?;
    state.requests.lock().unwrap().push(format!("{} {}", request.method, request.path));
    let (how, rest) = request.path.trim_start_matches('/').split_once('/').unwrap_or((&request.path, ""));
    let mut out = stream;
    match how {
        "smart" => out.write_all(&cgi(&request, rest, &state.root)?)?,
        "stall" => {
            let answer = cgi(&request, rest, &state.root)?;
            let is_pack = request.method == "POST" && answer.len() > 20_000;
            out.write_all(if is_pack { &answer[..answer.len() / 2] } else { &answer })?;
            if is_pack {
                state.wait();
            }
        }
        "silent" => state.wait(),
        "dumb" => match std::fs::read(state.root.join(rest)) {
            Ok(content) => out.write_all(&answer("200 OK", "Content-Type: text/plain", &content))?,
            Err(_) => out.write_all(&answer("404 Not Found", "", b""))?,
        },
        "moved" => {
            let target = format!("Location: /smart/{rest}?{}", request.query);
            out.write_all(&answer("301 Moved Permanently", &target, b""))?;
        }
        "away" => {
            let target = format!("Location: {}/{rest}?{}", state.away.lock().unwrap(), request.query);
            out.write_all(&answer("302 Found", &target, b""))?;
        }
        "page" => out.write_all(&answer("200 OK", "Content-Type: text/html", b"<html>no repository</html>"))?,
        status => out.write_all(&answer(status, "", b""))?,
    }
    stream.shutdown(Shutdown::Both)
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Request> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

fn cgi(request: &Request, path: &str, root: &Path) -> std::io::Result<Vec<u8>> {
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let mut child = git_command(root)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", format!("/{path}"))
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    child.stdin.take().unwrap().write_all(&request.body)?;
    let output = child.wait_with_output()?.stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output[..end]);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let headers: Vec<_> = head.lines().filter(|line| !line.starts_with("Status: ")).collect();
    Ok(answer(status, &headers.join("\r\n"), &output[end + 4..]))
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let separator = if headers.is_empty() { "" } else { "\r\n" };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}{separator}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}
