//! The stages of a job as child runs.

use milepost_client::{ClientError, Progress, RunHandle};

use super::board::{Count, State};
use super::reporting;
use crate::ingest::{IngestError, Transfer};

/// A stage: its name in the viewers' words, its part of the child's id, its share of the whole.
struct Stage {
    name: &'static str,
    suffix: &'static str,
    weight: f64,
    message: &'static str,
}

/// In this order. Parsing takes longest in most repositories.
const STAGES: [Stage; 3] = [
    Stage { name: "Cloning", suffix: "cloning", weight: 2.0, message: "Cloning repository" },
    Stage { name: "Parsing", suffix: "parsing", weight: 5.0, message: "Parsing files" },
    Stage { name: "Indexing", suffix: "indexing", weight: 3.0, message: "Indexing files" },
];

pub(super) const STAGE_COUNT: u32 = STAGES.len() as u32;

/// Reports the engine's state as stages that begin, go on and end, in order and without leaving one out, however fast
/// the engine is.
pub(super) struct Stages<'a> {
    job: &'a RunHandle,
    /// The stages that have begun; the last is the current one.
    begun: Vec<RunHandle>,
    commit_told: bool,
}

impl<'a> Stages<'a> {
    pub(super) fn new(job: &'a RunHandle) -> Self {
        Self { job, begun: Vec::new(), commit_told: false }
    }

    /// Brings the run up to `state`.
    pub(super) async fn report(&mut self, state: State) -> Result<(), IngestError> {
        let told = self.try_report(&state).await;
        told.map_err(|error| reporting(self.job, &error))
    }

    async fn try_report(&mut self, state: &State) -> Result<(), ClientError> {
        let reached = 1 + usize::from(state.parsing.is_some()) + usize::from(state.indexing.is_some());
        loop {
            self.tell_commit(state).await?;
            if let Some(current) = self.begun.last() {
                current.progress(progress(self.begun.len() - 1, state));
            }
            if self.begun.len() >= reached {
                return Ok(());
            }
            self.end_current().await?;
            self.begin_next().await?;
        }
    }

    /// Ends the last stage well.
    pub(super) async fn finish(&mut self) -> Result<(), IngestError> {
        let ended = self.end_current().await;
        ended.map_err(|error| reporting(self.job, &error))
    }

    /// Ends the current stage with the reason of the whole. The run's own end tells it too, so this may fail.
    pub(super) async fn fail(&mut self, error: &IngestError) {
        if let Some(current) = self.begun.last()
            && *error != IngestError::Cancelled
        {
            drop(current.fail(error.code(), error.to_string()).await);
        }
    }

    async fn begin_next(&mut self) -> Result<(), ClientError> {
        let Stage { name, suffix, weight, message } = &STAGES[self.begun.len()];
        self.job.stage(*name, *message);
        let id = format!("{}.{suffix}", self.job.id());
        let child = self.job.child("stage").id(&id).name(*name).weight(*weight).start().await?;
        self.begun.push(child);
        Ok(())
    }

    async fn end_current(&self) -> Result<(), ClientError> {
        let Some(current) = self.begun.last() else { return Ok(()) };
        current.publish(milepost_core::Body::RunCompleted(Default::default())).await
    }

    async fn tell_commit(&mut self, state: &State) -> Result<(), ClientError> {
        let Some(commit) = state.commit.as_ref().filter(|_| !self.commit_told && !self.begun.is_empty()) else {
            return Ok(());
        };
        self.commit_told = true;
        let value = commit.as_deref().map_or(serde_json::Value::Null, Into::into);
        self.job.state("commit", value).await
    }
}

fn progress(stage: usize, state: &State) -> Progress {
    match stage {
        0 => transferred(state.cloning),
        1 => counted(state.parsing, "Parsing"),
        _ => counted(state.indexing, "Indexing"),
    }
}

fn counted(count: Option<Count>, doing: &str) -> Progress {
    let Count { done, total } = count.unwrap_or(Count { done: 0, total: 0 });
    Progress::of(done, total).unit("files").message(format!("{doing} file {done}/{total}"))
}

/// Receiving and resolving are half of the way each.
fn transferred(transfer: Transfer) -> Progress {
    let Transfer { received, resolved, total, bytes } = transfer;
    let mebibytes = bytes as f64 / (1024.0 * 1024.0);
    let Some(total) = total else {
        return Progress::indeterminate(received).unit("objects").message("Cloning repository");
    };
    let message = format!("Cloning repository: {received}/{total} objects, {mebibytes:.1} MiB");
    Progress::of(received.midpoint(resolved).min(total), total).unit("objects").message(message)
}
