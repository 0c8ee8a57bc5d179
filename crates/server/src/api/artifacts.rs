//! Artifacts: bytes in, bytes out.

pub(crate) mod fetch;
mod headers;
mod range;
pub(crate) mod store;

use std::error::Error as _;
use std::io::ErrorKind;
use std::sync::Arc;

use milepost_core::run::{Artifact, ArtifactState, Run};
use milepost_core::{Code, Snapshot};

use super::path::OfArtifact;
use crate::app::App;
use crate::artifacts::Key;
use crate::problem::Refusal;

/// A run and one of its artifacts, as they stand.
struct Found {
    key: Key,
    run: Arc<Run>,
    /// None when nobody has spoken of it yet.
    artifact: Option<Arc<Artifact>>,
}

impl Found {
    async fn at(app: &App, path: &OfArtifact) -> Result<Self, Refusal> {
        let OfArtifact { project, run, artifact } = path;
        let shown = app.hub().snapshot(project, run).await?;
        let snapshot: &Snapshot = shown.snapshot();
        let top = snapshot.runs.first().cloned();
        let top = top.ok_or_else(|| Refusal::new(Code::RunNotFound, format!("there is no run `{run}`")))?;
        let key = Key {
            project: project.clone(),
            stream: snapshot.stream.clone(),
            run: run.clone(),
            artifact: artifact.clone(),
        };
        let is_it = |known: &&Arc<Artifact>| known.run == *run && known.artifact == *artifact;
        let artifact = snapshot.artifacts.iter().find(is_it).cloned();
        Ok(Self { key, run: top, artifact })
    }

    /// The artifact if it is ready, which it stays.
    fn ready(&self) -> Option<&Artifact> {
        self.artifact.as_deref().filter(|artifact| artifact.state == ArtifactState::Ready)
    }
}

/// What is wrong with the disk, for a client.
fn failed(error: &object_store::Error) -> Refusal {
    tracing::error!(%error, "an artifact could not be written or read");
    if is_full(error) {
        return Refusal::new(Code::DiskFull, "the artifact does not fit on the disk of the server");
    }
    Refusal::new(Code::StoreUnavailable, "the bytes could not be written or read")
}

fn is_full(error: &object_store::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)) {
            return true;
        }
        cause = error.source();
    }
    false
}
