//! Schemas of what events say, by their type. A test holds them against what `milepost-core` reads.

use serde_json::Value;
use utoipa::ToSchema;

use super::ErrorSchema;

/// The `data` of an event, by the event's type. Members that are not required are left out where there is nothing to say.
/// Types of your own start with `x.` and carry any JSON.
#[derive(ToSchema)]
#[schema(as = EventData)]
pub struct EventDataSchema {
    #[schema(rename = "run.created")]
    pub run_created: RunCreatedSchema,
    #[schema(rename = "run.started")]
    pub run_started: RunStartedSchema,
    #[schema(rename = "run.progressed")]
    pub run_progressed: RunProgressedSchema,
    #[schema(rename = "run.waiting")]
    pub run_waiting: ReasonSchema,
    #[schema(rename = "run.resumed")]
    pub run_resumed: ReasonSchema,
    #[schema(rename = "run.stalled")]
    pub run_stalled: NothingSchema,
    #[schema(rename = "run.recovered")]
    pub run_recovered: NothingSchema,
    #[schema(rename = "run.cancel_requested")]
    pub run_cancel_requested: RunCancelRequestedSchema,
    #[schema(rename = "run.completed")]
    pub run_completed: RunCompletedSchema,
    #[schema(rename = "run.failed")]
    pub run_failed: RunFailedSchema,
    #[schema(rename = "run.cancelled")]
    pub run_cancelled: RunCancelledSchema,
    #[schema(rename = "run.audit_started")]
    pub run_audit_started: NothingSchema,
    #[schema(rename = "run.audited")]
    pub run_audited: RunAuditedSchema,
    #[schema(rename = "artifact.pending")]
    pub artifact_pending: ArtifactPendingSchema,
    #[schema(rename = "artifact.appended")]
    pub artifact_appended: ArtifactAppendedSchema,
    #[schema(rename = "artifact.ready")]
    pub artifact_ready: ArtifactReadySchema,
    #[schema(rename = "artifact.failed")]
    pub artifact_failed: ArtifactFailedSchema,
    #[schema(rename = "message.appended")]
    pub message_appended: MessageAppendedSchema,
    #[schema(rename = "state.updated")]
    pub state_updated: StateUpdatedSchema,
}

/// Of events that say all by their type.
#[derive(ToSchema)]
#[schema(as = Nothing)]
pub struct NothingSchema {}

/// Of `run.created`.
#[derive(ToSchema)]
#[schema(as = RunCreated)]
pub struct RunCreatedSchema {
    pub kind: String,
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Absent for a root.
    #[schema(nullable = false)]
    pub parent: Option<String>,
    /// Its share in the roll-up of its parent; 1 where absent.
    #[schema(nullable = false)]
    pub weight: Option<f64>,
    #[schema(nullable = false, value_type = Option<Object>)]
    pub metadata: Option<Value>,
    #[schema(nullable = false)]
    pub expected_children: Option<u32>,
    #[schema(nullable = false)]
    pub lease_seconds: Option<u32>,
}

/// Of `run.started`.
#[derive(ToSchema)]
#[schema(as = RunStarted)]
pub struct RunStartedSchema {
    #[schema(nullable = false)]
    pub attempt: Option<u32>,
    /// There when a worker claimed the run.
    #[schema(nullable = false)]
    pub lease_seconds: Option<u32>,
}

/// Of `run.progressed`. In the log the latest report says all that those before it said.
#[derive(ToSchema)]
#[schema(as = RunProgressed)]
pub struct RunProgressedSchema {
    pub stage: Option<String>,
    pub message: Option<String>,
    pub current: Option<f64>,
    /// Null when indeterminate.
    pub total: Option<f64>,
    pub unit: Option<String>,
    /// How far the run was shown already, where that is further than this report; the server's word.
    #[schema(nullable = false)]
    pub fraction: Option<f64>,
}

/// Of `run.waiting` and `run.resumed`.
#[derive(ToSchema)]
#[schema(as = Reason)]
pub struct ReasonSchema {
    #[schema(nullable = false)]
    pub reason: Option<String>,
}

/// Of `run.cancel_requested`.
#[derive(ToSchema)]
#[schema(as = RunCancelRequested)]
pub struct RunCancelRequestedSchema {
    #[schema(nullable = false)]
    pub by: Option<String>,
    #[schema(nullable = false)]
    pub reason: Option<String>,
    #[schema(nullable = false)]
    pub deadline: Option<String>,
}

/// Of `run.completed`.
#[derive(ToSchema)]
#[schema(as = RunCompleted)]
pub struct RunCompletedSchema {
    pub result: Option<Value>,
}

/// Of `run.failed`.
#[derive(ToSchema)]
#[schema(as = RunFailed)]
pub struct RunFailedSchema {
    #[schema(nullable = false)]
    pub error: Option<ErrorSchema>,
}

/// Of `run.cancelled`.
#[derive(ToSchema)]
#[schema(as = RunCancelled)]
pub struct RunCancelledSchema {
    /// False when no worker said so: the deadline passed, or its parent ended.
    #[schema(nullable = false)]
    pub acknowledged: Option<bool>,
    #[schema(nullable = false)]
    pub reason: Option<String>,
}

/// Of `run.audited`.
#[derive(ToSchema)]
#[schema(as = RunAudited)]
pub struct RunAuditedSchema {
    #[schema(nullable = false)]
    pub verdict: Option<String>,
    pub notes: Option<Value>,
}

/// Of `artifact.pending`.
#[derive(ToSchema)]
#[schema(as = ArtifactPending)]
pub struct ArtifactPendingSchema {
    pub artifact: String,
    #[schema(nullable = false)]
    pub artifact_type: Option<String>,
    #[schema(nullable = false)]
    pub name: Option<String>,
    #[schema(nullable = false)]
    pub media_type: Option<String>,
}

/// Of `artifact.appended`: text, or a reference to bytes that are elsewhere.
#[derive(ToSchema)]
#[schema(as = ArtifactAppended)]
pub struct ArtifactAppendedSchema {
    pub artifact: String,
    #[schema(nullable = false)]
    pub chunk: Option<String>,
    pub bytes: Option<Value>,
}

/// Of `artifact.ready`.
#[derive(ToSchema)]
#[schema(as = ArtifactReady)]
pub struct ArtifactReadySchema {
    pub artifact: String,
    #[schema(nullable = false)]
    pub artifact_type: Option<String>,
    #[schema(nullable = false)]
    pub name: Option<String>,
    #[schema(nullable = false)]
    pub media_type: Option<String>,
    /// In bytes.
    #[schema(nullable = false)]
    pub size: Option<u64>,
    #[schema(nullable = false)]
    pub sha256: Option<String>,
    #[schema(nullable = false)]
    pub url: Option<String>,
}

/// Of `artifact.failed`.
#[derive(ToSchema)]
#[schema(as = ArtifactFailed)]
pub struct ArtifactFailedSchema {
    pub artifact: String,
    #[schema(nullable = false)]
    pub error: Option<ErrorSchema>,
}

/// Of `message.appended`: `content` is appended to what the message already has.
#[derive(ToSchema)]
#[schema(as = MessageAppended)]
pub struct MessageAppendedSchema {
    pub message: String,
    /// Counts on the first part only; `assistant` where it is never said.
    #[schema(nullable = false)]
    pub role: Option<String>,
    pub content: String,
    /// Whether the message is complete with this.
    #[schema(rename = "final")]
    pub is_final: bool,
}

/// Of `state.updated`: a key with its new value, or a patch (RFC 6902) of the key's value, or of all values.
#[derive(ToSchema)]
#[schema(as = StateUpdated)]
pub struct StateUpdatedSchema {
    #[schema(nullable = false)]
    pub key: Option<String>,
    pub value: Option<Value>,
    #[schema(nullable = false)]
    pub patch: Option<Vec<PatchOperationSchema>>,
}

/// An operation of RFC 6902.
#[derive(ToSchema)]
#[schema(as = PatchOperation)]
pub struct PatchOperationSchema {
    /// `add`, `remove`, `replace`, `move`, `copy` or `test`.
    pub op: String,
    pub path: String,
    #[schema(nullable = false)]
    pub from: Option<String>,
    pub value: Option<Value>,
}
