//! Ingestion as a run: the engine on a thread of its own, its progress as events, its results as artifacts.
//!
//! The job is an ordinary producer. It works on a run of kind `ingest` that somebody created, with one child per stage, so that
//! each stage has its own counts and the root their weighted roll-up.

mod board;
mod stage;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use milepost_client::{ArtifactSource, Client, ClientError, NewArtifact, RunHandle};
use milepost_core::{ArtifactId, Code, Json, Run, RunId};

use super::{IngestError, Outcome, Plan, ingest};
use board::Board;
use stage::{STAGE_COUNT, Stages};

/// Children of an ingest run: one for each stage.
pub const STAGES: u32 = STAGE_COUNT;

/// What ingest jobs are in the log.
pub const KIND: &str = "ingest";

/// Ingests what `plan` names and reports it on `job`, a run that has started and is not over. Results are put together in
/// `work_dir`, which has to exist; the caller deletes it. Returns when the end of the run is durable, or cannot be made so.
/// When the returned future is dropped, the work stops within a second.
pub async fn run(client: &Client, job: &RunId, plan: Plan, work_dir: &Path) {
    run_attempt(&client.attach(job, job), &[], plan, work_dir).await;
}

/// Does what [`run`] does, as an attempt that somebody claimed: `before` are the runs of the tree that former attempts left.
/// Their stages are taken up again where they are still open, and artifacts that are there already are left as they are.
pub async fn run_attempt(handle: &RunHandle, before: &[Arc<Run>], plan: Plan, work_dir: &Path) {
    let ended = match work(handle, before, plan, work_dir).await {
        Ok(outcome) => handle.complete(Some(result(&outcome))).await.map(drop),
        Err(IngestError::Cancelled) => handle.cancelled().await.map(drop),
        Err(error) => handle.fail(error.code(), error.to_string()).await.map(drop),
    };
    // Whatever it was about to say, a run that is being cancelled ends with the acknowledgement.
    let ended = match ended {
        Err(error) if error.code() == Some(Code::RunCancelling) => handle.cancelled().await.map(drop),
        other => other,
    };
    if let Err(error) = ended {
        tracing::warn!(job = %handle.id(), %error, "the end of an ingest job could not be reported");
    }
}

async fn work(handle: &RunHandle, before: &[Arc<Run>], plan: Plan, work_dir: &Path) -> Result<Outcome, IngestError> {
    let board = Arc::new(Board::default());
    let cancel = Arc::new(AtomicBool::new(false));
    let _stops = StopOnDrop(cancel.clone());
    let mut stages = Stages::new(handle, before).await?;
    let (engine_board, directory) = (board.clone(), work_dir.to_owned());
    let mut engine = tokio::task::spawn_blocking({
        let cancel = cancel.clone();
        move || ingest(&plan, &directory, &*engine_board, &cancel)
    });
    let outcome = loop {
        stages.report(board.look()).await?;
        tokio::select! {
            done = &mut engine => break done.map_err(|panic| IngestError::Internal(format!("the job broke: {panic}")))?,
            () = board.changed() => {}
            () = handle.cancellation().cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
        }
    };
    match outcome {
        Ok(outcome) => {
            stages.report(board.look()).await?;
            store(handle, &outcome).await?;
            stages.finish(in_words(&outcome)).await?;
            Ok(outcome)
        }
        Err(error) => {
            stages.fail(&error).await;
            Err(error)
        }
    }
}

/// Hands the results over as artifacts.
async fn store(handle: &RunHandle, outcome: &Outcome) -> Result<(), IngestError> {
    let artifacts = [
        ("summary.json", "summary", "application/json", &outcome.summary_path),
        ("symbols.ndjson", "symbols", "application/x-ndjson", &outcome.symbols_path),
        ("index.tar", "index", "application/x-tar", &outcome.index_tar_path),
    ];
    for (name, artifact_type, media_type, path) in artifacts {
        let artifact = NewArtifact {
            artifact: ArtifactId::new(name).map_err(|error| IngestError::Internal(error.to_string()))?,
            artifact_type: Some(artifact_type.to_owned()),
            name: Some(name.to_owned()),
            media_type: Some(media_type.to_owned()),
        };
        match handle.artifact(&artifact, &ArtifactSource::File(path.clone())).await {
            // A former attempt came this far.
            Err(error) if error.code() == Some(Code::ArtifactExists) => {}
            stored => drop(stored.map_err(|error| reporting(handle, &error))?),
        }
    }
    Ok(())
}

/// The result of the run: what a viewer wants to know without opening an artifact.
fn result(outcome: &Outcome) -> Json {
    Json::from(&serde_json::json!({
        "commit": outcome.commit,
        "branch": outcome.branch,
        "files": outcome.summary.files,
        "lines": outcome.summary.lines,
        "bytes": outcome.summary.bytes,
    }))
}

fn in_words(outcome: &Outcome) -> String {
    let summary = &outcome.summary;
    format!("Indexed {} files with {} lines in {} languages", summary.files, summary.lines, summary.languages.len())
}

/// A report that was not taken: because the run is to stop, or because something is wrong that no retry mends.
fn reporting(handle: &RunHandle, error: &ClientError) -> IngestError {
    if handle.cancellation().is_cancelled() || error.code() == Some(Code::RunCancelling) {
        return IngestError::Cancelled;
    }
    match error.code() {
        Some(Code::DiskFull) => IngestError::DiskFull,
        _ => IngestError::Internal(format!("progress could not be reported: {error}")),
    }
}

/// Stops the engine when the job is given up.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
