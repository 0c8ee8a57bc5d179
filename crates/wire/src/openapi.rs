//! Schemas of what `milepost-core` serializes. They are written out here because the core knows no OpenAPI; a test compares
//! their members with what really is written.

#![expect(missing_docs, reason = "the members are those of RUN and SNAPSHOT in docs/protocol.md")]

mod data;

use serde_json::Value;
use utoipa::ToSchema;

pub use data::EventDataSchema;

/// RUN: a run as it is shown. Absent things are null.
#[derive(ToSchema)]
#[schema(as = Run)]
pub struct RunSchema {
    pub id: String,
    pub stream: String,
    pub project: String,
    #[schema(required)]
    pub parent: Option<String>,
    pub kind: String,
    #[schema(required)]
    pub name: Option<String>,
    pub state: RunStateSchema,
    /// Whether its lease ran out.
    pub stalled: bool,
    pub attempt: u32,
    pub weight: f64,
    #[schema(required)]
    pub stage: Option<String>,
    #[schema(required)]
    pub message: Option<String>,
    pub progress: ProgressSchema,
    #[schema(required)]
    pub error: Option<ErrorSchema>,
    #[schema(required)]
    pub result: Option<Value>,
    #[schema(required)]
    pub cancel: Option<CancelSchema>,
    pub audit: AuditStateSchema,
    #[schema(required)]
    pub verdict: Option<String>,
    #[schema(value_type = Object)]
    pub values: Value,
    #[schema(required, value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// RFC 3339, like all times.
    #[schema(required)]
    pub lease_expires_at: Option<String>,
    pub created_at: String,
    #[schema(required)]
    pub started_at: Option<String>,
    #[schema(required)]
    pub finished_at: Option<String>,
    pub updated_at: String,
    pub created_seq: u64,
    pub expected_children: u32,
    #[schema(required)]
    pub lease_seconds: Option<u32>,
    /// There only when true: the latest report took something back with null.
    #[schema(required = false)]
    pub cleared: bool,
    pub claimed: bool,
}

/// The state of a run.
#[derive(ToSchema)]
#[schema(as = RunState, rename_all = "snake_case")]
pub enum RunStateSchema {
    Queued,
    Running,
    Waiting,
    Completed,
    Failed,
    Cancelled,
}

/// Where the audit of a run stands.
#[derive(ToSchema)]
#[schema(as = AuditState, rename_all = "snake_case")]
pub enum AuditStateSchema {
    NotStarted,
    InProgress,
    Completed,
}

/// How far a run is.
#[derive(ToSchema)]
#[schema(as = Progress)]
pub struct ProgressSchema {
    /// 0 to 1; never falls within an attempt.
    #[schema(required)]
    pub fraction: Option<f64>,
    #[schema(required)]
    pub current: Option<f64>,
    /// Null when indeterminate.
    #[schema(required)]
    pub total: Option<f64>,
    #[schema(required)]
    pub unit: Option<String>,
    /// Milliseconds to go.
    #[schema(required)]
    pub eta_ms: Option<u64>,
}

/// Why something failed.
#[derive(ToSchema)]
#[schema(as = ErrorInfo)]
pub struct ErrorSchema {
    pub code: String,
    pub message: String,
    /// There only when something was said.
    pub details: Option<Value>,
}

/// A cancel request.
#[derive(ToSchema)]
#[schema(as = Cancel)]
pub struct CancelSchema {
    #[schema(required)]
    pub by: Option<String>,
    #[schema(required)]
    pub reason: Option<String>,
    pub requested_at: String,
    pub deadline: String,
    /// Null while nobody answered, false when the deadline passed without a worker's word.
    #[schema(required)]
    pub acknowledged: Option<bool>,
}

/// SNAPSHOT: a tree of runs, or the part below one run, at one sequence.
#[derive(ToSchema)]
#[schema(as = Snapshot)]
pub struct SnapshotSchema {
    pub stream: String,
    pub project: String,
    pub seq: u64,
    /// `<epoch>-<seq>`.
    pub cursor: String,
    pub state: RunStateSchema,
    pub progress: ProgressSchema,
    /// The topmost first, parents before children.
    pub runs: Vec<RunSchema>,
    pub artifacts: Vec<ArtifactSchema>,
    pub messages: Vec<MessageSchema>,
    /// Older messages that are in the log only.
    pub messages_omitted: u64,
    pub time: String,
}

/// ARTIFACT: an artifact as it is shown.
#[derive(ToSchema)]
#[schema(as = Artifact)]
pub struct ArtifactSchema {
    pub artifact: String,
    pub run: String,
    #[schema(required)]
    pub artifact_type: Option<String>,
    #[schema(required)]
    pub name: Option<String>,
    pub state: ArtifactStateSchema,
    #[schema(required)]
    pub media_type: Option<String>,
    #[schema(required)]
    pub size: Option<u64>,
    #[schema(required)]
    pub sha256: Option<String>,
    #[schema(required)]
    pub url: Option<String>,
    /// There only when text was appended.
    pub text: Option<String>,
    /// Bytes of the text that were left out; there only when some were.
    #[schema(required = false)]
    pub text_omitted_bytes: u64,
    /// There only when it failed.
    pub error: Option<ErrorSchema>,
}

/// What became of an artifact.
#[derive(ToSchema)]
#[schema(as = ArtifactState, rename_all = "snake_case")]
pub enum ArtifactStateSchema {
    Pending,
    Ready,
    Failed,
}

/// MESSAGE: a message as it is shown.
#[derive(ToSchema)]
#[schema(as = Message)]
pub struct MessageSchema {
    pub message: String,
    pub run: String,
    pub role: String,
    pub content: String,
    #[schema(rename = "final")]
    pub is_final: bool,
    /// Bytes of the content that were left out; there only when some were.
    #[schema(required = false)]
    pub omitted_bytes: u64,
}

/// EVENT: an event as it is sent.
#[derive(ToSchema)]
#[schema(as = Event)]
pub struct EventSchema {
    /// Contiguous within the stream, from 1 on.
    pub seq: u64,
    pub stream: String,
    pub run: String,
    #[schema(rename = "type")]
    pub event_type: String,
    pub time: String,
    pub id: String,
    #[schema(value_type = Object)]
    pub data: Value,
    /// There only when progress before it was left out.
    pub coalesced: Option<CoalescedSchema>,
}

/// Which progress was left out before an event.
#[derive(ToSchema)]
#[schema(as = Coalesced)]
pub struct CoalescedSchema {
    /// The first sequence that was left out.
    pub from: u64,
}

/// Of `GET /runs`.
#[derive(ToSchema)]
#[schema(as = RunsPage)]
pub struct RunsPageSchema {
    pub runs: Vec<RunSchema>,
    #[schema(required)]
    pub next_page: Option<String>,
}

/// Of `GET /runs/{run}/events`.
#[derive(ToSchema)]
#[schema(as = EventsPage)]
pub struct EventsPageSchema {
    pub events: Vec<EventSchema>,
    /// The `after` of the next page.
    pub next: String,
    /// Where the stream stands.
    pub head: String,
    /// There only when the page does not go on where it was asked to, but at the beginning: why.
    pub reset: Option<String>,
}

#[cfg(test)]
mod tests;
