//! The outbox: what happens is passed on to receivers elsewhere, at least once, each stream in its order.
//!
//! The log is the queue. A receiver (a [`Sink`]) has a position in the log of all streams, which is kept in the store beside it;
//! up to there it took everything, or it was buried. So a restart, a crash or a receiver that is away for hours loses nothing
//! and costs no memory: what is not delivered is read again. See docs/adr/0007-the-log-is-the-outbox.md.

mod lane;
mod relay;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use milepost_core::{EventType, Time};
use milepost_hub::{Hub, LogEntry};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use relay::Relay;

/// A receiver.
#[async_trait]
pub(crate) trait Sink: Send + Sync + 'static {
    /// What it is called in the store and in the metrics. Another name is another receiver, which begins at the end of the log.
    fn name(&self) -> &str;

    /// The types of events that it takes; all where absent.
    fn types(&self) -> Option<&[EventType]>;

    /// Whether it takes this event, which is of one of the types.
    fn wants(&self, entry: &LogEntry) -> bool;

    /// Events of one stream that it takes at once.
    fn at_once(&self) -> usize;

    /// How long an event is tried for before it is buried.
    fn patience(&self) -> Duration;

    /// The longest pause between two tries.
    fn longest_pause(&self) -> Duration;

    /// Hands over events of one stream, in their order. When this returns `Ok` the receiver has all of them.
    async fn deliver(&self, entries: &[LogEntry]) -> Result<(), Undelivered>;
}

/// Why not everything was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// How many were, from the first on.
    pub(crate) done: usize,
    /// Why the next one was not, for people.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) next: Next,
}

/// What to do about an event that was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again in a while.
    Again,
    /// Try again, and leave the receiver alone until then.
    After(Duration),
    /// It never will be.
    Bury,
}

/// What is remembered of a dead letter beside its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Autopsy {
    /// The type of the event.
    pub(crate) event_type: String,
    /// Its run.
    pub(crate) run: String,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// When it was tried first, in this life of the server.
    pub(crate) first_tried_at: Time,
    /// When it was given up.
    pub(crate) buried_at: Time,
    /// Why it was not taken the last time.
    pub(crate) error: String,
}

/// The receivers of one server.
pub(crate) struct Outbox {
    sinks: Vec<Arc<dyn Sink>>,
    tasks: TaskTracker,
}

impl Outbox {
    /// An outbox for `sinks`, whose names differ.
    pub(crate) fn new(sinks: Vec<Arc<dyn Sink>>) -> Self {
        Self { sinks, tasks: TaskTracker::new() }
    }

    /// Begins to pass on. Ends when `shutdown` is cancelled.
    pub(crate) fn start(&self, hub: &Hub, metrics: &Metrics, shutdown: &CancellationToken) {
        for sink in &self.sinks {
            let counts = metrics.sink(sink.name());
            self.tasks.spawn(Relay::new(hub.clone(), sink.clone(), counts, shutdown.clone()).run());
        }
    }

    /// Waits until nothing is on its way any more. It ends by itself when the server shuts down.
    pub(crate) async fn stop(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The receiver of that name, if it is still configured.
    pub(crate) fn sink(&self, name: &str) -> Option<&Arc<dyn Sink>> {
        self.sinks.iter().find(|sink| sink.name() == name)
    }
}
