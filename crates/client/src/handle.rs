//! A run as its worker holds it.

use std::sync::Arc;

use milepost_core::event::{
    Amount, ErrorInfo, MessageAppended, RunCancelled, RunCompleted, RunFailed, RunProgressed, RunResumed, RunStarted,
    RunWaiting, StateUpdated,
};
use milepost_core::{Body, Json, RunId};
use milepost_wire::native::answers::{ArtifactStored, CancelCommand};
use tokio_util::sync::CancellationToken;

use crate::builder::RunBuilder;
use crate::error::ClientError;
use crate::producer::Outbox;
use crate::retry::Backoff;
use crate::transport::{ArtifactSource, NewArtifact};

/// A run as its worker holds it. Cheap to clone; all handles of one tree share one queue, so their order is the log's order.
///
/// Events are queued, published in batches in the background, and published again until the server has them. When the last
/// handle goes, what is queued is still sent as long as the runtime lives and the server comes back soon; [`flush`](Self::flush)
/// waits for it.
#[derive(Clone)]
pub struct RunHandle {
    outbox: Arc<Outbox>,
    run: RunId,
    stop: CancellationToken,
}

/// How far a run is: any part of it. What is not said stays as it was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress(RunProgressed);

impl Progress {
    /// So many of so many.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts beyond 2^53")]
    pub fn of(current: u64, total: u64) -> Self {
        let amount = |count: u64| Some(Some(Amount(count as f64)));
        Self(RunProgressed { current: amount(current), total: amount(total), ..RunProgressed::default() })
    }

    /// So many of nobody knows how many.
    pub fn indeterminate(current: u64) -> Self {
        let Self(known) = Self::of(current, 0);
        Self(RunProgressed { total: Some(None), ..known })
    }

    /// What it is doing in general. At most 256 characters.
    #[must_use]
    pub fn stage(self, stage: impl Into<String>) -> Self {
        Self(RunProgressed { stage: Some(Some(stage.into())), ..self.0 })
    }

    /// What it is doing right now. At most 4096 characters.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Self {
        Self(RunProgressed { message: Some(Some(message.into())), ..self.0 })
    }

    /// What is counted.
    #[must_use]
    pub fn unit(self, unit: impl Into<String>) -> Self {
        Self(RunProgressed { unit: Some(Some(unit.into())), ..self.0 })
    }
}

impl From<Progress> for Body {
    /// For progress that has to keep its place among other events, and so must not be superseded on the way.
    fn from(progress: Progress) -> Self {
        Self::RunProgressed(progress.0)
    }
}

impl RunHandle {
    pub(crate) fn new(outbox: Arc<Outbox>, run: RunId, parent: Option<&RunId>, lease_seconds: Option<u32>) -> Self {
        let stop = outbox.register(&run, parent, lease_seconds);
        Self { outbox, run, stop }
    }

    /// The run.
    pub fn id(&self) -> &RunId {
        &self.run
    }

    /// Its stream: the id of its root.
    pub fn stream(&self) -> &RunId {
        self.outbox.stream()
    }

    /// Tripped when the run is to stop, because somebody asked for its cancellation or because the lease is lost. A worker then
    /// stops and calls [`cancelled`](Self::cancelled). Nothing else is taken from it any more.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.stop
    }

    /// The cancel request on this run or above it; none while there is none, and when only the lease is lost.
    pub fn cancel_request(&self) -> Option<CancelCommand> {
        self.outbox.cancel_request(&self.run)
    }

    /// Reports progress. Never blocks: it goes out at most every 100 ms, and the latest wins.
    pub fn progress(&self, progress: Progress) {
        self.outbox.progress(&self.run, progress.0, false);
    }

    /// Enters a stage: progress that goes out at once.
    pub fn stage(&self, stage: impl Into<String>, message: impl Into<String>) {
        let Progress(progress) = Progress::default().stage(stage).message(message);
        self.outbox.progress(&self.run, progress, true);
    }

    /// Starts a run that was created without being started.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn started(&self) -> Result<(), ClientError> {
        self.publish(Body::RunStarted(RunStarted::default())).await
    }

    /// Says that it waits for something outside.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn waiting(&self, reason: impl Into<String>) -> Result<(), ClientError> {
        self.publish(Body::RunWaiting(RunWaiting { reason: Some(reason.into()) })).await
    }

    /// Says that it goes on.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn resumed(&self) -> Result<(), ClientError> {
        self.publish(Body::RunResumed(RunResumed::default())).await
    }

    /// Appends to a message of the run.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn message(&self, part: MessageAppended) -> Result<(), ClientError> {
        self.publish(Body::MessageAppended(part)).await
    }

    /// Sets a value of the run.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn state(&self, key: impl Into<String>, value: serde_json::Value) -> Result<(), ClientError> {
        let value = Some((!value.is_null()).then_some(value));
        self.publish(Body::StateUpdated(StateUpdated { key: Some(key.into()), value, patch: None })).await
    }

    /// Queues any event. Returns as soon as there is room for it, which is at once unless thousands wait for the server.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the run is to stop (`run_cancelling`) or the lease is lost. Whether the server takes the
    /// event is told by [`flush`](Self::flush).
    pub async fn publish(&self, body: Body) -> Result<(), ClientError> {
        self.outbox.push(&self.run, &[body]).await
    }

    /// Publishes events atomically and waits until they are durable: a terminal event with `run.audit_started` for instance.
    /// Returns the sequence of the last one.
    ///
    /// # Errors
    /// [`ClientError::Refused`]: nothing of it was taken.
    pub async fn commit(&self, bodies: &[Body]) -> Result<u64, ClientError> {
        self.outbox.commit(&self.run, bodies).await
    }

    /// Begins to describe a child. It is queued like everything else, after what was said before.
    pub fn child(&self, kind: &str) -> RunBuilder {
        RunBuilder::below(self.clone(), kind)
    }

    /// Takes up a descendant that exists, to report on it through the same queue and under the same lease.
    #[must_use]
    pub fn take_up(&self, run: &RunId) -> Self {
        Self::new(Arc::clone(&self.outbox), run.clone(), Some(&self.run), None)
    }

    /// Sends an artifact's bytes, after everything that was said before. Returns when they are durable. Tries again, from the
    /// beginning, while the server cannot be reached, until the run is to stop.
    ///
    /// # Errors
    /// [`ClientError::Refused`], and [`ClientError::Local`] when the source cannot be read.
    pub async fn artifact(
        &self,
        artifact: &NewArtifact,
        source: &ArtifactSource,
    ) -> Result<ArtifactStored, ClientError> {
        self.outbox.flush(&self.run).await?;
        let mut backoff = Backoff::new();
        loop {
            let bytes = source.open().await?;
            let put = self.outbox.transport().put_artifact(&self.run, artifact, bytes, self.outbox.lease());
            let stopped = || ClientError::Local("the run is to stop".to_owned());
            let error = match self.stop.run_until_cancelled(put).await.ok_or_else(stopped)? {
                Err(error) if error.is_transient() => error,
                answer => return answer,
            };
            let pause = backoff.next();
            tracing::debug!(%error, ?pause, run = %self.run, artifact = %artifact.artifact, "sending again");
            self.stop.run_until_cancelled(tokio::time::sleep(pause)).await.ok_or_else(stopped)?;
        }
    }

    /// Ends the run well, and waits until that is durable.
    ///
    /// # Errors
    /// [`ClientError::Refused`], with `run_cancelling` when somebody asked for its cancellation meanwhile.
    pub async fn complete(&self, result: Option<Json>) -> Result<u64, ClientError> {
        self.commit(&[Body::RunCompleted(RunCompleted { result })]).await
    }

    /// Ends the run badly, and waits until that is durable.
    ///
    /// # Errors
    /// [`ClientError::Refused`], with `run_cancelling` when somebody asked for its cancellation meanwhile.
    pub async fn fail(&self, code: impl Into<String>, message: impl Into<String>) -> Result<u64, ClientError> {
        let error = Some(ErrorInfo { code: code.into(), message: message.into(), details: None });
        self.commit(&[Body::RunFailed(RunFailed { error })]).await
    }

    /// Says that the run has stopped, and waits until that is durable. What is below it ends with it.
    ///
    /// # Errors
    /// [`ClientError::Refused`], with `run_terminal` when the deadline passed first.
    pub async fn cancelled(&self) -> Result<u64, ClientError> {
        self.commit(&[Body::RunCancelled(RunCancelled::default())]).await
    }

    /// Waits until everything queued so far, of the whole tree, is durable or refused.
    ///
    /// # Errors
    /// The first refusal of an event of this run since the last flush.
    pub async fn flush(&self) -> Result<(), ClientError> {
        self.outbox.flush(&self.run).await
    }

    /// Gives a claimed run back, so that another worker may have it at once, as its next attempt. What was queued is sent
    /// before; nothing is taken from any handle of the run afterwards.
    ///
    /// # Errors
    /// [`ClientError::Refused`], with `lease_lost` when somebody else has it already and `run_terminal` when it is over, and
    /// [`ClientError::Unreachable`]: then the lease runs out by itself.
    pub async fn hand_back(&self) -> Result<(), ClientError> {
        self.outbox.hand_back().await
    }

    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}
