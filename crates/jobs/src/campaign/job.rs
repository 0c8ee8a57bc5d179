//! One job of a campaign, from its start to its end.

use std::sync::Arc;

use futures_util::StreamExt;
use milepost_client::{ArtifactSource, Client, ClientError, NewArtifact, Progress, RunHandle};
use milepost_core::event::{ArtifactFailed, ErrorInfo, MessageAppended, RunFailed};
use milepost_core::run::{Artifact, ArtifactState};
use milepost_core::{Body, Code, Json, Run, RunId, Snapshot};

use super::brief::Brief;
use super::error::JobError;
use super::ids::{self, JobType};
use super::writer::Settings;
use super::{image, text, video};

/// Does the job that `handle` holds: a run of a kind that [`JobType`] knows, below the root of a campaign, which has been started or
/// claimed. Returns when its end is durable, or cannot be made so. When it is to stop, or the future is dropped, calls and drawing stop
/// within a second; begun again it makes only what is not there yet.
pub async fn run_job(client: &Client, handle: &RunHandle, settings: &Settings) {
    let stop = handle.cancellation().clone();
    let outcome = stop.run_until_cancelled(work(client, handle, settings)).await.unwrap_or(Err(JobError::Cancelled));
    let ended = match outcome {
        Ok(result) => handle.complete(Some(result)).await.map(drop),
        Err(JobError::Cancelled) => handle.cancelled().await.map(drop),
        Err(error) => give_up(client, handle, &error).await,
    };
    // Whatever it was about to say, a run that is being cancelled ends with the acknowledgement.
    let ended = match ended {
        Err(error) if error.code() == Some(Code::RunCancelling) => handle.cancelled().await.map(drop),
        other => other,
    };
    match ended {
        Ok(()) => {}
        // Its campaign ended first, or another worker has it now.
        Err(error) if matches!(error.code(), Some(Code::RunTerminal | Code::LeaseLost)) => {
            tracing::debug!(job = %handle.id(), %error, "a job of a campaign was ended by others");
        }
        Err(error) => {
            tracing::warn!(job = %handle.id(), %error, "the end of a job of a campaign could not be reported");
        }
    }
}

async fn work(client: &Client, handle: &RunHandle, settings: &Settings) -> Result<Json, JobError> {
    let snapshot = client.snapshot(handle.stream()).await.map_err(|error| JobError::reporting(handle, &error))?;
    let not_a_job = |what: &str| JobError::NotAJob(format!("the run `{}` {what}", handle.id()));
    let root = snapshot.runs.first().filter(|root| root.kind.as_str() == ids::KIND);
    let root = root.ok_or_else(|| not_a_job("belongs to no campaign"))?;
    let brief: Option<Brief> = root.metadata.as_ref().and_then(|metadata| serde_json::from_str(metadata.get()).ok());
    let brief = brief.ok_or_else(|| not_a_job("belongs to a campaign without a brief"))?;
    brief.check().map_err(|error| not_a_job(&format!("belongs to a campaign whose brief is none: {error}")))?;
    let kind = snapshot.runs.iter().find(|run| run.id == *handle.id()).map(|run| run.kind.clone());
    let job_type =
        kind.and_then(|kind| JobType::of_kind(kind.as_str())).ok_or_else(|| not_a_job("is none of its jobs"))?;
    let job = Job { client, handle, campaign: root.id.clone(), snapshot, brief, settings };
    match job_type {
        JobType::Text => text::run(&job).await,
        JobType::Image => image::run(&job).await,
        JobType::Video => video::run(&job).await,
    }
}

/// Fails the job, and with it what it had announced and not made.
async fn give_up(client: &Client, handle: &RunHandle, error: &JobError) -> Result<(), ClientError> {
    let shown = client.snapshot(handle.id()).await.map(|snapshot| snapshot.artifacts).unwrap_or_default();
    let pending =
        shown.iter().filter(|artifact| artifact.state == ArtifactState::Pending && artifact.run == *handle.id());
    let mut bodies: Vec<Body> = pending.map(|artifact| artifact_failed(artifact.artifact.as_str(), error)).collect();
    bodies.push(Body::RunFailed(failed(error)));
    handle.commit(&bodies).await.map(drop)
}

pub(super) fn failed(error: &JobError) -> RunFailed {
    RunFailed { error: Some(error_info(error)) }
}

fn artifact_failed(artifact: &str, error: &JobError) -> Body {
    Body::ArtifactFailed(ArtifactFailed { artifact: ids::artifact(artifact), error: Some(error_info(error)) })
}

fn error_info(error: &JobError) -> ErrorInfo {
    let message = error.to_string().chars().take(milepost_core::caps::SENTENCE_CHARS).collect();
    ErrorInfo { code: error.code().to_owned(), message, details: None }
}

/// A job at work.
pub(super) struct Job<'a> {
    pub(super) client: &'a Client,
    pub(super) handle: &'a RunHandle,
    pub(super) campaign: RunId,
    pub(super) brief: Brief,
    pub(super) settings: &'a Settings,
    /// The campaign as it stood when this attempt began: what is there need not be made again.
    snapshot: Snapshot,
}

impl Job<'_> {
    /// A run as it stood when this attempt began.
    pub(super) fn known(&self, run: &RunId) -> Option<&Arc<Run>> {
        self.snapshot.runs.iter().find(|known| known.id == *run)
    }

    /// An artifact of the job as it stood when this attempt began.
    pub(super) fn known_artifact(&self, name: &str) -> Option<&Artifact> {
        let mut artifacts = self.snapshot.artifacts.iter().map(|artifact| &**artifact);
        artifacts.find(|known| known.run == *self.handle.id() && known.artifact.as_str() == name)
    }

    /// Whether an earlier attempt finished an artifact.
    pub(super) fn is_ready(&self, name: &str) -> bool {
        self.known_artifact(name).is_some_and(|known| known.state == ArtifactState::Ready)
    }

    /// An artifact that an earlier attempt finished, as text.
    pub(super) async fn read(&self, name: &str) -> Result<String, JobError> {
        let found = self.client.transport().get_artifact(self.handle.id(), &ids::artifact(name)).await;
        let mut pieces = found.map_err(|error| self.reporting(&error))?.bytes;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| JobError::Internal(error.to_string()))?);
        }
        String::from_utf8(bytes).map_err(|error| JobError::Internal(error.to_string()))
    }

    pub(super) fn reporting(&self, error: &ClientError) -> JobError {
        JobError::reporting(self.handle, error)
    }

    /// Queues an event of the job itself.
    pub(super) async fn publish(&self, body: Body) -> Result<(), JobError> {
        self.handle.publish(body).await.map_err(|error| self.reporting(&error))
    }

    /// Says what it is doing, in its place among the other events.
    pub(super) async fn say(&self, stage: &str, message: impl Into<String>) -> Result<(), JobError> {
        self.publish(Progress::default().stage(stage).message(message).into()).await
    }

    /// Lets an agent say something.
    pub(super) async fn tell(&self, agent: &RunHandle, message: &str, content: String) -> Result<(), JobError> {
        let role = Some("assistant".to_owned());
        let part = MessageAppended { message: ids::message(message), role, content, is_final: true };
        // An earlier attempt may have said it; then it stays said.
        let said = |known: &milepost_core::run::Message| known.run == *agent.id() && known.message == part.message;
        if self.snapshot.messages.iter().any(|known| known.is_final && said(known)) {
            return Ok(());
        }
        agent.message(part).await.map_err(|error| self.reporting(&error))
    }

    /// Hands an artifact over. One that is there already stays as it is.
    pub(super) async fn store(&self, made: Made<'_>) -> Result<(), JobError> {
        let Made { name, artifact_type, media_type, bytes } = made;
        let artifact = NewArtifact {
            artifact: ids::artifact(name),
            artifact_type: Some(artifact_type.to_owned()),
            name: Some(name.to_owned()),
            media_type: Some(media_type.to_owned()),
        };
        match self.handle.artifact(&artifact, &ArtifactSource::Bytes(bytes.into())).await {
            Err(error) if error.code() == Some(Code::ArtifactExists) => Ok(()),
            Err(error) => Err(self.reporting(&error)),
            Ok(_) => Ok(()),
        }
    }

    /// Says that an artifact which was announced will not come.
    pub(super) async fn artifact_failed(&self, name: &str, error: &JobError) -> Result<(), JobError> {
        self.publish(artifact_failed(name, error)).await
    }

    /// Names the artifact that holds what the job made.
    pub(super) async fn content_is(&self, name: &str) -> Result<(), JobError> {
        self.handle.state("content_id", name.into()).await.map_err(|error| self.reporting(&error))
    }
}

/// Something that was made.
pub(super) struct Made<'a> {
    pub(super) name: &'a str,
    pub(super) artifact_type: &'a str,
    pub(super) media_type: &'a str,
    pub(super) bytes: Vec<u8>,
}
