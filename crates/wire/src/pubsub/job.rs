//! What a message makes of a job.

use milepost_core::event::{
    Amount, ErrorInfo, RunCancelled, RunCompleted, RunFailed, RunProgressed, RunStarted, StateUpdated,
};
use milepost_core::{Body, Code, Draft, Json, Kind, Run, RunId, RunState, Snapshot};

use super::{JobName, JobProgress, Push, Status};
use crate::rejected::Rejected;

/// The code of a job that failed and gave no other.
const FAILED: &str = "job_failed";

/// What one of the events of a message is for. A message becomes at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Role {
    Started,
    Content,
    Result,
    Progress,
    Ended,
}

/// What is to be done about a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// These events, all or nothing.
    Publish(Vec<Draft>),
    /// Nothing: it comes too late to change anything, which is what a redelivery does.
    Ignore,
}

impl Role {
    pub(super) const ALL: &[Self] = &[Self::Started, Self::Content, Self::Result, Self::Progress, Self::Ended];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Content => "content",
            Self::Result => "result",
            Self::Progress => "progress",
            Self::Ended => "ended",
        }
    }
}

impl Push {
    /// The job that the message is about, in the snapshot of its campaign.
    ///
    /// # Errors
    /// `run_not_found`: it is no campaign, or has no such job.
    pub fn job<'s>(&self, snapshot: &'s Snapshot) -> Result<&'s Run, Rejected> {
        let campaign = &self.progress.campaign;
        let unknown = |what: String| Rejected::new(Code::RunNotFound, what);
        let is_campaign = |run: &&std::sync::Arc<Run>| run.parent.is_none() && run.kind.as_str() == "campaign";
        snapshot
            .runs
            .first()
            .filter(is_campaign)
            .ok_or_else(|| unknown(format!("there is no campaign `{campaign}`")))?;
        let mut jobs = snapshot.runs.iter().filter(|run| run.parent.as_ref() == Some(campaign));
        let found = match &self.progress.job {
            JobName::Id(id, kind) => jobs.find(|run| named(run, id, kind.as_ref())),
            JobName::Type(kind) => jobs.find(|run| run.kind == *kind),
        };
        found.map(|run| &**run).ok_or_else(|| unknown(format!("the campaign `{campaign}` has no such job")))
    }

    /// What to do about it, while `job` stands as it does. `cancelling`: cancellation of the job, or of its campaign, was asked
    /// for and is not acknowledged yet.
    ///
    /// # Errors
    /// `run_terminal` when the job has ended otherwise than the message says.
    pub fn action(&self, job: &Run, cancelling: bool) -> Result<Action, Rejected> {
        let JobProgress { status, progress, .. } = &self.progress;
        if job.state.is_terminal() {
            return late(job, *status);
        }
        if cancelling {
            // Whatever the worker says at its end: it has stopped. Before that, nothing is taken from it any more.
            let over = matches!(status, Some(Status::Completed | Status::Failed | Status::Cancelled));
            let cancelled = || self.draft(job, Role::Ended, Body::RunCancelled(RunCancelled::default()));
            return Ok(if over { Action::Publish(vec![cancelled()]) } else { Action::Ignore });
        }
        // Nothing to say, or something from before the job began.
        if *status == Some(Status::Queued) && (job.state != RunState::Queued || progress.is_none_or(|part| part == 0.0))
        {
            return Ok(Action::Ignore);
        }
        Ok(Action::Publish(self.drafts(job)))
    }

    fn drafts(&self, job: &Run) -> Vec<Draft> {
        let JobProgress { progress, message, status, content_id, result, .. } = &self.progress;
        let mut drafts = Vec::new();
        let mut push = |role, body| drafts.push(self.draft(job, role, body));
        // A failure and a cancellation may come before the start; everything else means that it has begun, and so does progress.
        let stopped = matches!(status, Some(Status::Failed | Status::Cancelled));
        let begun = !stopped || progress.is_some_and(|part| part > 0.0);
        if begun && job.state == RunState::Queued {
            push(Role::Started, Body::RunStarted(RunStarted::default()));
        }
        if let Some(content_id) = content_id {
            push(Role::Content, value("content_id", content_id));
        }
        let completed = *status == Some(Status::Completed);
        if let Some(result) = result.as_ref().filter(|_| !completed) {
            push(Role::Result, value("result", result));
        }
        // Why it failed or was cancelled is said by its end.
        let doing = message.as_deref().filter(|_| !stopped);
        if begun && (progress.is_some() || doing.is_some()) {
            push(Role::Progress, report(*progress, doing));
        }
        let result = result.as_ref().map(Json::from);
        if let Some(end) = end(*status, message.clone(), result) {
            push(Role::Ended, end);
        }
        drafts
    }

    fn draft(&self, job: &Run, role: Role, body: Body) -> Draft {
        Draft { run: job.id.clone(), id: self.event_id(role), time: None, body }
    }
}

fn named(run: &Run, id: &RunId, kind: Option<&Kind>) -> bool {
    run.id == *id && kind.is_none_or(|kind| run.kind == *kind)
}

/// A job that is over stays as it ended. That it goes on, or has ended so, was true once; that it ended otherwise never was.
fn late(job: &Run, status: Option<Status>) -> Result<Action, Rejected> {
    let agrees = match status {
        None | Some(Status::Queued | Status::Processing) => true,
        Some(Status::Completed) => job.state == RunState::Completed,
        Some(Status::Failed) => job.state == RunState::Failed,
        Some(Status::Cancelled) => job.state == RunState::Cancelled,
    };
    if agrees {
        return Ok(Action::Ignore);
    }
    Err(Rejected::new(Code::RunTerminal, format!("the job `{}` is over: it is {}", job.id, job.state.as_str())))
}

fn value(key: &str, value: &serde_json::Value) -> Body {
    let value = Some((!value.is_null()).then(|| value.clone()));
    Body::StateUpdated(StateUpdated { key: Some(key.to_owned()), value, patch: None })
}

fn report(progress: Option<f64>, message: Option<&str>) -> Body {
    let amount = |number| Some(Some(Amount(number)));
    Body::RunProgressed(RunProgressed {
        current: progress.and_then(amount),
        total: progress.and_then(|_| amount(1.0)),
        message: message.map(|text| Some(text.to_owned())),
        ..RunProgressed::default()
    })
}

fn end(status: Option<Status>, message: Option<String>, result: Option<Json>) -> Option<Body> {
    Some(match status? {
        Status::Queued | Status::Processing => return None,
        Status::Completed => Body::RunCompleted(RunCompleted { result }),
        Status::Failed => {
            let message = message.unwrap_or_else(|| "the job failed and did not say why".to_owned());
            Body::RunFailed(RunFailed { error: Some(ErrorInfo { code: FAILED.to_owned(), message, details: None }) })
        }
        Status::Cancelled => Body::RunCancelled(RunCancelled { acknowledged: None, reason: message }),
    })
}
