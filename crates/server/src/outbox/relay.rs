//! What passes the log on to one receiver.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use milepost_core::{Project, RunId};
use milepost_hub::{DeadLetter, Hub, LogEntry};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::lane::Lane;
use super::{Autopsy, Next, Sink, Undelivered};
use crate::metrics::SinkCounts;

/// Events that are read ahead. Beyond that one that is not taken holds up the others until it is buried.
const WINDOW: usize = 1_000;

/// Streams that are served at the same time.
const DELIVERIES: usize = 8;

/// The pause between two looks into the log, so that a busy one costs some looks a second.
const READ_PAUSE: Duration = Duration::from_millis(20);

/// How often the log is looked into although nobody said that there is something.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// How often the position is kept at most. What it is behind is delivered again after a crash.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// The pause when the store does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// A stream of a project.
type Key = (Project, RunId);

/// What came of a delivery to one stream's lane.
type Delivered = (Key, usize, Result<(), Undelivered>);

pub(super) struct Relay {
    hub: Hub,
    sink: Arc<dyn Sink>,
    counts: SinkCounts,
    shutdown: CancellationToken,
    commits: watch::Receiver<()>,
    lanes: HashMap<Key, Lane>,
    /// The positions of what was read and is not settled.
    unsettled: BTreeSet<u64>,
    deliveries: JoinSet<Delivered>,
    /// Everything up to here was read.
    read: u64,
    /// There may be more, to be read from this moment on.
    read_at: Option<Instant>,
    /// The position that the store has.
    kept: u64,
    keep_at: Instant,
    /// The receiver wants to be left alone until then.
    paused: Option<Instant>,
}

impl Relay {
    pub(super) fn new(hub: Hub, sink: Arc<dyn Sink>, counts: SinkCounts, shutdown: CancellationToken) -> Self {
        let (commits, now) = (hub.commits(), Instant::now());
        Self {
            hub,
            sink,
            counts,
            shutdown,
            commits,
            lanes: HashMap::new(),
            unsettled: BTreeSet::new(),
            deliveries: JoinSet::new(),
            read: 0,
            read_at: Some(now),
            kept: 0,
            keep_at: now,
            paused: None,
        }
    }

    pub(super) async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        if shutdown.run_until_cancelled(self.begin()).await.is_none() {
            return;
        }
        while !shutdown.is_cancelled() {
            self.read_more().await;
            self.send_due();
            self.keep().await;
            let wake = self.wake();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                Some(done) = self.deliveries.join_next() => self.settle(done).await,
                _ = self.commits.changed(), if self.read_at.is_none() => self.read_at = Some(Instant::now() + READ_PAUSE),
                () = sleep_until(wake) => drop(self.read_at.get_or_insert_with(Instant::now)),
            }
        }
        // What is on its way is given up, and delivered again after the next start.
        self.deliveries.shutdown().await;
        self.keep_at = Instant::now();
        self.keep().await;
    }

    async fn begin(&mut self) {
        loop {
            match self.hub.position(self.sink.name()).await {
                Ok(position) => {
                    (self.read, self.kept) = (position, position);
                    return;
                }
                Err(error) => {
                    tracing::warn!(sink = self.sink.name(), %error, "the position of a receiver cannot be read");
                }
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    async fn read_more(&mut self) {
        let (now, room) = (Instant::now(), WINDOW.saturating_sub(self.unsettled.len()));
        if room == 0 || self.read_at.is_none_or(|at| at > now) {
            return;
        }
        // Before looking, so that what is committed meanwhile is not missed.
        self.commits.mark_unchanged();
        match self.hub.log(self.read, self.sink.types(), room).await {
            Ok(page) => {
                for entry in page.entries.into_iter().filter(|entry| self.sink.wants(entry)) {
                    self.unsettled.insert(entry.position);
                    let key = (entry.project.clone(), entry.stream.clone());
                    self.lanes.entry(key).or_insert_with(Lane::new).waiting.push_back(entry);
                }
                self.read = page.position;
                self.read_at = (!page.at_end).then_some(now);
                self.counts.waiting(self.unsettled.len());
            }
            Err(error) => {
                tracing::warn!(sink = self.sink.name(), %error, "the log cannot be read for a receiver");
                self.read_at = Some(now + STORE_PAUSE);
            }
        }
    }

    fn send_due(&mut self) {
        let now = Instant::now();
        if self.paused.is_some_and(|until| until > now) {
            return;
        }
        for (key, lane) in self.lanes.iter_mut().filter(|(_, lane)| lane.is_due(now)) {
            if self.deliveries.len() >= DELIVERIES {
                return;
            }
            lane.busy = true;
            // One that failed is tried alone, so that it can be told from those after it.
            let count = if lane.trouble.is_some() { 1 } else { self.sink.at_once() };
            let entries: Vec<LogEntry> = lane.waiting.iter().take(count).cloned().collect();
            self.deliveries.spawn(deliver(self.sink.clone(), key.clone(), entries));
        }
    }

    async fn settle(&mut self, done: Result<Delivered, tokio::task::JoinError>) {
        // A delivery neither panics nor is aborted before the end.
        let Ok((key, count, outcome)) = done else { return };
        let Some(mut lane) = self.lanes.remove(&key) else { return };
        lane.busy = false;
        let delivered = match &outcome {
            Ok(()) => count,
            Err(undelivered) => undelivered.done,
        };
        self.counts.delivered(delivered);
        self.forget(lane.settle(delivered));
        if let Err(undelivered) = outcome {
            self.counts.failed();
            self.look_into(&mut lane, undelivered).await;
        }
        if !lane.waiting.is_empty() {
            self.lanes.insert(key, lane);
        }
    }

    /// Tries again later, or never.
    async fn look_into(&mut self, lane: &mut Lane, undelivered: Undelivered) {
        let (now, patience, time) = (Instant::now(), self.sink.patience(), self.hub.now());
        let trouble = lane.failed(now, time, self.sink.longest_pause());
        let left = patience.saturating_sub(now.duration_since(trouble.since));
        let pause = trouble.pause().min(left);
        let in_vain = left.is_zero();
        let (attempts, first_tried_at) = (trouble.attempts, trouble.first_tried_at);
        let Undelivered { reason: error, next, .. } = undelivered;
        tracing::debug!(sink = self.sink.name(), attempts, error, "a delivery failed");
        let next = if in_vain { Next::Bury } else { next };
        let pause = match next {
            Next::Again => pause,
            Next::After(asked) => {
                self.paused = Some(now + asked);
                pause.max(asked)
            }
            Next::Bury => {
                let Some(entry) = lane.waiting.front() else { return };
                let (event_type, run) = (entry.record.event_type.to_string(), entry.record.run.to_string());
                let autopsy = Autopsy { event_type, run, attempts, first_tried_at, buried_at: time, error };
                if self.bury(entry, &autopsy).await {
                    return self.forget(lane.settle(1));
                }
                STORE_PAUSE
            }
        };
        lane.until = Some(now + pause);
    }

    /// Whether it is in the store, so that the position may pass it.
    async fn bury(&self, entry: &LogEntry, autopsy: &Autopsy) -> bool {
        let LogEntry { project, stream, epoch, record, .. } = entry;
        let letter = DeadLetter {
            id: 0,
            sink: self.sink.name().to_owned(),
            project: project.clone(),
            stream: stream.clone(),
            epoch: *epoch,
            seq: record.seq,
            // Texts and numbers are always JSON.
            body: serde_json::to_string(autopsy).unwrap_or_default(),
        };
        let buried = self.hub.bury(letter).await;
        match &buried {
            Ok(()) => {
                self.counts.buried();
                tracing::warn!(sink = self.sink.name(), %project, %stream, seq = record.seq, error = autopsy.error, "a dead letter");
            }
            Err(error) => tracing::warn!(sink = self.sink.name(), %error, "a dead letter cannot be kept"),
        }
        buried.is_ok()
    }

    fn forget(&mut self, entries: Vec<LogEntry>) {
        for entry in entries {
            self.unsettled.remove(&entry.position);
        }
        self.counts.waiting(self.unsettled.len());
    }

    /// Keeps how far everything is settled.
    async fn keep(&mut self) {
        let settled = self.unsettled.first().map_or(self.read, |first| first - 1);
        if settled <= self.kept || Instant::now() < self.keep_at {
            return;
        }
        self.keep_at = Instant::now() + KEEP_EVERY;
        match self.hub.keep_position(self.sink.name(), settled).await {
            Ok(()) => self.kept = settled,
            Err(error) => tracing::warn!(sink = self.sink.name(), %error, "the position of a receiver cannot be kept"),
        }
    }

    /// When there is something to do at the latest.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let full = self.unsettled.len() >= WINDOW;
        let behind = self.unsettled.first().map_or(self.read, |first| first - 1) > self.kept;
        let paused = self.paused.filter(|until| *until > now);
        // While all deliveries are under way, the end of one of them wakes.
        let free = self.deliveries.len() < DELIVERIES;
        let due =
            self.lanes.values().filter(|lane| !lane.busy && free).map(|lane| lane.until.max(paused).unwrap_or(now));
        let read = self.read_at.filter(|_| !full);
        let keep = behind.then_some(self.keep_at);
        due.chain(read).chain(keep).min().unwrap_or(now + LOOK_ANYWAY).min(now + LOOK_ANYWAY)
    }
}

/// A receiver that breaks is one that did not take it.
async fn deliver(sink: Arc<dyn Sink>, key: Key, entries: Vec<LogEntry>) -> Delivered {
    let outcome = AssertUnwindSafe(sink.deliver(&entries)).catch_unwind().await;
    let broken = |_| Err(Undelivered { done: 0, reason: "a bug in the server".to_owned(), next: Next::Again });
    (key, entries.len(), outcome.unwrap_or_else(broken))
}
