//! The stages of a job as child runs.

use std::sync::Arc;

use milepost_client::{ClientError, Progress, RunHandle};
use milepost_core::event::RunStarted;
use milepost_core::{Body, Run};

use super::board::{Count, State};
use super::reporting;
use crate::ingest::{IngestError, Transfer};

/// A stage: its name in the viewers' words, its part of the child's id, its share of the whole.
struct Stage {
    name: &'static str,
    suffix: &'static str,
    weight: f64,
}

/// In this order. Parsing takes longest in most repositories.
const STAGES: [Stage; 3] = [
    Stage { name: "Cloning", suffix: "cloning", weight: 2.0 },
    Stage { name: "Parsing", suffix: "parsing", weight: 5.0 },
    Stage { name: "Indexing", suffix: "indexing", weight: 3.0 },
];

pub(super) const STAGE_COUNT: u32 = STAGES.len() as u32;

/// Reports the engine's state as stages that begin, go on and end, in order and without leaving one out, however fast
/// the engine is.
pub(super) struct Stages<'a> {
    job: &'a RunHandle,
    /// All of them, queued until they begin: so the roll-up knows their weights from the first event on.
    stages: Vec<Child>,
    /// How many have begun; the last of these is the current one.
    begun: usize,
    commit_told: bool,
}

/// A stage's run, and what a former attempt at the job has made of it.
struct Child {
    handle: RunHandle,
    /// How often it was started before.
    attempt: u32,
    /// It is over, so there is nothing to say about it any more.
    over: bool,
}

impl<'a> Stages<'a> {
    /// Announces all stages; those that are among `before` are there already.
    pub(super) async fn new(job: &'a RunHandle, before: &[Arc<Run>]) -> Result<Self, IngestError> {
        let mut stages = Vec::new();
        for Stage { name, suffix, weight } in &STAGES {
            let id = format!("{}.{suffix}", job.id());
            let child = match before.iter().find(|run| run.id.as_str() == id) {
                Some(run) => {
                    let (attempt, over) = (run.attempt, run.state.is_terminal());
                    Child { handle: job.take_up(&run.id), attempt, over }
                }
                None => {
                    let queued = job.child("stage").id(&id).name(*name).weight(*weight).queue().await;
                    let handle = queued.map_err(|error| reporting(job, &error))?;
                    Child { handle, attempt: 0, over: false }
                }
            };
            stages.push(child);
        }
        Ok(Self { job, stages, begun: 0, commit_told: false })
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
            if let Some(current) = self.current() {
                current.progress(progress(self.begun - 1, state));
            }
            if self.begun >= reached {
                return Ok(());
            }
            self.end_current().await?;
            self.begin_next(state).await?;
        }
    }

    /// Ends the last stage well, and says what came of it all.
    pub(super) async fn finish(&mut self, summary: String) -> Result<(), IngestError> {
        let told = async {
            self.end_current().await?;
            self.job.publish(Progress::default().message(summary).into()).await
        };
        told.await.map_err(|error| reporting(self.job, &error))
    }

    /// Ends the current stage with the reason of the whole. The run's own end tells it too, so this may fail.
    pub(super) async fn fail(&mut self, error: &IngestError) {
        if let Some(current) = self.current()
            && *error != IngestError::Cancelled
        {
            drop(current.fail(error.code(), error.to_string()).await);
        }
    }

    /// The run of the current stage, if there is something to say about it.
    fn current(&self) -> Option<&RunHandle> {
        let Child { handle, over, .. } = &self.stages[self.begun.checked_sub(1)?];
        (!over).then_some(handle)
    }

    /// The counts come before the word that the stage changed, so that who hears the one has the other.
    async fn begin_next(&mut self, state: &State) -> Result<(), ClientError> {
        let Child { handle, attempt, over } = &self.stages[self.begun];
        if !over {
            let again = (*attempt > 0).then_some(attempt + 1);
            handle.publish(Body::RunStarted(RunStarted { attempt: again, lease_seconds: None })).await?;
            handle.publish(progress(self.begun, state).into()).await?;
        }
        self.job.publish(Progress::default().stage(STAGES[self.begun].name).into()).await?;
        self.begun += 1;
        Ok(())
    }

    async fn end_current(&self) -> Result<(), ClientError> {
        let Some(current) = self.current() else { return Ok(()) };
        current.publish(Body::RunCompleted(Default::default())).await
    }

    async fn tell_commit(&mut self, state: &State) -> Result<(), ClientError> {
        let Some(commit) = state.commit.as_ref().filter(|_| !self.commit_told && self.begun > 0) else {
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
