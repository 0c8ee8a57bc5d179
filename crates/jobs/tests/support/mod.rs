//! Real repositories and a git server, which other tests use too, and an observer that remembers.

#![allow(dead_code, unused_imports)] // not every test needs all of it

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use milepost_jobs::ingest::{Branch, IngestError, Limits, Observer, Outcome, Plan, Policy, Source, Transfer, ingest};
pub(crate) use milepost_tests::git::{GitServer as Server, Repository, git};

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
