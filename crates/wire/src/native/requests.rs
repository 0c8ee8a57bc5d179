//! Request bodies. Members that are not known are refused, so that a misspelt one is noticed.

use milepost_core::event::{Body, RunCreated};
use milepost_core::{Code, Draft, EventId, EventType, Json, Kind, RunId, Time, caps};
use serde::{Deserialize, Deserializer, Serialize};

use crate::caps::{CLAIM_KINDS, JSON_DEPTH};
use crate::rejected::{Is, Rejected, read_object};

/// Of `POST /runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRun {
    /// Its id; made by the server where absent. 1 to 128 characters of `A-Z a-z 0-9 . _ ~ : -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub id: Option<RunId>,
    /// What sort of work it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: Kind,
    /// What to call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The run that it is a part of; a root where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub parent: Option<RunId>,
    /// Its share in the roll-up of its parent, 0 to 1 000 000; 1 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Whether it waits for somebody to claim or start it, or runs from the beginning.
    #[serde(default, deserialize_with = "or_default")]
    pub state: InitialState,
    /// Seconds without a word after which it counts as stalled, 1 to 604 800; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u32>,
    /// Children that will be created; they count 0 in the roll-up until they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_children: Option<u32>,
    /// Whatever its maker wants to remember: an object of at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Json>,
}

/// The states in which a run may be created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum InitialState {
    #[default]
    Queued,
    Running,
}

/// One event that a producer publishes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InputEvent {
    /// Idempotency id: published twice to a stream, it is stored once. Made by the server where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub id: Option<EventId>,
    /// What happened.
    #[serde(rename = "type", with = "event_type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub event_type: EventType,
    /// The run that it is about, any of the same tree; that of the path where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub run: Option<RunId>,
    /// When it happened (RFC 3339); when the server got it where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub time: Option<Time>,
    /// What the type asks for, at most 256 KiB; absent and `null` stand for `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub data: Option<Json>,
}

/// Of `POST /runs/{run}/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Seconds that the worker has to acknowledge, 0 to 604 800; 30 where absent.
    #[serde(default = "default_grace", deserialize_with = "grace")]
    pub grace_seconds: u32,
}

/// Of `POST /claims`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// The kinds of runs that the worker can do: 1 to 100.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub kinds: Vec<Kind>,
    /// Seconds without a word after which another worker may have the run, 1 to 604 800.
    pub lease_seconds: u32,
    /// Seconds to wait for a run when there is none; the server has a bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
}

impl CreateRun {
    /// A queued root of `kind`, with nothing else said.
    pub fn new(kind: Kind) -> Self {
        Self {
            id: None,
            kind,
            name: None,
            parent: None,
            weight: None,
            state: InitialState::Queued,
            lease_seconds: None,
            expected_children: None,
            metadata: None,
        }
    }

    /// Reads a request body.
    ///
    /// # Errors
    /// `malformed_json`, `invalid_id` (also for a bad kind), `invalid_request`.
    pub fn parse(body: &[u8]) -> Result<Self, Rejected> {
        read_object(body, &[("id", Is::Name), ("kind", Is::Name), ("parent", Is::Name)])
    }

    /// The data of the `run.created` event.
    pub fn created(self) -> RunCreated {
        let Self { kind, name, parent, weight, metadata, expected_children, lease_seconds, .. } = self;
        RunCreated { kind, name, parent, weight, metadata, expected_children, lease_seconds }
    }
}

impl InputEvent {
    /// An event with the data of `body`.
    pub fn new(id: Option<EventId>, run: Option<RunId>, body: &Body) -> Self {
        // A body always writes JSON.
        let data = Json::from_text(body.data()).ok();
        Self { id, event_type: body.event_type(), run, time: None, data }
    }

    /// Reads one event.
    ///
    /// # Errors
    /// `malformed_json`, `unknown_event_type`, `invalid_id`, `invalid_request`.
    pub fn parse(text: &[u8]) -> Result<Self, Rejected> {
        read_object(text, &[("type", Is::EventType), ("id", Is::Name), ("run", Is::Name)])
    }

    /// What it asks for; about `default_run` where it names no run.
    ///
    /// # Errors
    /// `limit_exceeded` when the data is too large or too deep, `invalid_event` when it does not fit the type.
    pub fn draft(self, default_run: &RunId) -> Result<Draft, Rejected> {
        let data = self.data.as_ref().map(Json::get);
        check_data(data.unwrap_or_default())?;
        let body =
            Body::parse(self.event_type, data).map_err(|error| Rejected::new(Code::InvalidEvent, error.to_string()))?;
        let run = self.run.unwrap_or_else(|| default_run.clone());
        Ok(Draft { run, id: self.id, time: self.time, body })
    }
}

impl CancelRequest {
    /// Reads a request body; an empty one stands for `{}`.
    ///
    /// # Errors
    /// `malformed_json`, `invalid_request`, `limit_exceeded`.
    pub fn parse(body: &[u8]) -> Result<Self, Rejected> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let request: Self = read_object(body, &[])?;
        at_most("grace_seconds", request.grace_seconds)?;
        Ok(request)
    }
}

impl Default for CancelRequest {
    fn default() -> Self {
        Self { reason: None, grace_seconds: default_grace() }
    }
}

impl ClaimRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// `malformed_json`, `invalid_id`, `invalid_request`, `limit_exceeded`.
    pub fn parse(body: &[u8]) -> Result<Self, Rejected> {
        let request: Self = read_object(body, &[("kinds", Is::Names)])?;
        at_most("lease_seconds", request.lease_seconds)?;
        if request.kinds.len() > CLAIM_KINDS {
            return Err(Rejected::new(Code::LimitExceeded, format!("at most {CLAIM_KINDS} `kinds`")));
        }
        if request.lease_seconds == 0 || request.kinds.is_empty() {
            let detail = "`lease_seconds` is 1 or more, and `kinds` names at least one kind";
            return Err(Rejected::new(Code::InvalidRequest, detail));
        }
        Ok(request)
    }
}

pub(crate) fn default_grace() -> u32 {
    30
}

/// `null` stands for absent, as it does in every other optional member: many producers write all of them.
pub(crate) fn grace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(default_grace))
}

fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Leases and graces share one bound.
pub(crate) fn at_most(member: &str, seconds: u32) -> Result<(), Rejected> {
    if seconds <= caps::LEASE_SECONDS_MAX {
        return Ok(());
    }
    Err(Rejected::new(Code::LimitExceeded, format!("`{member}` is at most {}", caps::LEASE_SECONDS_MAX)))
}

fn check_data(json: &str) -> Result<(), Rejected> {
    let refuse = |detail: String| Err(Rejected::new(Code::LimitExceeded, detail));
    if json.len() > caps::EVENT_DATA_BYTES {
        return refuse(format!("`data` has at most {} bytes; larger things are artifacts", caps::EVENT_DATA_BYTES));
    }
    if depth(json) > JSON_DEPTH {
        return refuse(format!("`data` has at most {JSON_DEPTH} levels"));
    }
    Ok(())
}

/// Levels of arrays and objects in a valid JSON text.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    deepest
}

mod event_type {
    use milepost_core::EventType;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(event_type: &EventType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(event_type.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EventType, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
