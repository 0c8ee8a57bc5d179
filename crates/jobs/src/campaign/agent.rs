//! The parts of a job: agents and steps as child runs.

use std::sync::Arc;

use milepost_client::RunHandle;
use milepost_core::event::{RunCompleted, RunStarted};
use milepost_core::{Body, Json, Run};

use super::error::JobError;
use super::ids;
use super::job::Job;

/// What a part is.
pub(super) struct Part {
    /// The end of its id.
    pub(super) suffix: String,
    /// `agent` or `step`.
    pub(super) kind: &'static str,
    /// What to call it.
    pub(super) name: String,
    /// Its share in the part above it.
    pub(super) weight: f64,
    /// How many parts it has itself.
    pub(super) parts: u32,
}

/// A part that was begun.
pub(super) enum Begun {
    /// It is at work.
    Running(RunHandle),
    /// An earlier attempt of the job brought it to its end.
    Over(Arc<Run>),
}

impl Job<'_> {
    /// Begins a part of `above`, or goes on with it where an earlier attempt of the job left it.
    pub(super) async fn begin(&self, above: &RunHandle, part: Part) -> Result<Begun, JobError> {
        let Part { suffix, kind, name, weight, parts } = part;
        let id = ids::below(self.handle.id(), &suffix);
        let begun = match self.known(&id) {
            Some(known) if known.state.is_terminal() => return Ok(Begun::Over(known.clone())),
            Some(known) => {
                let again = RunStarted { attempt: Some(known.attempt.saturating_add(1)), lease_seconds: None };
                let handle = above.take_up(&id);
                handle.publish(Body::RunStarted(again)).await.map(|()| handle)
            }
            // Started at once: a queued run is for everybody to claim.
            None => above.child(kind).id(id.as_str()).name(name).weight(weight).expected_children(parts).start().await,
        };
        begun.map(Begun::Running).map_err(|error| self.reporting(&error))
    }

    /// Ends a part well. Nobody waits for it: the order is kept, and the end of the job is waited for.
    pub(super) async fn complete(&self, part: &RunHandle, result: Option<Json>) -> Result<(), JobError> {
        let body = Body::RunCompleted(RunCompleted { result });
        part.publish(body).await.map_err(|error| self.reporting(&error))
    }

    /// Ends a part badly, which is not yet the end of the job.
    pub(super) async fn fail(&self, part: &RunHandle, error: &JobError) -> Result<(), JobError> {
        let failed = super::job::failed(error);
        part.publish(Body::RunFailed(failed)).await.map_err(|error| self.reporting(&error))
    }
}
