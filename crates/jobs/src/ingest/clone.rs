//! Gets hold of one commit of the repository, by the way that suits its address.
//!
//! Nothing is checked out: files are read from the object database, so links, odd names and paths that lead elsewhere
//! are only data.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::ObjectId;

use super::command;
use super::error::IngestError;
use super::fetch;
use super::limits::{Limits, MAX_OBJECT_BYTES};
use super::observer::{Observer, Transfer};
use super::plan::{Branch, Location, Plan};
use super::watch::Watch;

/// A repository whose objects are at hand.
pub(crate) struct Snapshot {
    pub(crate) repository: gix::Repository,
    /// What to ingest; `None` when there is no commit.
    pub(crate) commit: Option<ObjectId>,
    pub(crate) branch: Option<String>,
}

/// What getting a repository needs to know and to tell.
pub(crate) struct Context<'a> {
    pub(crate) watch: &'a Watch<'a>,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) limits: Limits,
}

/// Makes the plan's commit available, transferring it into the directory `into` (which must not exist) if it is elsewhere.
pub(crate) fn obtain(plan: &Plan, into: &Path, context: &Context<'_>) -> Result<Snapshot, IngestError> {
    let branch = plan.branch.as_ref();
    context.observer.cloning(Transfer::default());
    context.watch.check()?;
    let snapshot = match plan.source.location() {
        Location::Local(path) => open_local(path, branch),
        Location::Program(address) => command::clone(&command::Remote::other(address), branch, into, context),
        Location::Http(url) => match fetch::fetch(url, plan.source.policy(), branch, into, context) {
            Err(fetch::Failure::Dumb) => {
                // What gix has begun there, git would not touch.
                std::fs::remove_dir_all(into)?;
                let remote = command::Remote::http(url, plan.source.policy(), context.watch)?;
                command::clone(&remote, branch, into, context)
            }
            Err(fetch::Failure::Error(error)) => Err(error),
            Ok(snapshot) => Ok(snapshot),
        },
    };
    context.watch.check()?;
    snapshot
}

/// Reads a repository of this machine in place, which is as good as a copy and has nothing to wait for.
fn open_local(path: &Path, branch: Option<&Branch>) -> Result<Snapshot, IngestError> {
    open(path, branch).map_err(|error| match error {
        Opening::NotARepository => {
            IngestError::RepositoryNotFound(format!("there is no git repository at {}", path.display()))
        }
        Opening::Error(error) => error,
    })
}

/// Why a directory's repository does not give a snapshot.
pub(crate) enum Opening {
    NotARepository,
    Error(IngestError),
}

/// Opens the repository at `path` and finds the commit of `branch` (or `HEAD`) in it.
pub(crate) fn open(path: &Path, branch: Option<&Branch>) -> Result<Snapshot, Opening> {
    let broken = |error: gix::Error| Opening::Error(IngestError::unexpected("the repository is broken", &error));
    let repository = gix::open_opts(path, options()).map_err(|_| Opening::NotARepository)?;
    let (commit, branch) = match branch {
        None => {
            let mut head = repository.head().map_err(broken)?;
            let branch = head.referent_name().map(|name| name.shorten().to_string());
            (head.try_peel_to_id().map_err(broken)?.map(gix::Id::detach), branch)
        }
        Some(branch) => {
            let mut found = None;
            for kind in ["heads", "tags"] {
                let name = format!("refs/{kind}/{}", branch.as_str());
                if let Some(mut reference) = repository.try_find_reference(&name).map_err(broken)? {
                    found = Some(reference.peel_to_id().map_err(broken)?.detach());
                    break;
                }
            }
            let commit = found.ok_or_else(|| Opening::Error(no_branch(branch)))?;
            (Some(commit), Some(branch.as_str().to_owned()))
        }
    };
    Ok(Snapshot { repository, commit, branch })
}

/// How repositories are opened: nothing of this machine's or user's git configuration counts, and no object may unpack
/// to more than [`MAX_OBJECT_BYTES`].
pub(crate) fn options() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides([format!("gitoxide.objects.allocLimit={MAX_OBJECT_BYTES}")])
}

/// The error for a branch that the repository does not have.
pub(crate) fn no_branch(branch: &Branch) -> IngestError {
    IngestError::RepositoryNotFound(format!("the repository has no branch or tag {:?}", branch.as_str()))
}

/// Fails when more than the allowed bytes have come.
pub(crate) fn check_bytes(bytes: u64, limits: Limits) -> Result<(), IngestError> {
    if bytes > limits.max_bytes {
        return Err(IngestError::TooLarge(format!(
            "the repository is larger than the limit of {} bytes",
            limits.max_bytes
        )));
    }
    Ok(())
}

/// Keeps the numbers an observer sees from going down.
#[derive(Default)]
pub(crate) struct Reporter {
    last: std::sync::Mutex<Transfer>,
    any: AtomicBool,
}

impl Reporter {
    pub(crate) fn report(&self, now: Transfer, observer: &dyn Observer) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let total = last.total.max(now.total);
        let merged = Transfer {
            received: last.received.max(now.received),
            resolved: last.resolved.max(now.resolved),
            total,
            bytes: last.bytes.max(now.bytes),
        };
        if merged != *last || !self.any.swap(true, Ordering::Relaxed) {
            *last = merged;
            observer.cloning(merged);
        }
    }
}
