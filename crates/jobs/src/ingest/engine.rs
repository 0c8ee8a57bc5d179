//! One ingestion from beginning to end.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::clone::{self, Context};
use super::error::IngestError;
use super::index::{Document, Writer};
use super::isolate::Parser;
use super::languages;
use super::limits::{INDEX_STALL_TIMEOUT, Limits, MAX_FILE_BYTES, MAX_WAITING_BYTES};
use super::observer::Observer;
use super::pack::pack;
use super::parse::Brake;
use super::plan::Plan;
use super::summary::Summary;
use super::symbols::{Role, Symbol};
use super::text;
use super::walk::{self, File as TreeFile, Listing};
use super::watch::Watch;

/// What an ingestion leaves in its work directory.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The commit in hexadecimal; `None` for an empty repository.
    pub commit: Option<String>,
    /// The branch (or tag), where it is known.
    pub branch: Option<String>,
    /// What `summary.json` says.
    pub summary: Summary,
    /// Regular files of the commit, those that were skipped included: the total of the parsing phase.
    pub files_total: u64,
    /// `summary.json`.
    pub summary_path: PathBuf,
    /// `symbols.ndjson`, in the order of the files.
    pub symbols_path: PathBuf,
    /// The index, for [`Index::open`](super::search::Index::open).
    pub index_dir: PathBuf,
    /// The same as one file, for [`unpack`](super::unpack()).
    pub index_tar_path: PathBuf,
}

/// Ingests what `plan` names. Blocks; meant for a thread of its own.
///
/// Results go into `work_dir`, which must exist and be empty; nothing is written anywhere else, and after a failure
/// the caller deletes it. The clone is gone in any case. When `cancel` is set, this returns within a second.
///
/// # Errors
/// See [`IngestError`].
pub fn ingest(
    plan: &Plan,
    work_dir: &Path,
    observer: &dyn Observer,
    cancel: &AtomicBool,
) -> Result<Outcome, IngestError> {
    let watch = Watch::new(cancel, plan.limits.timeout);
    // Removed when dropped, whatever happens.
    let scratch = tempfile::Builder::new().prefix("clone-").tempdir_in(work_dir)?;
    let context = Context { watch: &watch, observer, limits: plan.limits };
    let snapshot = clone::obtain(plan, &scratch.path().join("repository.git"), &context)?;
    let commit = snapshot.commit.map(|id| id.to_string());
    observer.commit_known(commit.as_deref(), snapshot.branch.as_deref());
    let listing = match snapshot.commit {
        Some(commit) => walk::list(&snapshot.repository, commit, plan.limits, &watch)?,
        None => Listing::default(),
    };
    let run = Run {
        repository: snapshot.repository,
        watch: &watch,
        observer,
        limits: plan.limits,
        symbols_path: work_dir.join("symbols.ndjson"),
    };
    let mut summary = Summary { repository: plan.source.to_string(), commit: commit.clone(), ..Summary::default() };
    let sources = run.parse(&listing, &mut summary)?;
    let index_dir = work_dir.join("index");
    run.index(&listing.files, &sources, &index_dir)?;
    let index_tar_path = work_dir.join("index.tar");
    pack(&index_dir, &index_tar_path, &watch)?;
    let summary_path = work_dir.join("summary.json");
    let text = serde_json::to_vec_pretty(&summary).map_err(|error| IngestError::unexpected("cannot write", &error))?;
    fs::write(&summary_path, text)?;
    watch.check()?;
    let symbols_path = run.symbols_path.clone();
    drop(run); // closes the packs before they are deleted
    scratch.close()?;
    Ok(Outcome {
        commit,
        branch: snapshot.branch,
        summary,
        files_total: listing.files.len() as u64,
        summary_path,
        symbols_path,
        index_dir,
        index_tar_path,
    })
}

/// The two passes over the files. Text is read twice, once per pass, so that neither all texts nor all symbols are ever
/// in memory: the first pass leaves its symbols in a file, where the second finds them.
struct Run<'a> {
    repository: gix::Repository,
    watch: &'a Watch<'a>,
    observer: &'a dyn Observer,
    limits: Limits,
    symbols_path: PathBuf,
}

/// A file that the first pass found to be text.
struct Source {
    /// Its place in the listing.
    file: usize,
    /// How many lines of the symbols' file are its.
    symbols: u64,
}

enum Content {
    Text(String),
    Binary,
    Huge,
}

impl Run<'_> {
    fn parse(&self, listing: &Listing, summary: &mut Summary) -> Result<Vec<Source>, IngestError> {
        summary.skipped.symlink = listing.symlinks;
        summary.skipped.submodule = listing.submodules;
        let brake = Brake::default();
        let tick = || {
            match self.watch.check() {
                Ok(()) => brake.tick(),
                Err(_) => brake.pull(),
            }
            Ok(())
        };
        let (result, stopped) = self.watch.supervise(tick, || self.parse_files(listing, summary, &brake));
        match stopped {
            Some(error) => Err(error),
            None => result,
        }
    }

    fn parse_files(&self, listing: &Listing, summary: &mut Summary, brake: &Brake) -> Result<Vec<Source>, IngestError> {
        let total = listing.files.len() as u64;
        let mut symbols = BufWriter::new(File::create(&self.symbols_path)?);
        let mut parser = Parser::new();
        let mut sources = Vec::new();
        self.observer.parsing(0, total, "");
        for (number, file) in listing.files.iter().enumerate() {
            self.watch.check()?;
            let path = file.path();
            match self.read(file)? {
                Content::Binary => summary.skipped.binary += 1,
                Content::Huge => summary.skipped.huge += 1,
                Content::Text(text) => {
                    let (language, name) = languages::of(&path);
                    let mut count = 0;
                    if let Some(language) = language {
                        let complete = parser.symbols(language, &text, self.watch, brake, |found| {
                            count += 1;
                            let symbol = Symbol {
                                path: path.as_str().into(),
                                language: name.into(),
                                name: found.name.into(),
                                kind: found.kind.into(),
                                role: found.role,
                                line: found.line,
                            };
                            serde_json::to_writer(&mut symbols, &symbol)?;
                            symbols.write_all(b"\n")
                        })?;
                        summary.skipped.unparsed += u64::from(!complete);
                    }
                    summary.add(name, text::count_lines(&text), text.len() as u64, count);
                    self.check_text_bytes(summary.bytes)?;
                    sources.push(Source { file: number, symbols: count });
                }
            }
            self.observer.parsing(number as u64 + 1, total, &path);
        }
        symbols.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        Ok(sources)
    }

    fn index(&self, files: &[TreeFile], sources: &[Source], directory: &Path) -> Result<(), IngestError> {
        let total = sources.len() as u64;
        self.observer.indexing(0, total);
        fs::create_dir(directory)?;
        let mut writer = Writer::create(directory)?;
        let mut symbols = BufReader::new(File::open(&self.symbols_path)?);
        let mut line = String::new();
        for source in sources {
            self.watch.check()?;
            let file = &files[source.file];
            let path = file.path();
            let mut definitions = Vec::new();
            for _ in 0..source.symbols {
                line.clear();
                symbols.read_line(&mut line)?;
                let symbol: Symbol<'_> = serde_json::from_str(&line)
                    .map_err(|error| IngestError::unexpected("cannot read the symbols again", &error))?;
                if symbol.role == Role::Definition {
                    definitions.push(symbol.name.into_owned());
                }
            }
            if let Content::Text(content) = self.read(file)? {
                let (_, language) = languages::of(&path);
                writer.add(&Document { path: &path, language, content: &content, definitions: &definitions })?;
            }
            self.settle(&mut writer, MAX_WAITING_BYTES, total)?;
        }
        self.settle(&mut writer, 0, total)?;
        self.watch.check()?;
        writer.finish()?;
        // The last one is said to be done only when all are.
        self.observer.indexing(total, total);
        Ok(())
    }

    /// Waits until no more than `bytes` wait to be indexed, and tells how far that has come.
    fn settle(&self, writer: &mut Writer, bytes: usize, total: u64) -> Result<(), IngestError> {
        let (mut indexed, mut moved) = (writer.indexed(), Instant::now());
        self.observer.indexing(indexed, total);
        // tantivy's thread may have died, of which the next call to it tells.
        while writer.waiting_bytes() > bytes && moved.elapsed() < INDEX_STALL_TIMEOUT {
            self.watch.check()?;
            std::thread::park_timeout(Duration::from_millis(1));
            if writer.indexed() > indexed {
                (indexed, moved) = (writer.indexed(), Instant::now());
                self.observer.indexing(indexed, total);
            }
        }
        Ok(())
    }

    /// Reads a file, after a look at its size: a huge one is never brought into memory.
    fn read(&self, file: &TreeFile) -> Result<Content, IngestError> {
        let broken = |error: gix::Error| IngestError::unexpected("cannot read a file of the commit", &error);
        if self.repository.find_header(file.id).map_err(broken)?.size() > MAX_FILE_BYTES {
            return Ok(Content::Huge);
        }
        let bytes = self.repository.find_blob(file.id).map_err(broken)?.take_data();
        Ok(match text::decode(&bytes) {
            None => Content::Binary,
            Some(text) => Content::Text(text.into_owned()),
        })
    }

    fn check_text_bytes(&self, bytes: u64) -> Result<(), IngestError> {
        clone::check_bytes(bytes, self.limits)
    }
}
