//! What became of a campaign, as of its jobs.

use milepost_core::event::{ErrorInfo, RunCancelled, RunCompleted, RunFailed};
use milepost_core::run::{ArtifactState, RunState};
use milepost_core::{Body, Json, Run, Tree};
use milepost_wire::dialects::content::is_job;
use serde_json::json;

/// The code of a campaign of which nothing came.
const NOTHING: &str = "all_jobs_failed";

/// The jobs of a campaign.
pub(super) fn jobs(tree: &Tree) -> impl Iterator<Item = &Run> {
    tree.runs().iter().map(|run| &**run).filter(|run| is_job(run, tree.stream()))
}

/// The end of a campaign whose jobs are all over: completed as soon as there is something that can be used, though other things may
/// have failed; cancelled when every job was; else failed.
pub(super) fn end(tree: &Tree) -> Body {
    let made = tree.artifacts().iter().filter(|artifact| artifact.state == ArtifactState::Ready).count();
    let failures: Vec<_> = tree.runs().iter().filter_map(|run| failure(tree, run)).collect();
    if jobs(tree).any(|job| job.state == RunState::Completed) || made > 0 {
        let states: serde_json::Map<_, _> =
            jobs(tree).map(|job| (job.kind.as_str().to_owned(), job.state.as_str().into())).collect();
        let result = json!({"jobs": states, "artifacts": made, "failures": failures});
        return Body::RunCompleted(RunCompleted { result: Some(Json::from(&result)) });
    }
    if jobs(tree).all(|job| job.state == RunState::Cancelled) {
        let reason = Some("every job was cancelled".to_owned());
        return Body::RunCancelled(RunCancelled { acknowledged: None, reason });
    }
    let first = jobs(tree).find_map(|job| job.error.as_ref().filter(|error| !error.message.is_empty()));
    let message =
        first.map_or_else(|| "every job failed".to_owned(), |error| format!("every job failed: {}", error.message));
    let message = message.chars().take(milepost_core::caps::SENTENCE_CHARS).collect();
    let details = Some(Json::from(&json!({ "failures": failures })));
    Body::RunFailed(RunFailed { error: Some(ErrorInfo { code: NOTHING.to_owned(), message, details }) })
}

/// What failed, in a job or as a whole one.
fn failure(tree: &Tree, run: &Run) -> Option<serde_json::Value> {
    if run.state != RunState::Failed || run.id == *tree.stream() {
        return None;
    }
    let error = run.error.as_ref();
    let (code, message) = (error.map(|error| &error.code), error.map(|error| &error.message));
    Some(json!({"run": run.id, "name": run.name, "code": code, "message": message}))
}
