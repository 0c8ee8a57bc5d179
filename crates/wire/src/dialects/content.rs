//! The generation of a campaign's content as its viewers see it: jobs, each with a status, and how far all of them are.
//!
//! In the log a campaign is a root run of kind `campaign`. Its jobs are the root's children of the kinds `text`, `image` and `video`;
//! the value `content_id` of such a run names what it made.

use bytes::Bytes;
use milepost_core::run::RunState;
use milepost_core::{Cursor, Run, RunId, Snapshot, Time};
use serde::{Deserialize, Serialize};

use crate::sse::named_frame;

/// The kind of a campaign's root.
pub const CAMPAIGN: &str = "campaign";

/// The kinds of jobs. A job's kind is its type.
pub const JOB_TYPES: [&str; 3] = ["text", "image", "video"];

/// The data of a `progress` frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CampaignProgress))]
pub struct Progress {
    /// The campaign, which is the root run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub campaign_id: RunId,
    /// 0 to 1; never falls. A job that is over counts as done whatever its outcome, unless the campaign is being cancelled.
    pub overall_progress: f64,
    /// In the order in which they were made.
    pub jobs: Vec<Job>,
    /// When this came about: the time of the latest event of the campaign.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub timestamp: Time,
}

/// One job of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CampaignJob))]
pub struct Job {
    /// Its run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: RunId,
    /// `text`, `image` or `video`.
    #[serde(rename = "type")]
    pub job_type: String,
    /// Where it stands.
    pub status: Status,
    /// 0 to 1; begins anew when another worker has to begin anew.
    pub progress: f64,
    /// What it is doing, or why it failed, for people.
    pub message: String,
    /// The artifact of the job's run that holds what it made; null as long as there is none.
    pub content_id: Option<String>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = CampaignJobStatus))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Status {
    Queued,
    Processing,
    Completed,
    Failed,
    Cancelled,
}

impl Progress {
    /// The campaign as it stands in the snapshot of its tree. None when that has no run.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let root = snapshot.runs.first()?;
        Some(Self {
            campaign_id: root.id.clone(),
            overall_progress: root.progress.fraction.unwrap_or(0.0),
            jobs: jobs(snapshot, root).map(Job::of).collect(),
            timestamp: snapshot.runs.iter().map(|run| run.updated_at).fold(root.updated_at, Ord::max),
        })
    }

    /// The SSE frame `event: progress`.
    pub fn frame(&self, cursor: Cursor) -> Bytes {
        // No member can fail to be written.
        named_frame("progress", Some(cursor), &serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Job {
    /// The message of a job that nobody has begun.
    pub const QUEUED: &str = "Queued";

    /// The job that `run` is.
    pub fn of(run: &Run) -> Self {
        let content = run.values.get("content_id").and_then(|content| content.as_str());
        Self {
            id: run.id.clone(),
            job_type: run.kind.as_str().to_owned(),
            status: Status::of(run.state),
            progress: run.progress.fraction.unwrap_or(0.0),
            message: message(run),
            content_id: content.map(str::to_owned),
        }
    }
}

impl Status {
    /// The status of a run in `state`.
    pub fn of(state: RunState) -> Self {
        match state {
            RunState::Queued => Self::Queued,
            RunState::Running | RunState::Waiting => Self::Processing,
            RunState::Completed => Self::Completed,
            RunState::Failed => Self::Failed,
            RunState::Cancelled => Self::Cancelled,
        }
    }
}

/// Whether `run`, a child of the campaign `root`, is one of its jobs.
pub fn is_job(run: &Run, root: &RunId) -> bool {
    run.parent.as_ref() == Some(root) && JOB_TYPES.contains(&run.kind.as_str())
}

/// Whether every job of the campaign is over, also those that were announced and are not there yet.
pub fn is_over(snapshot: &Snapshot) -> bool {
    let Some(root) = snapshot.runs.first() else { return false };
    if root.state.is_terminal() {
        return true;
    }
    let (there, over) =
        jobs(snapshot, root).fold((0, true), |(there, over), job| (there + 1, over && job.state.is_terminal()));
    there > 0 && there >= root.expected_children && over
}

fn jobs<'a>(snapshot: &'a Snapshot, root: &'a Run) -> impl Iterator<Item = &'a Run> {
    snapshot.runs.iter().map(|run| &**run).filter(|run| is_job(run, &root.id))
}

fn message(run: &Run) -> String {
    let said = || run.message.as_deref().or(run.stage.as_deref()).filter(|text| !text.is_empty());
    let words = match run.state {
        RunState::Queued => Job::QUEUED,
        RunState::Running => said().unwrap_or("Working"),
        RunState::Waiting => said().unwrap_or("Waiting"),
        RunState::Completed => said().unwrap_or("Completed"),
        RunState::Cancelled => run.cancel.as_ref().and_then(|cancel| cancel.reason.as_deref()).unwrap_or("Cancelled"),
        RunState::Failed => match &run.error {
            Some(error) if !error.message.is_empty() => &error.message,
            Some(error) => &error.code,
            None => "The job failed and did not say why",
        },
    };
    words.to_owned()
}

#[cfg(test)]
mod tests;
