//! Repository ingestion as its viewers see it: one job, five stages, a percentage.
//!
//! In the log an ingest job is a root run of kind `ingest` with metadata `{"repository", "branch"}` and three children of kind
//! `stage`, called `{job}.cloning`, `{job}.parsing` and `{job}.indexing`. The root's stage is set where stages change, each child
//! reports what it counts, and the root's value `commit` is the commit.

use bytes::Bytes;
use milepost_core::run::RunState;
use milepost_core::{Code, Cursor, Project, Run, RunId, Snapshot, Time};
use serde::{Deserialize, Serialize};

use crate::sse::named_frame;

/// The data of a `progress` frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IngestProgress))]
pub struct Progress {
    /// The job, which is the run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub job_id: RunId,
    /// `Cloning`, `Parsing`, `Indexing`, `Complete` or `Failed`.
    pub stage: String,
    /// What it is doing, for people.
    pub message: String,
    /// 0 to 100; 100 only with `Complete`.
    pub percentage: u8,
    /// When this came about: the time of the latest event of the job.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub timestamp: Time,
    /// Files parsed so far, once parsing began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_done: Option<u64>,
    /// Files to parse, once they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_total: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IngestFailure))]
pub struct Failure {
    /// A stable word: `repository_not_found`, `cancelled` …
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IngestJob))]
#[expect(missing_docs, reason = "the members are those of the progress frame and of the run")]
pub struct Job {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub job_id: RunId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub project: Project,
    /// Its URL, without credentials.
    pub repository: Option<String>,
    /// The branch that was asked for; none stands for the repository's own.
    pub branch: Option<String>,
    /// The commit that was read, in hexadecimal; none before it is known.
    pub commit: Option<String>,
    /// The state of the run: `queued`, `running`, `waiting`, `completed`, `failed` or `cancelled`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RunStateSchema))]
    pub status: RunState,
    pub stage: String,
    pub message: String,
    pub percentage: u8,
    pub files_done: Option<u64>,
    pub files_total: Option<u64>,
    pub error: Option<Failure>,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub created_at: Time,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub updated_at: Time,
    /// Where its stream stands.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cursor: Cursor,
}

impl Progress {
    /// The job as it stands in the snapshot of its tree. None when that has no run.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let root = snapshot.runs.first()?;
        let error = failure(root);
        let parsing = child(snapshot, root, "parsing");
        let count = |amount: Option<milepost_core::event::Amount>| amount.map(|amount| whole(amount.0));
        Some(Self {
            job_id: root.id.clone(),
            stage: stage(root).to_owned(),
            message: message(snapshot, root, error.as_ref()),
            percentage: percentage(snapshot, root),
            timestamp: updated_at(snapshot, root),
            files_done: parsing.and_then(|run| count(run.progress.current)),
            files_total: parsing.and_then(|run| count(run.progress.total)),
            error,
        })
    }

    /// The one frame of a job that could not even begin.
    pub fn refused(job_id: RunId, code: Code, message: String, now: Time) -> Self {
        let error = Some(Failure { code: code.as_str().to_owned(), message: message.clone() });
        let stage = "Failed".to_owned();
        Self { job_id, stage, message, percentage: 0, timestamp: now, files_done: None, files_total: None, error }
    }

    /// The SSE frame `event: progress`. A job that does not exist has no cursor.
    pub fn frame(&self, cursor: Option<Cursor>) -> Bytes {
        // No member can fail to be written.
        named_frame("progress", cursor, &serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Job {
    /// The job as it stands in the snapshot of its tree. None when that has no run.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let root = snapshot.runs.first()?;
        let Progress { job_id, stage, message, percentage, timestamp, files_done, files_total, error } =
            Progress::of(snapshot)?;
        let Origin { repository, branch } = origin(root);
        Some(Self {
            job_id,
            project: root.project.clone(),
            repository,
            branch,
            commit: root.values.get("commit").and_then(|commit| commit.as_str()).map(str::to_owned),
            status: root.state,
            stage,
            message,
            percentage,
            files_done,
            files_total,
            error,
            created_at: root.created_at,
            updated_at: timestamp,
            cursor: snapshot.cursor,
        })
    }
}

/// What the metadata of a job says.
#[derive(Default, Deserialize)]
struct Origin {
    repository: Option<String>,
    branch: Option<String>,
}

fn origin(root: &Run) -> Origin {
    let metadata = root.metadata.as_ref().map(|metadata| serde_json::from_str(metadata.get()));
    // Metadata of another shape is none of ours.
    metadata.and_then(Result::ok).unwrap_or_default()
}

fn child<'a>(snapshot: &'a Snapshot, root: &Run, name: &str) -> Option<&'a Run> {
    let id = format!("{}.{name}", root.id);
    snapshot.runs.iter().map(|run| &**run).find(|run| run.id.as_str() == id)
}

fn stage(root: &Run) -> &str {
    match root.state {
        RunState::Completed => "Complete",
        RunState::Failed | RunState::Cancelled => "Failed",
        RunState::Queued | RunState::Running | RunState::Waiting => root.stage.as_deref().unwrap_or("Cloning"),
    }
}

fn message(snapshot: &Snapshot, root: &Run, error: Option<&Failure>) -> String {
    if let Some(error) = error {
        return error.message.clone();
    }
    if root.state == RunState::Completed {
        return root.message.as_deref().unwrap_or(stage(root)).to_owned();
    }
    // The stage's own child first: the next one may be there already, before the root says so.
    let current = child(snapshot, root, &stage(root).to_ascii_lowercase());
    let running = snapshot.runs.iter().skip(1).map(|run| &**run).filter(|run| run.state == RunState::Running);
    let telling = current.into_iter().chain(running).find_map(told);
    telling.or_else(|| root.message.as_deref().map(str::to_owned)).unwrap_or_else(|| match stage(root) {
        "Cloning" => "Cloning repository".to_owned(),
        other => other.to_owned(),
    })
}

/// What a child says; of files that are counted their number at least, because that is what viewers of Parsing expect.
fn told(run: &Run) -> Option<String> {
    let counted = || match (run.progress.current, run.progress.total) {
        (Some(done), Some(total)) if run.id.as_str().ends_with(".parsing") => {
            Some(format!("Parsing file {}/{}", whole(done.0), whole(total.0)))
        }
        _ => None,
    };
    run.message.as_deref().map(str::to_owned).or_else(counted)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
fn percentage(snapshot: &Snapshot, root: &Run) -> u8 {
    if root.state == RunState::Completed {
        return 100;
    }
    let fraction = reached(snapshot, root).or(root.progress.fraction).unwrap_or(0.0);
    // 0.29 * 100 is a little less than 29.
    (fraction * 100.0 + 1e-9).floor().clamp(0.0, 99.0) as u8
}

/// How far a job came of which a stage did not end well. The roll-up does not tell: there a stage that is over counts as done,
/// whatever its outcome, so it would leap forward at the moment of the failure. None while all is well.
fn reached(snapshot: &Snapshot, root: &Run) -> Option<f64> {
    let stages = || snapshot.runs.iter().filter(|run| run.parent.as_ref() == Some(&root.id));
    if !stages().any(|run| matches!(run.state, RunState::Failed | RunState::Cancelled)) {
        return None;
    }
    let weight: f64 = stages().map(|run| run.weight).sum();
    let done: f64 = stages().map(|run| run.weight * run.progress.fraction.unwrap_or(0.0)).sum();
    (weight > 0.0).then(|| done / weight)
}

fn failure(root: &Run) -> Option<Failure> {
    let failure = |code: &str, message: &str| Failure { code: code.to_owned(), message: message.to_owned() };
    match (root.state, &root.error) {
        (RunState::Failed, Some(error)) if error.message.is_empty() => Some(failure(&error.code, &error.code)),
        (RunState::Failed, Some(error)) => Some(failure(&error.code, &error.message)),
        (RunState::Failed, None) => Some(failure(Code::Internal.as_str(), "The job failed and did not say why.")),
        (RunState::Cancelled, _) => {
            let reason = root.cancel.as_ref().and_then(|cancel| cancel.reason.as_deref());
            let message = reason.map_or_else(|| "Cancelled".to_owned(), |reason| format!("Cancelled: {reason}"));
            Some(failure(Code::Cancelled.as_str(), &message))
        }
        _ => None,
    }
}

/// Reports of children do not touch the root, so the latest of all counts.
fn updated_at(snapshot: &Snapshot, root: &Run) -> Time {
    snapshot.runs.iter().map(|run| run.updated_at).fold(root.updated_at, Ord::max)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an amount is 0 or more, and casts saturate"
)]
fn whole(amount: f64) -> u64 {
    amount as u64
}

#[cfg(test)]
mod tests;
