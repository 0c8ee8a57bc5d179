//! What the projection of runs has to be told.

use std::collections::HashSet;

use milepost_core::{Body, Event, Kind, Run, RunId, Time, Tree};
use milepost_store::RunRow;

use crate::caps;

/// The runs whose rows are behind the log. A change of state is written with the event that makes it; mere progress is
/// written with whatever comes a second later, or by itself when nothing comes, so that it costs no row per event.
#[derive(Debug)]
pub(super) struct Rows {
    /// Kinds of runs whose own reports are written at once all the same.
    fresh_kinds: Vec<Kind>,
    dirty: HashSet<RunId>,
    written: Option<Time>,
}

impl Rows {
    pub(super) fn new(fresh_kinds: &[Kind]) -> Self {
        Self { fresh_kinds: fresh_kinds.to_vec(), dirty: HashSet::new(), written: None }
    }

    /// The rows to write together with `events`, which led to `tree`. They count as written only after [`wrote`](Self::wrote).
    pub(super) fn with(&mut self, events: &[Event], tree: &Tree, now: Time) -> Vec<RunRow> {
        for event in events {
            for run in tree.lineage(&event.run) {
                if !self.dirty.contains(&run.id) {
                    self.dirty.insert(run.id.clone());
                }
            }
            if matches!(event.body, Body::RunCancelRequested(_)) {
                // Nothing below it may be claimed any more.
                self.dirty.extend(tree.open_descendants(&event.run));
            }
        }
        let overdue = self.written.is_none_or(|written| now.millis_since(written) >= caps::ROWS_EVERY_MS);
        if !overdue && !events.iter().any(|event| changes_listing(event) || self.is_fresh(event, tree)) {
            return Vec::new();
        }
        let creations = events.iter().filter(|event| matches!(event.body, Body::RunCreated(_)));
        let created: HashSet<&RunId> = creations.map(|event| &event.run).collect();
        let dirty = tree.runs().iter().filter(|run| self.dirty.contains(&run.id));
        dirty.map(|run| row(tree, run, created.contains(&run.id))).collect()
    }

    fn is_fresh(&self, event: &Event, tree: &Tree) -> bool {
        matches!(event.body, Body::RunProgressed(_) | Body::StateUpdated(_))
            && tree.run(&event.run).is_some_and(|run| self.fresh_kinds.contains(&run.kind))
    }

    /// The rows of [`with`](Self::with) are durable.
    pub(super) fn wrote(&mut self, now: Time) {
        self.dirty.clear();
        self.written = Some(now);
    }

    /// When the rows that are behind have to be written though nothing else is; none when there are none.
    pub(super) fn due(&self) -> Option<Time> {
        let written = self.written.filter(|_| !self.dirty.is_empty())?;
        Some(Time::from_millis(written.millis() + i64::try_from(caps::ROWS_EVERY_MS).unwrap_or(i64::MAX)))
    }

    /// The store cannot write them now: they are due again a while later.
    pub(super) fn postpone(&mut self, now: Time) {
        self.written = Some(now);
    }

    /// The rows that are still behind.
    pub(super) fn all_dirty(&self, tree: &Tree) -> Vec<RunRow> {
        tree.runs().iter().filter(|run| self.dirty.contains(&run.id)).map(|run| row(tree, run, false)).collect()
    }
}

fn changes_listing(event: &Event) -> bool {
    !matches!(
        event.body,
        Body::RunProgressed(_)
            | Body::ArtifactPending(_)
            | Body::ArtifactAppended(_)
            | Body::ArtifactReady(_)
            | Body::ArtifactFailed(_)
            | Body::MessageAppended(_)
            | Body::StateUpdated(_)
            | Body::Custom(..)
    )
}

fn row(tree: &Tree, run: &Run, created: bool) -> RunRow {
    let open = !run.state.is_terminal();
    let cancelling = tree.cancelling(&run.id).is_some();
    RunRow {
        run: run.id.clone(),
        parent: run.parent.clone(),
        kind: run.kind.clone(),
        state: run.state,
        created,
        timed: open && (run.lease_seconds.is_some() || run.cancel.is_some()),
        claimable: open && !cancelling && is_claimable(run),
        body: run.to_row(),
    }
}

/// Whether a worker may take the run: nobody has begun, or the worker that had claimed it is gone.
pub(super) fn is_claimable(run: &Run) -> bool {
    run.state == milepost_core::RunState::Queued || (run.claimed && run.stalled)
}
