//! The tree of runs that shares one stream.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cursor::{Cursor, Epoch};
use crate::name::{ArtifactId, MessageId, Project, RunId};
use crate::run::{Artifact, AuditState, Message, Run};
use crate::time::Time;

/// The state of one stream at one sequence: the fold of its log so far.
///
/// Cloning is cheap: runs, artifacts and messages are shared until an event touches them.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) project: Project,
    pub(crate) stream: RunId,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
    pub(crate) topology: Arc<Topology>,
    /// In order of creation, so the root is first and parents come before their children.
    pub(crate) runs: Vec<Arc<Run>>,
    pub(crate) artifacts: Vec<Arc<Artifact>>,
    pub(crate) messages: Vec<Arc<Message>>,
    pub(crate) messages_omitted: u64,
}

/// What changes only when something is created, apart from the tree so that most clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Topology {
    index: HashMap<RunId, usize>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    artifacts: HashMap<(RunId, ArtifactId), usize>,
}

impl Tree {
    /// The tree before its first event.
    pub fn empty(project: Project, stream: RunId, epoch: Epoch) -> Self {
        Self {
            project,
            stream,
            epoch,
            seq: 0,
            topology: Arc::default(),
            runs: Vec::new(),
            artifacts: Vec::new(),
            messages: Vec::new(),
            messages_omitted: 0,
        }
    }

    /// The project that it belongs to.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The stream, whose id is the root's.
    pub fn stream(&self) -> &RunId {
        &self.stream
    }

    /// The incarnation of the stream.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The sequence that it stands at.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The cursor that it stands at.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.epoch, self.seq)
    }

    /// All runs, the root first and parents before their children.
    pub fn runs(&self) -> &[Arc<Run>] {
        &self.runs
    }

    /// The root; none before the first event.
    pub fn root(&self) -> Option<&Arc<Run>> {
        self.runs.first()
    }

    /// The run called `id`.
    pub fn run(&self, id: &RunId) -> Option<&Arc<Run>> {
        self.position(id).map(|at| &self.runs[at])
    }

    /// The artifact `artifact` of `run`.
    pub fn artifact(&self, run: &RunId, artifact: &ArtifactId) -> Option<&Arc<Artifact>> {
        let at = self.topology.artifacts.get(&(run.clone(), artifact.clone()))?;
        self.artifacts.get(*at)
    }

    /// The artifacts of the whole tree, in order of appearance.
    pub fn artifacts(&self) -> &[Arc<Artifact>] {
        &self.artifacts
    }

    /// The message `message` of `run`. Looked for from the newest on, because messages grow at the end.
    pub fn message(&self, run: &RunId, message: &MessageId) -> Option<&Arc<Message>> {
        self.message_position(run, message).map(|at| &self.messages[at])
    }

    /// Whether the root is over and no audit is going on: the stream ends here, until somebody starts an audit.
    pub fn is_over(&self) -> bool {
        let root_over = self.root().is_some_and(|root| root.state.is_terminal());
        root_over && !self.runs.iter().any(|run| run.audit == AuditState::InProgress)
    }

    /// The nearest of `run` and its ancestors whose cancellation was asked for and not answered yet.
    pub fn cancelling(&self, run: &RunId) -> Option<&Arc<Run>> {
        self.lineage(run).find(|run| run.is_cancelling())
    }

    /// `run`, its parent, and so on up to the root.
    pub fn lineage(&self, run: &RunId) -> impl Iterator<Item = &Arc<Run>> {
        let first = self.position(run);
        std::iter::successors(first, |at| self.topology.parents[*at]).map(|at| &self.runs[at])
    }

    /// Whether `run` is `ancestor` or below it.
    pub fn is_within(&self, run: &RunId, ancestor: &RunId) -> bool {
        self.lineage(run).any(|run| run.id == *ancestor)
    }

    /// Those below `run` that are not over, every one before its parent.
    pub fn open_descendants(&self, run: &RunId) -> Vec<RunId> {
        let Some(top) = self.position(run) else { return Vec::new() };
        let mut below = self.positions_below(top);
        below.remove(0);
        let open = |at: &usize| !self.runs[*at].state.is_terminal();
        // Parents are created before their children, so the latest first is deepest first.
        below.into_iter().rev().filter(open).map(|at| self.runs[at].id.clone()).collect()
    }

    pub(crate) fn position(&self, run: &RunId) -> Option<usize> {
        self.topology.index.get(run).copied()
    }

    pub(crate) fn parent_position(&self, at: usize) -> Option<usize> {
        self.topology.parents[at]
    }

    pub(crate) fn children(&self, at: usize) -> impl Iterator<Item = &Run> {
        self.topology.children[at].iter().map(|child| &*self.runs[*child])
    }

    pub(crate) fn depth(&self, run: &RunId) -> usize {
        self.lineage(run).count()
    }

    /// `top` and everything below it, in order of creation.
    pub(crate) fn positions_below(&self, top: usize) -> Vec<usize> {
        let mut found = vec![top];
        let mut next = 0;
        while next < found.len() {
            found.extend_from_slice(&self.topology.children[found[next]]);
            next += 1;
        }
        found.sort_unstable();
        found
    }

    pub(crate) fn message_position(&self, run: &RunId, message: &MessageId) -> Option<usize> {
        self.messages.iter().rposition(|known| known.message == *message && known.run == *run)
    }

    /// Adds a run below its parent; one whose parent is not here becomes a root of this (partial) tree.
    pub(crate) fn add_run(&mut self, run: Run) {
        let parent = run.parent.as_ref().and_then(|parent| self.position(parent));
        let at = self.runs.len();
        let topology = Arc::make_mut(&mut self.topology);
        topology.index.insert(run.id.clone(), at);
        topology.parents.push(parent);
        topology.children.push(Vec::new());
        if let Some(parent) = parent {
            topology.children[parent].push(at);
        }
        self.runs.push(Arc::new(run));
    }

    pub(crate) fn add_artifact(&mut self, artifact: Artifact) {
        let key = (artifact.run.clone(), artifact.artifact.clone());
        Arc::make_mut(&mut self.topology).artifacts.insert(key, self.artifacts.len());
        self.artifacts.push(Arc::new(artifact));
    }

    pub(crate) fn artifact_mut(&mut self, run: &RunId, artifact: &ArtifactId) -> Option<&mut Artifact> {
        let at = *self.topology.artifacts.get(&(run.clone(), artifact.clone()))?;
        Some(Arc::make_mut(&mut self.artifacts[at]))
    }
}

/// Leases are kept beside the fold: they run on the server's clock, and renewing one is no event.
impl Tree {
    /// Renews the leases of `run` and of those above it: whoever reports a part is at work on the whole.
    pub fn renew_leases(&mut self, run: &RunId, now: Time) {
        let mut next = self.position(run);
        while let Some(at) = next {
            let lease = self.runs[at].lease_seconds.filter(|_| !self.runs[at].state.is_terminal());
            if let Some(seconds) = lease {
                Arc::make_mut(&mut self.runs[at]).lease_expires_at = Some(now.plus_seconds(seconds));
            }
            next = self.topology.parents[at];
        }
    }

    /// Renews every lease, as after a restart: nobody could send a word while the server was away.
    pub fn renew_all_leases(&mut self, now: Time) {
        for run in &mut self.runs {
            let lease = run.lease_seconds.filter(|_| !run.state.is_terminal());
            if run.lease_expires_at != lease.map(|seconds| now.plus_seconds(seconds)) {
                Arc::make_mut(run).lease_expires_at = lease.map(|seconds| now.plus_seconds(seconds));
            }
        }
    }
}
