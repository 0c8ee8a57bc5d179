//! Parsing in a process of its own.
//!
//! tree-sitter cannot be trusted with hostile text: a few kilobytes can make it take gigabytes, or minutes in which it
//! looks at no flag, and when memory runs out it aborts the process. So a program that ingests what strangers wrote
//! calls [`parser_process()`] at the start of its `main`; its ingestions then parse in another process of the same program,
//! which has little memory, no environment, and is killed when it takes too long. Without that call they parse in their
//! own process, with [`super::depth`] as the only guard.

use std::borrow::Cow;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tree_sitter_tags::TagsContext;

use super::error::IngestError;
use super::languages::{self, Language};
use super::limits::{MAX_PARSED_BYTES, PARSE_TIMEOUT, TICK};
use super::parse::{self, Brake, Found};
use super::process::Running;
use super::symbols::Role;
use super::watch::Watch;

/// Tells a process that it is to be a parser.
const ASK: &str = "MILEPOST_PARSER_PROCESS";

/// Address space of a parser process, in bytes: the program itself, the grammars and room for any honest file.
#[cfg(unix)]
const MEMORY: u64 = 1 << 30;

/// Symbols on their way from a parser process.
const QUEUE: usize = 1024;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// To be called first thing in `main`, before any thread exists. In a process that an ingestion has started to be its
/// parser, it serves and does not return; in any other it returns at once, and from then on ingestions of this process
/// have their files parsed in processes of their own.
pub fn parser_process() {
    if std::env::var_os(ASK).is_some() {
        let served = confine().and_then(|()| serve());
        std::process::exit(i32::from(served.is_err()));
    }
    // The name of a running program may by now belong to a newer version; the link in /proc does not.
    let program =
        if cfg!(target_os = "linux") { Some(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe().ok() };
    if let Some(program) = program {
        let _ = PROGRAM.set(program);
    }
}

/// One way or the other to parse files, one after another.
pub(crate) enum Parser {
    Here(Box<TagsContext>),
    /// The process is started for the first file, and again after one that killed it.
    Elsewhere {
        program: PathBuf,
        process: Option<Process>,
    },
}

impl Parser {
    pub(crate) fn new() -> Self {
        match PROGRAM.get() {
            Some(program) => Self::Elsewhere { program: program.clone(), process: None },
            None => Self::Here(Box::new(TagsContext::new())),
        }
    }

    /// Passes on the symbols of `text`; `false` if that was given up half-way.
    pub(crate) fn symbols(
        &mut self,
        language: &'static Language,
        text: &str,
        watch: &Watch<'_>,
        brake: &Brake,
        pass_on: impl FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<bool, IngestError> {
        if !parse::is_parsable(language, text) {
            return Ok(false);
        }
        match self {
            Self::Here(context) => Ok(parse::symbols(language, text, context, brake, pass_on)?),
            Self::Elsewhere { program, process } => {
                let mut running = match process.take() {
                    Some(running) => running,
                    None => Process::start(program)?,
                };
                let Some(complete) = running.symbols(language, text, watch, pass_on)? else {
                    return Ok(false); // dropped, and thereby killed
                };
                *process = Some(running);
                Ok(complete)
            }
        }
    }
}

/// What a parser process says, a line each.
#[derive(Serialize, Deserialize)]
enum Message<'a> {
    Symbol { name: Cow<'a, str>, kind: Cow<'a, str>, role: Role, line: u64 },
    End { complete: bool },
}

/// A parser process.
pub(crate) struct Process {
    text: ChildStdin,
    lines: Receiver<String>,
    _running: Running,
}

impl Process {
    fn start(program: &PathBuf) -> Result<Self, IngestError> {
        let mut command = Command::new(program);
        command.env_clear().env(ASK, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let failed = |error| IngestError::unexpected("cannot start a parser process", &error);
        let mut running = Running::start(&mut command).map_err(failed)?;
        let (Some(text), Some(answers)) = (running.0.stdin.take(), running.0.stdout.take()) else {
            return Err(IngestError::internal("a parser process has no pipes"));
        };
        let (sender, lines) = mpsc::sync_channel(QUEUE);
        std::thread::spawn(move || {
            for line in BufReader::new(answers).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { text, lines, _running: running })
    }

    /// As [`Parser::symbols`], but `None` if the process died or must.
    fn symbols(
        &mut self,
        language: &Language,
        text: &str,
        watch: &Watch<'_>,
        mut pass_on: impl FnMut(Found<'_>) -> io::Result<()>,
    ) -> Result<Option<bool>, IngestError> {
        let started = Instant::now();
        // It reads all before it answers anything, so neither waits for the other.
        let asked = writeln!(self.text, "{} {}", text.len(), language.name)
            .and_then(|()| self.text.write_all(text.as_bytes()))
            .and_then(|()| self.text.flush());
        if asked.is_err() {
            return Ok(None);
        }
        loop {
            watch.check()?;
            if started.elapsed() > PARSE_TIMEOUT {
                return Ok(None);
            }
            let line = match self.lines.recv_timeout(TICK) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            };
            match serde_json::from_str(&line) {
                Ok(Message::Symbol { name, kind, role, line }) => {
                    pass_on(Found { name: &name, kind: &kind, role, line })?;
                }
                Ok(Message::End { complete }) => return Ok(Some(complete)),
                Err(_) => return Ok(None),
            }
        }
    }
}

/// Takes from this process what a parser does not need.
fn confine() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
        setrlimit(Resource::As, limit(MEMORY))?;
        // Running out of memory is expected, and no reason to fill the disk with core dumps.
        setrlimit(Resource::Core, limit(0))?;
    }
    Ok(())
}

/// The life of a parser process: texts in, symbols out, until the input ends.
fn serve() -> io::Result<()> {
    let mut texts = io::stdin().lock();
    let mut answers = BufWriter::new(io::stdout().lock());
    let mut context = TagsContext::new();
    let mut header = String::new();
    loop {
        header.clear();
        if texts.read_line(&mut header)? == 0 {
            return Ok(());
        }
        let (length, language) = header.trim_end().split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
        let length = length.parse::<u64>().map_err(io::Error::other)?.min(MAX_PARSED_BYTES as u64);
        let language = languages::named(language).ok_or(io::ErrorKind::InvalidData)?;
        let mut text = String::new();
        (&mut texts).take(length).read_to_string(&mut text)?;
        // Nobody pulls this brake; the other side kills.
        let complete = parse::symbols(language, &text, &mut context, &Brake::default(), |found| {
            let Found { name, kind, role, line } = found;
            say(&mut answers, &Message::Symbol { name: name.into(), kind: kind.into(), role, line })
        })?;
        say(&mut answers, &Message::End { complete })?;
        answers.flush()?;
    }
}

fn say(answers: &mut impl Write, message: &Message<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *answers, message)?;
    answers.write_all(b"\n")
}
