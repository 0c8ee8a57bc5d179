//! A run as it is shown: what the fold knows about one node of the tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Amount, ErrorInfo};
use crate::json::Json;
use crate::name::{ArtifactId, Kind, MessageId, Project, RunId};
use crate::time::Time;

/// `queued → running ⇄ waiting → completed | failed | cancelled`; failed and cancelled also straight from queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the diagram above says it all")]
pub enum RunState {
    Queued,
    Running,
    Waiting,
    Completed,
    Failed,
    Cancelled,
}

impl RunState {
    /// Every state.
    pub const ALL: &[Self] =
        &[Self::Queued, Self::Running, Self::Waiting, Self::Completed, Self::Failed, Self::Cancelled];

    /// Whether it is over. Terminal is final, but for audits.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The state as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where the audit of a run stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum AuditState {
    #[default]
    NotStarted,
    InProgress,
    Completed,
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 1; never falls within an attempt, and is 1 once the run is completed. None before anything is known.
    pub fraction: Option<f64>,
    /// What the run itself reported last.
    pub current: Option<Amount>,
    /// Of how many; none when indeterminate.
    pub total: Option<Amount>,
    /// What is counted.
    pub unit: Option<Arc<str>>,
    /// Milliseconds to go at the pace so far, as of the last event that moved the fraction.
    pub eta_ms: Option<u64>,
}

/// A request to cancel a run, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancel {
    /// Who asked.
    pub by: Option<Arc<str>>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// When.
    pub requested_at: Time,
    /// When the server cancels by itself.
    pub deadline: Time,
    /// None while nobody answered, true when a worker did, false when the deadline passed.
    pub acknowledged: Option<bool>,
}

/// The values of a run (`state.updated`).
pub type Values = BTreeMap<String, Value>;

/// One run. What is large or rarely changes is behind an `Arc`, because a run is copied whenever an event touches it
/// while a viewer still holds the former version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are those of RUN in docs/protocol.md")]
pub struct Run {
    pub id: RunId,
    pub stream: RunId,
    pub project: Project,
    pub parent: Option<RunId>,
    pub kind: Kind,
    pub name: Option<Arc<str>>,
    pub state: RunState,
    pub stalled: bool,
    pub attempt: u32,
    pub weight: f64,
    pub stage: Option<Arc<str>>,
    pub message: Option<Arc<str>>,
    pub progress: Progress,
    pub error: Option<Arc<ErrorInfo>>,
    pub result: Option<Json>,
    pub cancel: Option<Arc<Cancel>>,
    pub audit: AuditState,
    pub verdict: Option<Arc<str>>,
    pub values: Arc<Values>,
    pub metadata: Option<Json>,
    /// Not part of the fold: whoever keeps the lease sets it.
    pub lease_expires_at: Option<Time>,
    pub created_at: Time,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
    pub updated_at: Time,
    /// The sequence of its `run.created`.
    pub created_seq: u64,
    /// Children that were announced, whether they exist yet or not.
    pub expected_children: u32,
    /// Seconds without a word after which it counts as stalled.
    pub lease_seconds: Option<u32>,
    /// Whether the latest report says with `null` that something is not there. Then the next one says all, also that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cleared: bool,
    /// Whether its latest attempt was claimed, so that another worker may take it over when it stalls.
    pub claimed: bool,
}

impl Run {
    /// Whether cancellation was asked for and is not answered yet.
    pub fn is_cancelling(&self) -> bool {
        !self.state.is_terminal() && self.cancel.is_some()
    }
}

/// What became of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum ArtifactState {
    Pending,
    Ready,
    Failed,
}

/// An artifact as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are those of ARTIFACT in docs/protocol.md")]
pub struct Artifact {
    pub artifact: ArtifactId,
    pub run: RunId,
    pub artifact_type: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
    pub state: ArtifactState,
    pub media_type: Option<Arc<str>>,
    pub size: Option<u64>,
    pub sha256: Option<Arc<str>>,
    pub url: Option<Arc<str>>,
    /// What `artifact.appended` brought so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes of the text beyond what a snapshot keeps.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub text_omitted_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<ErrorInfo>>,
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are those of MESSAGE in docs/protocol.md")]
pub struct Message {
    pub message: MessageId,
    pub run: RunId,
    pub role: Arc<str>,
    pub content: String,
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Bytes of the content beyond what a snapshot keeps.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
