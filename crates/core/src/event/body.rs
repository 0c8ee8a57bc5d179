//! What events say: one struct per type, each refusing members that it does not know.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::given;
use super::types::EventType;
use crate::json::Json;
use crate::name::{ArtifactId, Kind, MessageId, RunId};
use crate::time::Time;

/// The type of an event together with its data.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is named after its event type and documented on its struct")]
pub enum Body {
    RunCreated(RunCreated),
    RunStarted(RunStarted),
    RunProgressed(RunProgressed),
    RunWaiting(RunWaiting),
    RunResumed(RunResumed),
    RunStalled(Nothing),
    RunRecovered(Nothing),
    RunCancelRequested(RunCancelRequested),
    RunCompleted(RunCompleted),
    RunFailed(RunFailed),
    RunCancelled(RunCancelled),
    RunAuditStarted(AuditStarted),
    RunAudited(Audited),
    ArtifactPending(ArtifactPending),
    ArtifactAppended(ArtifactAppended),
    ArtifactReady(ArtifactReady),
    ArtifactFailed(ArtifactFailed),
    MessageAppended(MessageAppended),
    StateUpdated(StateUpdated),
    /// A user's own type with whatever it carries.
    Custom(EventType, Json),
}

/// Data that does not fit its event type.
#[derive(Debug, thiserror::Error)]
#[error("the data of `{event_type}` is not valid: {reason}")]
pub struct InvalidBody {
    /// The type whose data it should have been.
    pub event_type: EventType,
    /// What is wrong with it, in words.
    pub reason: String,
}

macro_rules! bodies {
    ($($variant:ident)*) => {
        impl Body {
            /// The type of this event.
            pub fn event_type(&self) -> EventType {
                match self {
                    $(Body::$variant(_) => EventType::$variant,)*
                    Body::Custom(event_type, _) => event_type.clone(),
                }
            }

            /// Reads the data of an event of type `event_type` from JSON. `None` stands for `{}`.
            ///
            /// # Errors
            /// [`InvalidBody`] when a member is unknown, missing or of another type.
            pub fn parse(event_type: EventType, data: Option<&str>) -> Result<Self, InvalidBody> {
                let text = data.unwrap_or("{}");
                // serde would take an array for the members in their order.
                if !matches!(event_type, EventType::Custom(_)) && text.trim_start().starts_with('[') {
                    return Err(InvalidBody { event_type, reason: "it is an array where an object belongs".to_owned() });
                }
                let parsed = match &event_type {
                    $(EventType::$variant => serde_json::from_str(text).map(Body::$variant),)*
                    EventType::Custom(_) => serde_json::from_str(text).map(|json| Body::Custom(event_type.clone(), json)),
                };
                parsed.map_err(|error| InvalidBody { event_type, reason: error.to_string() })
            }

            /// The data as compact JSON.
            pub fn data(&self) -> String {
                let text = match self {
                    $(Body::$variant(data) => serde_json::to_string(data),)*
                    Body::Custom(_, json) => return json.get().to_owned(),
                };
                // Maps with keys other than strings are all that serde_json refuses to write, and no body has one.
                text.unwrap_or_default()
            }
        }
    };
}

bodies! {
    RunCreated RunStarted RunProgressed RunWaiting RunResumed RunStalled RunRecovered RunCancelRequested RunCompleted
    RunFailed RunCancelled RunAuditStarted RunAudited ArtifactPending ArtifactAppended ArtifactReady ArtifactFailed
    MessageAppended StateUpdated
}

/// A count of something: files, bytes, tokens. Whole numbers are written without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Amount(pub f64);

impl Serialize for Amount {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
        if self.0.fract() == 0.0 && self.0.abs() <= EXACT {
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = f64::deserialize(deserializer)?;
        if amount.is_finite() && amount >= 0.0 {
            return Ok(Self(amount));
        }
        Err(serde::de::Error::custom("an amount is a finite number, 0 or more"))
    }
}

macro_rules! data {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "` of the contract.")]
                #[serde(skip_serializing_if = "is_absent")]
                $(#[$field_meta])*
                pub $field: $type,
            )*
        }
    )*};
}

/// Whether a member is left out of the JSON. Members that must be there are never absent.
trait Absent {
    fn absent(&self) -> bool {
        false
    }
}

impl<T> Absent for Option<T> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}

fn is_absent<T: Absent>(member: &T) -> bool {
    member.absent()
}

data! {
    /// Of `run.started`. `lease_seconds` is there when a worker claimed the run.
    RunStarted {
        attempt: Option<u32>,
        lease_seconds: Option<u32>,
    }
    /// Of `run.progressed`: any subset. What is absent stays as it was; the server fills it in, so that in the log
    /// the latest report says all that those before it said.
    RunProgressed {
        #[serde(default, deserialize_with = "given")]
        stage: Option<Option<String>>,
        #[serde(default, deserialize_with = "given")]
        message: Option<Option<String>>,
        #[serde(default, deserialize_with = "given")]
        current: Option<Option<Amount>>,
        /// `null` makes the progress indeterminate.
        #[serde(default, deserialize_with = "given")]
        total: Option<Option<Amount>>,
        #[serde(default, deserialize_with = "given")]
        unit: Option<Option<String>>,
        /// How far the run was shown already, where that is further than this report; the server's word.
        fraction: Option<f64>,
    }
    /// Of `run.waiting`.
    RunWaiting { reason: Option<String>, }
    /// Of `run.resumed`.
    RunResumed { reason: Option<String>, }
    /// Of events that say all by their type.
    Nothing {}
    /// Of `run.cancel_requested`.
    RunCancelRequested {
        by: Option<String>,
        reason: Option<String>,
        deadline: Option<Time>,
    }
    /// Of `run.completed`.
    RunCompleted { result: Option<Json>, }
    /// Of `run.failed`.
    RunFailed { error: Option<ErrorInfo>, }
    /// Of `run.cancelled`.
    RunCancelled {
        /// False when no worker said so: the deadline passed, or its parent ended.
        acknowledged: Option<bool>,
        reason: Option<String>,
    }
    /// Of `run.audit_started`.
    AuditStarted {}
    /// Of `run.audited`.
    Audited {
        verdict: Option<String>,
        notes: Option<Json>,
    }
    /// Of `state.updated`: a key with its new value, or a patch (RFC 6902) of the key's value, or of all values.
    StateUpdated {
        key: Option<String>,
        #[serde(default, deserialize_with = "given")]
        value: Option<Option<Value>>,
        patch: Option<json_patch::Patch>,
    }
}

/// Of `run.created`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCreated {
    /// What sort of work this is.
    pub kind: Kind,
    /// What to call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The run that it is a part of; none for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// Its share in the roll-up of its parent; 1 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Whatever its maker wants to remember.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    /// Children that are going to be created; they count 0 in the roll-up until they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_children: Option<u32>,
    /// Seconds without a word after which the run counts as stalled; no lease where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u32>,
}

/// Why a run or an artifact failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorInfo {
    /// A stable word for programs.
    pub code: String,
    /// A sentence for people.
    #[serde(default)]
    pub message: String,
    /// Whatever else helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Json>,
}

macro_rules! artifact_data {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Which artifact of the run.
            pub artifact: ArtifactId,
            $(
                #[doc = concat!("`", stringify!($field), "` of the contract.")]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    )*};
}

artifact_data! {
    /// Of `artifact.pending`.
    ArtifactPending { artifact_type: String, name: String, media_type: String, }
    /// Of `artifact.appended`: text, or a reference to bytes that are elsewhere.
    ArtifactAppended { chunk: String, bytes: Json, }
    /// Of `artifact.ready`.
    ArtifactReady { artifact_type: String, name: String, media_type: String, size: u64, sha256: String, url: String, }
    /// Of `artifact.failed`.
    ArtifactFailed { error: ErrorInfo, }
}

/// Of `message.appended`: `content` is appended to what the message already has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageAppended {
    /// Which message of the run.
    pub message: MessageId,
    /// Who speaks; needed on the first part only, `assistant` where it is never said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The text to append.
    #[serde(default)]
    pub content: String,
    /// Whether the message is complete with this.
    #[serde(default, rename = "final")]
    pub is_final: bool,
}
