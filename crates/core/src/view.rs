//! Views: what an event looked like when it happened, for dialects that show more than the event itself.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::event::{Body, Event, StateUpdated};
use crate::run::{Run, Values};
use crate::tree::Tree;

/// What an event touched, as it stood right after that event. Cheap to copy, and shared with the tree where it can be.
///
/// The values of the runs are left out: each `state.updated` makes new ones, and as many versions of them as there are
/// frames in memory would be too much. Leases are as the server kept them, or absent; they are not part of the fold.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The run that the event is about.
    pub run: Arc<Run>,
    /// The root of its tree; the same as `run` where the event is about the root.
    pub root: Arc<Run>,
    /// What of the run it is about, where that is a part with a state of its own.
    pub subject: Subject,
}

/// The part of a run that an event is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// The run itself.
    Run,
    /// One of its artifacts, without the text that it has so far.
    Artifact(Box<ArtifactView>),
    /// One of its messages, without the content that it has so far.
    Message {
        /// Who speaks.
        role: Arc<str>,
    },
    /// Its values: the new value of the key, or all values where the event names no key. Only after a patch; else the
    /// event has the value.
    Value(Arc<Value>),
}

/// An artifact as it was announced, or completed.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the members are those of ARTIFACT in docs/protocol.md")]
pub struct ArtifactView {
    pub artifact_type: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
    pub media_type: Option<Arc<str>>,
    pub size: Option<u64>,
    pub url: Option<Arc<str>>,
}

impl Tree {
    /// The view of the event that this tree stands at. None when its run is not in the tree.
    pub fn view_of(&self, event: &Event) -> Option<View> {
        let (run, root) = (self.run(&event.run)?, self.root()?);
        let root_view = without_values(root);
        let run_view = if Arc::ptr_eq(run, root) { root_view.clone() } else { without_values(run) };
        Some(View { run: run_view, root: root_view, subject: self.subject_of(run, event) })
    }

    fn subject_of(&self, run: &Run, event: &Event) -> Subject {
        let artifact = match &event.body {
            Body::ArtifactPending(data) => &data.artifact,
            Body::ArtifactAppended(data) => &data.artifact,
            Body::ArtifactReady(data) => &data.artifact,
            Body::ArtifactFailed(data) => &data.artifact,
            Body::MessageAppended(data) => {
                let role = self.message(&run.id, &data.message).map(|message| message.role.clone());
                return role.map_or(Subject::Run, |role| Subject::Message { role });
            }
            Body::StateUpdated(data) if data.patch.is_some() => return patched(&run.values, data),
            _ => return Subject::Run,
        };
        let Some(artifact) = self.artifact(&run.id, artifact) else { return Subject::Run };
        Subject::Artifact(Box::new(ArtifactView {
            artifact_type: artifact.artifact_type.clone(),
            name: artifact.name.clone(),
            media_type: artifact.media_type.clone(),
            size: artifact.size,
            url: artifact.url.clone(),
        }))
    }
}

impl View {
    /// About how many bytes this view keeps in memory that nothing else does, beyond the few of every view.
    pub fn weight(&self) -> usize {
        match &self.subject {
            Subject::Value(value) => weight(value),
            Subject::Run | Subject::Artifact(_) | Subject::Message { .. } => 0,
        }
    }
}

fn without_values(run: &Arc<Run>) -> Arc<Run> {
    static NONE: LazyLock<Arc<Values>> = LazyLock::new(Arc::default);
    if run.values.is_empty() {
        return run.clone();
    }
    let mut view = Run::clone(run);
    view.values = NONE.clone();
    Arc::new(view)
}

fn patched(values: &Values, data: &StateUpdated) -> Subject {
    let value = match &data.key {
        Some(key) => values.get(key).cloned().unwrap_or_default(),
        None => {
            values.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
        }
    };
    Subject::Value(Arc::new(value))
}

fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(members) => members.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        }
}
