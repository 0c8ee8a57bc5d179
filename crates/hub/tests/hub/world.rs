//! A hub over a store that survives it, and calls as lines of text, so that tests are tables.

use std::sync::Arc;
use std::time::Duration;

use milepost_core::event::{Event, RunCreated};
use milepost_core::{Body, Draft, EventId, Project, Record, Run, RunId, Snapshot, Time, Tree};
use milepost_hub::{
    CancelAnswer, Claimed, Clock, Created, From, Hub, HubError, NewRun, Options, Publish, Published, SessionOptions,
};
use milepost_store::{EventStore, MemoryStore};
use tokio::time::Instant;

use crate::store::Wire;
use crate::viewer::Viewer;

/// When every test begins, in milliseconds.
pub(crate) const BEGIN: i64 = 1_700_000_000_000;

pub(crate) fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

pub(crate) fn project() -> Project {
    Project::default_project()
}

/// `RUN TYPE [DATA]`, with `#ID ` before it where the producer gives an id.
pub(crate) fn draft(line: &str) -> Draft {
    let (event_id, line) = match line.strip_prefix('#').and_then(|line| line.split_once(' ')) {
        Some((event_id, line)) => (Some(EventId::new(event_id).unwrap()), line),
        None => (None, line),
    };
    let (run, rest) = line.split_once(' ').unwrap();
    let (event_type, data) = rest.split_once(' ').unwrap_or((rest, "{}"));
    let body = Body::parse(event_type.parse().unwrap(), Some(data)).unwrap();
    Draft { run: id(run), id: event_id, time: None, body }
}

/// Lets `ms` milliseconds pass; everything that is due until then happens.
pub(crate) async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// A hub, and what it stands on.
pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) wire: Arc<Wire>,
    begin: Instant,
    options: Options,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::over(Arc::default(), Instant::now(), options)
    }

    fn over(memory: Arc<MemoryStore>, begin: Instant, options: Options) -> Self {
        let wire = Arc::new(Wire::new(memory));
        let clock = Clock::new(move || {
            let passed = begin.elapsed().as_millis();
            Time::from_millis(BEGIN + i64::try_from(passed).unwrap())
        });
        Self { hub: Hub::new(wire.clone(), clock, options.clone()), wire, begin, options }
    }

    /// The server dies in the middle of things, and another one starts over what is durable.
    pub(crate) async fn crashed(self) -> Self {
        self.wire.cut();
        let next = Self::over(self.wire.memory(), self.begin, self.options);
        next.hub.recover().await.unwrap();
        next
    }

    /// The server stops in order, and another one starts.
    pub(crate) async fn restarted(self) -> Self {
        self.hub.shutdown().await;
        self.crashed().await
    }

    /// Creates `line` = `RUN DATA`; `started` with `+` before it.
    pub(crate) async fn create(&self, line: &str) -> Result<Created, HubError> {
        let (line, started) = line.strip_prefix('+').map_or((line, false), |line| (line, true));
        let (run, data) = line.split_once(' ').unwrap_or((line, r#"{"kind":"k"}"#));
        let created: RunCreated = match Body::parse("run.created".parse().unwrap(), Some(data)).unwrap() {
            Body::RunCreated(created) => created,
            other => panic!("{other:?}"),
        };
        self.hub.create(&project(), NewRun { run: id(run), created, started, lease: None }).await
    }

    /// Creates each of `lines`, none of which may be refused.
    pub(crate) async fn made(self, lines: &[&str]) -> Self {
        for line in lines {
            self.create(line).await.unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        self
    }

    pub(crate) async fn publish(&self, lines: &[&str]) -> Result<Published, HubError> {
        let drafts: Vec<_> = lines.iter().map(|line| draft(line)).collect();
        // A run that is to be created is found by its parent.
        let run = match &drafts[0].body {
            Body::RunCreated(created) => created.parent.clone().unwrap(),
            _ => drafts[0].run.clone(),
        };
        self.hub.publish(&project(), &run, Publish { drafts, ..Publish::default() }).await
    }

    /// Publishes `lines` one by one, none of which may be refused.
    pub(crate) async fn say(&self, lines: &[&str]) {
        for line in lines {
            self.publish(&[line]).await.unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    /// Publishes with the lease of a worker.
    pub(crate) async fn work(&self, claimed: &Claimed, line: &str) -> Result<Published, HubError> {
        let (drafts, lease) = (vec![draft(line)], Some(claimed.lease.clone()));
        self.hub.publish(&project(), &claimed.run.id, Publish { drafts, lease, if_match: None }).await
    }

    pub(crate) async fn cancel(&self, run: &str, grace_seconds: u32) -> Result<CancelAnswer, HubError> {
        self.hub.cancel(&project(), &id(run), Some("me".to_owned()), None, grace_seconds).await
    }

    pub(crate) async fn heartbeat(&self, run: &str) -> Result<Option<Time>, HubError> {
        self.hub.heartbeat(&project(), &id(run), None).await.map(|beat| beat.lease_expires_at)
    }

    pub(crate) async fn claim(&self, lease_seconds: u32, wait_s: u64) -> Option<Claimed> {
        let wait = Duration::from_secs(wait_s);
        self.hub.claim(&project(), &["k".parse().unwrap()], lease_seconds, wait).await.unwrap()
    }

    pub(crate) async fn watch(&self, run: &str, from: From) -> Viewer {
        self.watch_with(run, from, SessionOptions::default()).await
    }

    pub(crate) async fn watch_with(&self, run: &str, from: From, options: SessionOptions) -> Viewer {
        Viewer::new(self.hub.subscribe(&project(), &id(run), from, options).await.unwrap(), id(run))
    }

    pub(crate) async fn snapshot(&self, run: &str) -> Snapshot {
        self.hub.snapshot(&project(), &id(run)).await.unwrap().snapshot().clone()
    }

    pub(crate) async fn run(&self, run: &str) -> Run {
        (*self.snapshot(run).await.runs[0]).clone()
    }

    /// The durable log of a stream.
    pub(crate) async fn log(&self, stream: &str) -> Vec<Record> {
        self.wire.memory().read(&project(), &id(stream), 0, usize::MAX).await.unwrap()
    }

    /// The log from `after` on as `RUN TYPE`, one line.
    pub(crate) async fn story(&self, stream: &str, after: usize) -> String {
        let log = self.log(stream).await;
        log[after..].iter().map(|event| format!("{} {}", event.run, event.event_type)).collect::<Vec<_>>().join(", ")
    }

    /// The states that the log leads to, the empty one first.
    pub(crate) async fn states(&self, stream: &str) -> Vec<Tree> {
        let loaded = self.wire.memory().load(&project(), &id(stream)).await.unwrap().unwrap();
        let mut states = vec![Tree::empty(project(), id(stream), loaded.epoch)];
        for record in self.log(stream).await {
            let event: Event = record.event(&id(stream)).unwrap();
            let mut next = states[states.len() - 1].clone();
            next.evolve(&event);
            states.push(next);
        }
        states
    }
}

/// A snapshot without what is not part of the fold.
pub(crate) fn folded(snapshot: Option<Snapshot>) -> Snapshot {
    let mut snapshot = snapshot.unwrap();
    snapshot.time = Time::from_millis(0);
    for run in &mut snapshot.runs {
        Arc::make_mut(run).lease_expires_at = None;
    }
    snapshot
}

/// The code of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, HubError>) -> &'static str {
    answer.expect_err("it was to be refused").code().as_str()
}
