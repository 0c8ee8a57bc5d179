//! Fetches one commit from a git server over HTTP, with gix.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gix::ObjectId;
use gix::progress::{Count, Id, MessageLevel, NestedProgress, Progress, Step, StepShared, Unit};
use gix::protocol::handshake::Ref;
use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::blocking_io::http::connect_http;
use gix::remote::Direction;
use gix::remote::fetch::{RefMap, Shallow, Tags};
use url::Url;

use super::clone::{self, Context, Reporter, Snapshot, check_bytes, no_branch};
use super::error::IngestError;
use super::http::{Fault, HttpClient, Shared};
use super::limits::MAX_OBJECT_BYTES;
use super::observer::Transfer;
use super::plan::{Branch, Policy};

/// Why there is no snapshot.
pub(crate) enum Failure {
    /// The server only serves files; another program can cope with that.
    Dumb,
    Error(IngestError),
}

impl<E: Into<IngestError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Fetches `branch` (or `HEAD`) of `url` into a new bare repository at `into`, one commit deep.
pub(crate) fn fetch(
    url: &Url,
    policy: Policy,
    branch: Option<&Branch>,
    into: &Path,
    context: &Context<'_>,
) -> Result<Snapshot, Failure> {
    let shared = Shared::new(Arc::clone(context.watch.interrupt()));
    let counters = Counters::default();
    let reporter = Reporter::default();
    let transfer = || Transfer {
        received: counters.received.load(Ordering::Relaxed) as u64,
        resolved: counters.resolved.load(Ordering::Relaxed) as u64,
        total: counters.total(),
        bytes: shared.bytes.load(Ordering::Relaxed),
    };
    let tick = || {
        context.watch.check()?;
        reporter.report(transfer(), context.observer);
        check_bytes(shared.bytes.load(Ordering::Relaxed), context.limits)
    };
    let http = HttpClient::new(policy, shared.clone())?;
    let (result, stopped) =
        context.watch.supervise(tick, || receive(http, url, branch, into, counters.meter(), context));
    if let Some(error) = stopped {
        return Err(error.into());
    }
    let snapshot = match (result, shared.fault.get()) {
        (Ok(snapshot), _) => snapshot,
        (Err(_), Some(Fault::Dumb)) => return Err(Failure::Dumb),
        (Err(_), Some(Fault::Error(error))) => return Err(error.clone().into()),
        (Err(error), None) => return Err(error.into()),
    };
    // The transfer may have ended between two ticks.
    check_bytes(shared.bytes.load(Ordering::Relaxed), context.limits)?;
    reporter.report(transfer(), context.observer);
    Ok(snapshot)
}

fn receive(
    http: HttpClient,
    url: &Url,
    branch: Option<&Branch>,
    into: &Path,
    meter: Meter,
    context: &Context<'_>,
) -> Result<Snapshot, IngestError> {
    let failed = |error: gix::Error| classify(&error);
    let repository = gix::ThreadSafeRepository::init_opts(
        into,
        gix::create::Kind::Bare,
        gix::create::Options::default(),
        clone::options(),
    )
    .map_err(failed)?
    .to_thread_local();
    let specs = match branch {
        None => vec!["HEAD".to_owned()],
        Some(branch) => ["heads", "tags"].map(|kind| format!("refs/{kind}/{}", branch.as_str())).to_vec(),
    };
    let remote = repository
        .remote_at(url.as_str())
        .and_then(|remote| {
            remote.with_fetch_tags(Tags::None).with_refspecs(specs.iter().map(|spec| spec.as_str()), Direction::Fetch)
        })
        .map_err(failed)?;
    let address = gix::url::parse(url.as_str()).map_err(|error| classify(&error))?;
    let pending = remote
        .to_connection_with_transport(connect_http(http, address, Protocol::V2, false))
        .with_credentials(|_| Ok(None)) // never ask anybody
        .with_transport_options(Box::new(()))
        .prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default())
        .map_err(failed)?;
    let Some(wanted) = choose(pending.ref_map(), branch)? else {
        let branch = unborn_branch(pending.ref_map());
        return Ok(Snapshot { repository, commit: None, branch });
    };
    pending
        .with_shallow(Shallow::DepthAtRemote(NonZeroU32::MIN))
        .receive(meter, context.watch.interrupt())
        .map_err(failed)?;
    Ok(Snapshot { repository, commit: Some(wanted.id), branch: wanted.branch })
}

struct Wanted {
    id: ObjectId,
    branch: Option<String>,
}

/// What the server has of what was asked for; `None` for a repository without commits.
fn choose(map: &RefMap, branch: Option<&Branch>) -> Result<Option<Wanted>, IngestError> {
    // A branch comes before a tag of its name, as in `specs`.
    let mut mappings: Vec<_> =
        map.mappings.iter().filter_map(|mapping| Some((mapping, mapping.remote.peeled_id()?))).collect();
    mappings.sort_by_key(|(mapping, _)| mapping.remote.as_name().is_some_and(|name| name.starts_with(b"refs/tags/")));
    match (mappings.first(), branch) {
        (None, Some(branch)) => Err(no_branch(branch)),
        (None, None) => Ok(None),
        (Some((mapping, id)), branch) => Ok(Some(Wanted {
            id: (*id).to_owned(),
            branch: match branch {
                Some(branch) => Some(branch.as_str().to_owned()),
                None => mapping.remote.as_target().map(short),
            },
        })),
    }
}

fn unborn_branch(map: &RefMap) -> Option<String> {
    map.remote_refs.iter().find_map(|reference| match reference {
        Ref::Unborn { target, .. } => Some(short(target.as_ref())),
        _ => None,
    })
}

fn short(name: &gix::bstr::BStr) -> String {
    let name = name.to_string();
    name.strip_prefix("refs/heads/").map_or(name.clone(), str::to_owned)
}

fn classify(error: &gix::Error) -> IngestError {
    let words = error.iter_errors().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    if error.is_resource_exhausted() && !words.contains("space") {
        return IngestError::TooLarge(format!(
            "the repository has an object larger than the limit of {MAX_OBJECT_BYTES} bytes"
        ));
    }
    for cause in error.iter_errors() {
        if let unexpected @ IngestError::DiskFull = IngestError::unexpected("", cause) {
            return unexpected;
        }
    }
    IngestError::internal(format!("git transfer failed: {words}"))
}

/// What gix counts, for whoever looks.
#[derive(Clone, Default)]
struct Counters {
    received: StepShared,
    resolved: StepShared,
    total: Arc<AtomicUsize>,
}

impl Counters {
    fn total(&self) -> Option<u64> {
        match self.total.load(Ordering::Relaxed) {
            0 => None,
            total => Some(total as u64),
        }
    }

    fn meter(&self) -> Meter {
        Meter { counters: self.clone(), id: gix::progress::UNKNOWN, step: StepShared::default() }
    }
}

/// gix's progress reports, of which only the object counts are kept. They have stable ids for that purpose.
struct Meter {
    counters: Counters,
    id: Id,
    step: StepShared,
}

/// `gix_pack::index::write::ProgressId::IndexObjects`: objects taken out of the stream.
const RECEIVED: Id = *b"IWIO";
/// `gix_pack::index::write::ProgressId::ResolveObjects`: objects decoded and hashed.
const RESOLVED: Id = *b"IWRO";

impl NestedProgress for Meter {
    type SubProgress = Self;

    fn add_child(&mut self, name: impl Into<String>) -> Self {
        self.add_child_with_id(name, gix::progress::UNKNOWN)
    }

    fn add_child_with_id(&mut self, _name: impl Into<String>, id: Id) -> Self {
        let step = match id {
            RECEIVED => Arc::clone(&self.counters.received),
            RESOLVED => Arc::clone(&self.counters.resolved),
            _ => StepShared::default(),
        };
        Self { counters: self.counters.clone(), id, step }
    }
}

impl Count for Meter {
    fn set(&self, step: Step) {
        self.step.store(step, Ordering::Relaxed);
    }

    fn step(&self) -> Step {
        self.step.load(Ordering::Relaxed)
    }

    fn inc_by(&self, step: Step) {
        self.step.fetch_add(step, Ordering::Relaxed);
    }

    fn counter(&self) -> StepShared {
        Arc::clone(&self.step)
    }
}

impl Progress for Meter {
    fn init(&mut self, max: Option<Step>, _unit: Option<Unit>) {
        if let (RECEIVED, Some(max)) = (self.id, max) {
            self.counters.total.fetch_max(max, Ordering::Relaxed);
        }
    }

    fn set_name(&mut self, _name: String) {}

    fn name(&self) -> Option<String> {
        None
    }

    fn id(&self) -> Id {
        self.id
    }

    fn message(&self, _level: MessageLevel, _message: String) {}
}
