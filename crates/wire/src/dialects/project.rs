//! Ingest jobs, agent runs and workflow runs as their pages see them: one frame per event, with the whole entity in it.
//!
//! Roots of the kinds `ingest`, `agent` and `workflow` are shown, and below them children of the kinds `step` and `node`. What
//! happens to others is not, but messages are shown wherever they are.

mod entity;
mod filter;
mod names;
mod snapshot;

use milepost_core::event::RunCancelled;
use milepost_core::view::Subject;
use milepost_core::{Body, Corrupt, Project, Record, Run, Time, View};
use serde::Serialize;
use serde_json::Value;

pub use filter::{InvalidNames, NameFilter};
pub use names::{Family, NAMES};
pub use snapshot::{of_project, of_run};

use entity::{Entity, MessagePart, NodeState, Part};
use names::Shown;

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its `type`, one of [`NAMES`].
    pub name: &'static str,
    /// The frame: a JSON object.
    pub json: Vec<u8>,
}

/// The frame of an event, from the event and the runs as they stood right after it. None where it is not shown.
///
/// # Errors
/// [`Corrupt`] when the record is not one of this version.
pub fn frame(record: &Record, view: &View) -> Result<Option<Frame>, Corrupt> {
    let Some((name, shown)) = names::of(&record.event_type, view) else { return Ok(None) };
    let event = record.event(&view.root.stream)?;
    let (run, root) = (&*view.run, &*view.root);
    let payload = match (shown, &event.body) {
        (Shown::Message, Body::MessageAppended(data)) => {
            let role = match &view.subject {
                Subject::Message { role } => Some(&**role),
                _ => data.role.as_deref(),
            };
            Payload::Message(MessagePart::appended(run, data, role))
        }
        (Shown::NodeState, Body::StateUpdated(data)) => {
            let value = match &view.subject {
                Subject::Value(value) => (**value).clone(),
                _ => data.value.clone().flatten().unwrap_or(Value::Null),
            };
            Payload::NodeState(NodeState::of(root, run, data.key.as_deref(), value))
        }
        (Shown::Step, _) => Payload::Step(Part::of(root, run)),
        (Shown::Node, _) => Payload::Node(Part::of(root, run)),
        (Shown::Job, _) => Payload::Job(Entity::of(root)),
        (Shown::Run | Shown::Message | Shown::NodeState, _) => Payload::Run(Entity::of(root)),
    };
    let error_message = match &event.body {
        Body::RunFailed(_) => Some(failure(run)),
        Body::RunCancelled(data) if shown == Shown::Node => Some(cancellation(run, data)),
        _ => None,
    };
    let frame = Outward {
        name,
        timestamp: record.time,
        sequence: Some(record.seq),
        project_id: &root.project,
        payload,
        error_message,
    };
    Ok(Some(Frame { name, json: json(&frame) }))
}

/// The last frame before a socket is closed because of an error. `code` is one of the catalogue.
pub fn error(project: &str, code: milepost_core::Code, message: &str, now: Time) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Error<'a> {
        #[serde(rename = "type")]
        name: &'static str,
        code: &'static str,
        message: &'a str,
        project_id: &'a str,
        timestamp: Time,
    }
    json(&Error { name: names::ERROR, code: code.as_str(), message, project_id: project, timestamp: now })
}

/// What every frame with a payload looks like.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outward<'a> {
    #[serde(rename = "type")]
    name: &'static str,
    timestamp: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    project_id: &'a Project,
    #[serde(flatten)]
    payload: Payload<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

/// The payload, under the key that goes with the type.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Payload<'a> {
    Job(Entity<'a>),
    Run(Entity<'a>),
    Step(Part<'a>),
    Node(Part<'a>),
    NodeState(NodeState<'a>),
    Message(MessagePart<'a>),
}

fn failure(run: &Run) -> String {
    let said = run.error.as_deref().map(|error| if error.message.is_empty() { &error.code } else { &error.message });
    said.map_or_else(|| "Failed".to_owned(), Clone::clone)
}

fn cancellation(run: &Run, data: &RunCancelled) -> String {
    let asked = run.cancel.as_deref().and_then(|cancel| cancel.reason.as_deref());
    match data.reason.as_deref().or(asked) {
        Some(reason) => format!("Cancelled: {reason}"),
        None => "Cancelled".to_owned(),
    }
}

// No member can fail to be written.
fn json(frame: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests;
