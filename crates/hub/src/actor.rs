//! One task per live stream: the only place where events of that stream are decided and appended.

mod batch;
mod command;
mod ids;
mod rows;
mod timers;

use std::ops::ControlFlow;
use std::sync::Arc;

use milepost_core::{Time, Tree};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use command::{Answer, Command, Outcome, Publication, Request};
pub use command::{CancelAnswer, Claimed, Created, Heartbeat, NewRun, Published, PublishedEvent};

use crate::caps;
use crate::clock::Clock;
use crate::live::Live;
use crate::registry::Registry;
use ids::Ids;
use rows::Rows;

/// The actor of one stream.
pub(crate) struct Actor {
    pub(crate) live: Arc<Live>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Clock,
    pub(crate) inbox: mpsc::Receiver<Command>,
    pub(crate) shutdown: CancellationToken,
    /// The durable state, the same as the visible one.
    tree: Tree,
    ids: Ids,
    rows: Rows,
    /// When the nearest lease or deadline may be due. Renewals only move it away, so it may be early, never late.
    due: Option<Time>,
    checkpointed: u64,
}

/// An actor that panics takes its stream out of the memory, so that the next who asks brings it back from the log.
impl Drop for Actor {
    fn drop(&mut self) {
        if !self.live.is_closed() {
            self.registry.forget(&self.live);
            self.live.close();
        }
    }
}

/// Why an actor stops.
enum Stop {
    Dormant,
    /// Deleted, never made, or written by somebody else: there is nothing to settle.
    Gone,
    Shutdown,
}

impl Actor {
    pub(crate) fn new(
        live: Arc<Live>,
        registry: Arc<Registry>,
        inbox: mpsc::Receiver<Command>,
        shutdown: CancellationToken,
        checkpointed: u64,
    ) -> Self {
        let (tree, clock) = (live.tree(), registry.clock.clone());
        let (ids, due) = (Ids::of(&tree), timers::next_due(&tree, registry.options.fail_stalled_after_seconds));
        let rows = Rows::new(&registry.options.fresh_kinds);
        Self { live, registry, clock, inbox, shutdown, tree, ids, rows, due, checkpointed }
    }

    pub(crate) async fn run(mut self) {
        let stop = self.serve().await;
        self.inbox.close();
        if !matches!(stop, Stop::Gone) {
            self.settle().await;
        }
        self.live.close();
        while let Some(command) = self.inbox.recv().await {
            command.bounce();
        }
    }

    async fn serve(&mut self) -> Stop {
        let shutdown = self.shutdown.clone();
        loop {
            let idle = Instant::now() + caps::DORMANT_AFTER;
            let due = self.due.into_iter().chain(self.rows.due()).min();
            let wake = due.map_or(idle, |due| self.clock.instant(due).min(idle));
            let first = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Stop::Shutdown,
                command = self.inbox.recv() => command,
                () = tokio::time::sleep_until(wake) => None,
            };
            let Some(first) = first else {
                self.look_after_timers().await;
                self.look_after_rows().await;
                if self.may_sleep(idle) {
                    return Stop::Dormant;
                }
                continue;
            };
            if self.serve_batch(first).await.is_break() {
                return Stop::Gone;
            }
            if self.tree.seq() == 0 {
                // The creation was refused: there is no such stream.
                self.registry.forget(&self.live);
                return Stop::Gone;
            }
            // Who keeps the inbox full must not keep a deadline from being noticed.
            self.look_after_timers().await;
        }
    }

    /// Handles `first` together with whatever else is waiting. A deletion is handled alone: nothing can follow it.
    async fn serve_batch(&mut self, first: Command) -> ControlFlow<()> {
        let mut commands = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            if matches!(command.request, Request::Delete { .. }) {
                self.handle(std::mem::take(&mut commands)).await?;
                return self.handle(vec![command]).await;
            }
            commands.push(command);
            let room = commands.len() < caps::COMMANDS_PER_BATCH;
            next = if room { self.inbox.try_recv().ok() } else { None };
        }
        self.handle(commands).await
    }

    /// Nobody writes or watches and no timer runs: the registry lets go of the stream, unless somebody came meanwhile.
    fn may_sleep(&self, idle: Instant) -> bool {
        Instant::now() >= idle && self.due.is_none() && self.inbox.is_empty() && self.registry.forget_idle(&self.live)
    }

    /// Writes the rows that have been behind for too long.
    async fn look_after_rows(&mut self) {
        let now = self.clock.now();
        if self.rows.due().is_some_and(|due| due <= now) {
            if self.write_rows().await {
                self.rows.wrote(now);
            } else {
                self.rows.postpone(now);
            }
        }
    }

    /// False when the store cannot write.
    async fn write_rows(&self) -> bool {
        let rows = self.rows.all_dirty(&self.tree);
        if rows.is_empty() {
            return true;
        }
        let written = self.registry.store.append(self.append(Vec::new(), rows)).await;
        if let Err(error) = &written {
            tracing::warn!(stream = %self.live.key.stream, %error, "the projection stays behind");
        }
        written.is_ok()
    }

    /// Leaves the projection and the checkpoint as fresh as the log, so that coming back is cheap.
    async fn settle(&mut self) {
        self.write_rows().await;
        if self.checkpointed < self.tree.seq() {
            self.checkpoint();
        }
    }

    fn checkpoint(&mut self) {
        self.checkpointed = self.tree.seq();
        let (tree, live, registry) = (self.tree.clone(), self.live.clone(), self.registry.clone());
        let now = self.clock.now();
        self.registry.tasks.spawn(async move {
            let seq = tree.seq();
            // A large tree takes milliseconds to encode; the actor goes on meanwhile.
            let encoded = tokio::task::spawn_blocking(move || tree.to_checkpoint(now)).await;
            let Ok(Some(body)) = encoded else { return };
            let (project, stream) = (&live.key.project, &live.key.stream);
            if let Err(error) = registry.store.checkpoint(project, stream, live.epoch, seq, body).await {
                tracing::warn!(%stream, %error, "no checkpoint this time; the log has everything");
            }
        });
    }
}
