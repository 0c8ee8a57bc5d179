//! Snapshots: a tree, or a part of it, as it is shown; and the form in which a tree is stored and sent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cursor::{Cursor, Epoch};
use crate::name::{Project, RunId};
use crate::run::{Artifact, Message, Progress, Run, RunState};
use crate::time::Time;
use crate::tree::Tree;

/// A tree, or the part of it below one run, at one sequence. It has everything that is needed to go on folding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The stream, whose id is that of the root of the whole tree.
    pub stream: RunId,
    /// Its project.
    pub project: Project,
    /// The sequence that it stands at.
    pub seq: u64,
    /// The same as a cursor.
    pub cursor: Cursor,
    /// The state of the topmost run.
    pub state: RunState,
    /// The progress of the topmost run.
    pub progress: Progress,
    /// The topmost run first, parents before children.
    pub runs: Vec<Arc<Run>>,
    /// In order of appearance.
    pub artifacts: Vec<Arc<Artifact>>,
    /// In order of appearance; at most [`MESSAGES_KEPT`](crate::caps::MESSAGES_KEPT), the newest.
    pub messages: Vec<Arc<Message>>,
    /// Older messages of the tree that were left out; they are in the log.
    #[serde(default)]
    pub messages_omitted: u64,
    /// When it was made.
    pub time: Time,
}

impl Tree {
    /// The whole tree as it is shown. None before its first event.
    pub fn snapshot(&self, now: Time) -> Option<Snapshot> {
        let root = self.root()?;
        let parts = (self.runs.clone(), self.artifacts.clone(), self.messages.clone());
        Some(self.assemble(root, parts, now))
    }

    /// The part of the tree from `run` on downwards. None when there is no such run.
    pub fn snapshot_of(&self, run: &RunId, now: Time) -> Option<Snapshot> {
        let top = self.position(run)?;
        if top == 0 {
            return self.snapshot(now);
        }
        let within = |run: &RunId| self.is_within(run, &self.runs[top].id);
        let runs = self.positions_below(top).into_iter().map(|at| self.runs[at].clone()).collect();
        let artifacts = self.artifacts.iter().filter(|artifact| within(&artifact.run)).cloned().collect();
        let messages = self.messages.iter().filter(|message| within(&message.run)).cloned().collect();
        Some(self.assemble(&self.runs[top], (runs, artifacts, messages), now))
    }

    fn assemble(&self, top: &Run, (runs, artifacts, messages): Parts, time: Time) -> Snapshot {
        Snapshot {
            stream: self.stream.clone(),
            project: self.project.clone(),
            seq: self.seq,
            cursor: self.cursor(),
            state: top.state,
            progress: top.progress.clone(),
            runs,
            artifacts,
            messages,
            messages_omitted: self.messages_omitted,
            time,
        }
    }
}

type Parts = (Vec<Arc<Run>>, Vec<Arc<Artifact>>, Vec<Arc<Message>>);

impl From<Snapshot> for Tree {
    /// Goes on where the snapshot stands. The epoch is that of its cursor.
    fn from(snapshot: Snapshot) -> Self {
        let epoch = snapshot.cursor.epoch.unwrap_or(Epoch(0));
        let mut tree = Self::empty(snapshot.project, snapshot.stream, epoch);
        for run in snapshot.runs {
            tree.add_run(Arc::unwrap_or_clone(run));
        }
        for artifact in snapshot.artifacts {
            tree.add_artifact(Arc::unwrap_or_clone(artifact));
        }
        tree.seq = snapshot.seq;
        tree.messages = snapshot.messages;
        tree.messages_omitted = snapshot.messages_omitted;
        tree
    }
}

/// The stored forms: JSON, so that a later version reads what an earlier one wrote.
impl Tree {
    /// The tree as a checkpoint. None before its first event.
    pub fn to_checkpoint(&self, now: Time) -> Option<String> {
        serde_json::to_string(&self.snapshot(now)?).ok()
    }

    /// The tree of a checkpoint that stands at `seq`. None when it does not fit: then the log is folded instead.
    pub fn from_checkpoint(epoch: Epoch, seq: u64, text: &str) -> Option<Self> {
        let mut snapshot: Snapshot = serde_json::from_str(text).ok()?;
        snapshot.cursor = Cursor::new(epoch, seq);
        (snapshot.seq == seq).then(|| Self::from(snapshot))
    }
}

impl Run {
    /// The run as a row of the projection.
    pub fn to_row(&self) -> String {
        // Maps with keys other than strings are all that serde_json refuses to write, and a run has none.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The run of a row.
    ///
    /// # Errors
    /// When it was written by a version that this one does not understand.
    pub fn from_row(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
