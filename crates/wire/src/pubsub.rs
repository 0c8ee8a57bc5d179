//! Progress of campaign jobs that Google Cloud Pub/Sub pushes: a message in, events out.
//!
//! A push is the wrapped JSON envelope, or (with payload unwrapping) the data as the body and the rest in headers. Its data is
//! `{campaign_id, job_id | job_type, progress?, message?, status?, content_id?, result?}`; members that are not known are left
//! alone, because publishers have other subscribers too.

mod job;
mod push;

use std::fmt::Write;

use milepost_core::{Code, EventId, Kind, RunId};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use crate::dialects::content::Status;
pub use job::{Action, Role};

use crate::rejected::{Is, Rejected, read_object};

/// A message that was pushed.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// What Pub/Sub calls it: the same when it is delivered again. None where the subscription does not say.
    pub message_id: Option<String>,
    /// What it says.
    pub progress: JobProgress,
}

/// What a message says about a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobProgress {
    /// The campaign: a root run.
    pub campaign: RunId,
    /// Which of its jobs.
    pub job: JobName,
    /// How far it is, 0 to 1.
    pub progress: Option<f64>,
    /// What it is doing, for people.
    pub message: Option<String>,
    /// What became of it.
    pub status: Option<Status>,
    /// What it made.
    pub content_id: Option<Value>,
    /// What it comes to.
    pub result: Option<Value>,
}

/// How a message names a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobName {
    /// By its id, and maybe by its kind, which then has to be the right one.
    Id(RunId, Option<Kind>),
    /// By its kind alone: `text`, `image`, `video`.
    Type(Kind),
}

#[derive(Deserialize)]
struct Data {
    campaign_id: RunId,
    job_id: Option<RunId>,
    job_type: Option<Kind>,
    progress: Option<f64>,
    message: Option<String>,
    status: Option<Status>,
    content_id: Option<Value>,
    result: Option<Value>,
}

impl Push {
    /// Reads a push. `header` gives a header by its lower-case name.
    ///
    /// # Errors
    /// `malformed_json`, `invalid_id`, `invalid_request`.
    pub fn parse<'h>(header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> Result<Self, Rejected> {
        let push::Delivery { message_id, data } = push::unwrap(header, body)?;
        Ok(Self { message_id, progress: JobProgress::parse(&data)? })
    }

    /// The idempotency ids of all events that this message can become; none where it has no id.
    pub fn event_ids(&self) -> Vec<EventId> {
        Role::ALL.iter().filter_map(|role| self.event_id(*role)).collect()
    }

    /// The idempotency id of one of the events.
    pub fn event_id(&self, role: Role) -> Option<EventId> {
        let message = self.message_id.as_deref()?;
        let named = |id: &str| EventId::new(&format!("pubsub:{id}:{}", role.as_str()));
        Some(named(message).or_else(|_| named(&digest(message))).unwrap_or_else(|_| unreachable!("a digest is short")))
    }
}

impl JobProgress {
    fn parse(data: &[u8]) -> Result<Self, Rejected> {
        let names = [("campaign_id", Is::Name), ("job_id", Is::Name), ("job_type", Is::Name)];
        let data: Data = read_object(data, &names)?;
        let wrong = |detail: &str| Rejected::new(Code::InvalidRequest, detail);
        let job = match (data.job_id, data.job_type) {
            (Some(id), kind) => JobName::Id(id, kind),
            (None, Some(kind)) => JobName::Type(kind),
            (None, None) => return Err(wrong("name the job: `job_id` or `job_type`")),
        };
        if data.progress.is_some_and(|progress| !(0.0..=1.0).contains(&progress)) {
            return Err(wrong("`progress` is a number from 0 to 1"));
        }
        let Data { campaign_id: campaign, progress, message, status, content_id, result, .. } = data;
        // Ids are texts, also those that a publisher has as numbers.
        let content_id = content_id.map(|id| if id.is_number() { Value::String(id.to_string()) } else { id });
        let says = progress.is_some() || message.is_some() || status.is_some() || content_id.is_some();
        if !says && result.is_none() {
            return Err(wrong(
                "the message says nothing: give `progress`, `message`, `status`, `content_id` or `result`",
            ));
        }
        Ok(Self { campaign, job, progress, message, status, content_id, result })
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        // A string takes everything.
        write!(hex, "{byte:02x}").unwrap_or_default();
        hex
    })
}

#[cfg(test)]
mod tests;
