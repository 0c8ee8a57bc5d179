//! Real repositories, and a real git server on loopback that can misbehave.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

/// Runs git in `directory`, away from the configuration of whoever runs the tests.
pub fn git<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> String {
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
pub struct Repository(pub PathBuf);

impl Repository {
    pub fn init(path: PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        git(&path, ["init", "-q", "-b", "main"]);
        Self(path)
    }

    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub fn commit(&self) -> String {
        git(&self.0, ["add", "-A"]);
        git(&self.0, ["commit", "-q", "--allow-empty", "-m", "x"]);
        git(&self.0, ["rev-parse", "HEAD"])
    }
}

/// `code` below `root`: some hundred files, and enough bytes that a pack of them has a middle.
pub fn some_hundred_files(root: &Path) -> Repository {
    let repository = Repository::init(root.join("code"));
    for number in 0..300 {
        let noise: String = (0..20).map(|line| format!("# {:x}\n", (number * 20 + line) * 2_654_435_761_u64)).collect();
        let content = format!("class Thing{number}:\n    def act(self):\n        return {number}\n{noise}");
        repository.write(format!("package{}/file{number}.py", number % 20), content);
    }
    repository.write("README.md", "# A needle in a haystack\n").commit();
    git(&repository.0, ["update-server-info"]);
    repository
}

/// Serves the repositories below `root`. The first part of a URL's path says how:
/// `smart`, `dumb`, `held` (smart, but stops in the middle of the pack until the test lets it go on), `stall` (the same, but
/// never goes on), `silent` (never answers), `moved` (redirects to `smart`), `away` (redirects to what the test sets), or a
/// status code.
pub struct GitServer {
    pub port: u16,
    state: Arc<State>,
}

/// How far a test is with what is held open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Held,
    LetGo,
    Over,
}

struct State {
    root: PathBuf,
    phase: Mutex<Phase>,
    moved: Condvar,
    away: Mutex<String>,
    requests: Mutex<Vec<String>>,
}

impl GitServer {
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            root: root.to_owned(),
            phase: Mutex::new(Phase::Held),
            moved: Condvar::new(),
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

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn redirect_away_to(&self, target: &str) {
        *self.state.away.lock().unwrap() = target.to_owned();
    }

    /// Sends the rest of what is held, and holds nothing any more.
    pub fn let_go(&self) {
        self.state.enter(Phase::LetGo);
    }

    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.state.enter(Phase::Over);
    }
}

impl State {
    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap() = phase;
        self.moved.notify_all();
    }

    /// Holds a connection open.
    fn wait_for(&self, phase: Phase) {
        let guard = self.phase.lock().unwrap();
        let _guard = self.moved.wait_while(guard, |now| *now < phase).unwrap();
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
        "held" | "stall" => {
            let answer = cgi(&request, rest, &state.root)?;
            let is_pack = request.method == "POST" && answer.len() > 20_000;
            let (first, second) = answer.split_at(if is_pack { answer.len() / 2 } else { answer.len() });
            out.write_all(first)?;
            if is_pack {
                state.wait_for(if how == "held" { Phase::LetGo } else { Phase::Over });
            }
            out.write_all(second)?;
        }
        "silent" => state.wait_for(Phase::Over),
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
