//! The fold: how one event changes the tree. It never refuses; what may happen is decided before it is written.

use std::sync::Arc;

use crate::caps;
use crate::event::{
    ArtifactAppended, Body, Event, MessageAppended, RunCancelled, RunCreated, RunProgressed, RunStarted, StateUpdated,
};
use crate::json::Json;
use crate::progress::{self, Share};
use crate::run::{Artifact, ArtifactState, AuditState, Cancel, Message, Progress, Run, RunState, Values};
use crate::time::Time;
use crate::tree::Tree;

/// The reason of a `run.cancelled` that the server writes for what is open under a run that ends.
pub(crate) const PARENT_ENDED: &str = "parent_ended";

impl Tree {
    /// Applies one event. Events of runs that are not in this tree move the sequence and nothing else, so that
    /// a viewer of a part of a tree can fold what it gets.
    pub fn evolve(&mut self, event: &Event) {
        debug_assert!(event.seq > self.seq, "a log is folded in order: {} after {}", event.seq, self.seq);
        self.seq = event.seq;
        if let Body::RunCreated(data) = &event.body {
            self.create(event, data);
        }
        let Some(at) = self.position(&event.run) else { return };
        self.apply(at, event);
        self.roll_up_from(at, event);
    }

    fn create(&mut self, event: &Event, data: &RunCreated) {
        if self.position(&event.run).is_some() {
            return;
        }
        self.add_run(Run {
            id: event.run.clone(),
            stream: self.stream.clone(),
            project: self.project.clone(),
            parent: data.parent.clone(),
            kind: data.kind.clone(),
            name: data.name.as_deref().map(Arc::from),
            state: RunState::Queued,
            stalled: false,
            attempt: 0,
            weight: data.weight.unwrap_or(1.0),
            stage: None,
            message: None,
            progress: Progress::default(),
            error: None,
            result: None,
            cancel: None,
            audit: AuditState::NotStarted,
            verdict: None,
            values: Arc::default(),
            metadata: data.metadata.clone(),
            lease_expires_at: None,
            created_at: event.time,
            started_at: None,
            finished_at: None,
            updated_at: event.time,
            created_seq: event.seq,
            expected_children: data.expected_children.unwrap_or(0),
            lease_seconds: data.lease_seconds,
            cleared: false,
            claimed: false,
        });
    }

    fn apply(&mut self, at: usize, event: &Event) {
        let run = Arc::make_mut(&mut self.runs[at]);
        run.updated_at = event.time;
        match &event.body {
            Body::RunCreated(_) | Body::Custom(..) => {}
            Body::RunStarted(data) => start(run, data, event.time),
            Body::RunProgressed(data) => report(run, data),
            Body::RunWaiting(data) => {
                run.state = RunState::Waiting;
                run.message = data.reason.as_deref().map(Arc::from).or(run.message.take());
            }
            Body::RunResumed(_) => run.state = RunState::Running,
            Body::RunStalled(_) => run.stalled = true,
            Body::RunRecovered(_) => run.stalled = false,
            Body::RunCancelRequested(data) => {
                run.cancel = Some(Arc::new(Cancel {
                    by: data.by.as_deref().map(Arc::from),
                    reason: data.reason.as_deref().map(Arc::from),
                    requested_at: event.time,
                    deadline: data.deadline.unwrap_or(event.time),
                    acknowledged: None,
                }));
            }
            Body::RunCompleted(data) => {
                run.result.clone_from(&data.result);
                run.progress.fraction = Some(1.0);
                finish(run, RunState::Completed, event.time);
            }
            Body::RunFailed(data) => {
                run.error = data.error.clone().map(Arc::new);
                finish(run, RunState::Failed, event.time);
            }
            Body::RunCancelled(data) => cancelled(run, data, event.time),
            Body::RunAuditStarted(_) => run.audit = AuditState::InProgress,
            Body::RunAudited(data) => {
                run.audit = AuditState::Completed;
                run.verdict = data.verdict.as_deref().map(Arc::from);
            }
            Body::StateUpdated(data) => {
                if let Ok(values) = updated(&run.values, data) {
                    run.values = Arc::new(values);
                }
            }
            Body::MessageAppended(data) => self.append_message(event, data),
            Body::ArtifactPending(data) => {
                let artifact = self.touch_artifact(event, &data.artifact);
                artifact.state = ArtifactState::Pending;
                describe(artifact, [&data.artifact_type, &data.name, &data.media_type]);
            }
            Body::ArtifactAppended(data) => append_text(self.touch_artifact(event, &data.artifact), data),
            Body::ArtifactReady(data) => {
                let artifact = self.touch_artifact(event, &data.artifact);
                artifact.state = ArtifactState::Ready;
                artifact.error = None;
                describe(artifact, [&data.artifact_type, &data.name, &data.media_type]);
                artifact.size = data.size;
                artifact.sha256 = data.sha256.as_deref().map(Arc::from);
                artifact.url = data.url.as_deref().map(Arc::from);
            }
            Body::ArtifactFailed(data) => {
                let artifact = self.touch_artifact(event, &data.artifact);
                artifact.state = ArtifactState::Failed;
                artifact.error = data.error.clone().map(Arc::new);
            }
        }
    }

    /// Brings the fractions of a run and its ancestors up to date. The time to go is looked at again with all progress,
    /// also where it moves nothing, so that it is the same for a viewer who did not get what the last one superseded.
    fn roll_up_from(&mut self, at: usize, event: &Event) {
        let progressed = matches!(event.body, Body::RunProgressed(_));
        let closed = matches!(&event.body, Body::RunCancelled(data) if data.reason.as_deref() == Some(PARENT_ENDED));
        let mut next = Some(at);
        while let Some(at) = next {
            next = self.parent_position(at);
            let run = &self.runs[at];
            // What is closed because the one above it ends does not move that one: a run that failed half-way stays there.
            if run.state.is_terminal() || closed || run.is_cancelling() {
                continue;
            }
            let rolled_up = progress::roll_up(self.children(at).map(Share::of), run.expected_children);
            let fraction = progress::furthest(run, rolled_up);
            let moved = fraction != run.progress.fraction;
            let eta_ms =
                if moved || progressed { progress::time_to_go(run, fraction, event.time) } else { run.progress.eta_ms };
            // A run that would not change is left alone, so that it stays shared with those who look at it.
            if moved || eta_ms != run.progress.eta_ms {
                let progress = &mut Arc::make_mut(&mut self.runs[at]).progress;
                (progress.fraction, progress.eta_ms) = (fraction, eta_ms);
            }
        }
    }

    fn append_message(&mut self, event: &Event, data: &MessageAppended) {
        let at = self.message_position(&event.run, &data.message).unwrap_or_else(|| {
            self.messages.push(Arc::new(Message {
                message: data.message.clone(),
                run: event.run.clone(),
                role: data.role.as_deref().unwrap_or("assistant").into(),
                content: String::new(),
                is_final: false,
                omitted_bytes: 0,
            }));
            self.messages.len() - 1
        });
        let message = Arc::make_mut(&mut self.messages[at]);
        message.omitted_bytes += append_bounded(&mut message.content, &data.content);
        message.is_final |= data.is_final;
        if self.messages.len() > caps::MESSAGES_KEPT {
            self.messages.remove(0);
            self.messages_omitted += 1;
        }
    }

    fn touch_artifact(&mut self, event: &Event, id: &crate::name::ArtifactId) -> &mut Artifact {
        if self.artifact(&event.run, id).is_none() {
            self.add_artifact(Artifact {
                artifact: id.clone(),
                run: event.run.clone(),
                artifact_type: None,
                name: None,
                state: ArtifactState::Pending,
                media_type: None,
                size: None,
                sha256: None,
                url: None,
                text: None,
                text_omitted_bytes: 0,
                error: None,
            });
        }
        let Some(artifact) = self.artifact_mut(&event.run, id) else { unreachable!("it was added just now") };
        artifact
    }
}

fn start(run: &mut Run, data: &RunStarted, now: Time) {
    run.state = RunState::Running;
    run.stalled = false;
    run.attempt = data.attempt.unwrap_or(run.attempt.saturating_add(1));
    run.started_at = Some(now);
    run.progress = Progress::default();
    run.stage = None;
    run.message = None;
    run.cleared = false;
    run.claimed = data.lease_seconds.is_some();
    run.lease_seconds = data.lease_seconds.or(run.lease_seconds);
}

fn report(run: &mut Run, data: &RunProgressed) {
    let text = |given: &Option<String>| given.as_deref().map(Arc::from);
    if let Some(stage) = &data.stage {
        run.stage = text(stage);
    }
    if let Some(message) = &data.message {
        run.message = text(message);
    }
    if let Some(current) = data.current {
        run.progress.current = current;
    }
    if let Some(total) = data.total {
        run.progress.total = total;
    }
    if let Some(unit) = &data.unit {
        run.progress.unit = text(unit);
    }
    // As of the latest report alone, so that a viewer that did not get those before it knows the same: once something is
    // taken back, every report says so again until nothing is missing.
    run.cleared = data.stage == Some(None)
        || data.message == Some(None)
        || data.current == Some(None)
        || data.total == Some(None)
        || data.unit == Some(None);
    if data.fraction > run.progress.fraction {
        run.progress.fraction = data.fraction;
    }
}

fn finish(run: &mut Run, state: RunState, now: Time) {
    run.state = state;
    run.stalled = false;
    run.progress.eta_ms = None;
    run.lease_expires_at = None;
    run.finished_at = Some(now);
}

fn cancelled(run: &mut Run, data: &RunCancelled, now: Time) {
    finish(run, RunState::Cancelled, now);
    if let Some(cancel) = &mut run.cancel {
        Arc::make_mut(cancel).acknowledged = Some(data.acknowledged.unwrap_or(true));
    }
}

fn describe(artifact: &mut Artifact, [artifact_type, name, media_type]: [&Option<String>; 3]) {
    let set = |member: &mut Option<Arc<str>>, given: &Option<String>| {
        if let Some(text) = given {
            *member = Some(text.as_str().into());
        }
    };
    set(&mut artifact.artifact_type, artifact_type);
    set(&mut artifact.name, name);
    set(&mut artifact.media_type, media_type);
}

fn append_text(artifact: &mut Artifact, data: &ArtifactAppended) {
    if let Some(chunk) = &data.chunk {
        let text = artifact.text.get_or_insert_default();
        artifact.text_omitted_bytes += append_bounded(text, chunk);
    }
}

/// Appends what fits into [`caps::TEXT_KEPT_BYTES`] and returns how many bytes did not.
fn append_bounded(text: &mut String, more: &str) -> u64 {
    let room = caps::TEXT_KEPT_BYTES.saturating_sub(text.len());
    let fits = more.floor_char_boundary(room);
    text.push_str(&more[..fits]);
    (more.len() - fits) as u64
}

/// The values after an update.
///
/// # Errors
/// When the patch does not apply; the text says why.
pub(crate) fn updated(values: &Values, data: &StateUpdated) -> Result<Values, String> {
    let mut next = values.clone();
    match (&data.key, &data.value, &data.patch) {
        (Some(key), Some(value), None) => {
            next.insert(key.clone(), value.clone().unwrap_or_default());
        }
        (Some(key), None, Some(patch)) => {
            let document = next.entry(key.clone()).or_default();
            json_patch::patch(document, patch).map_err(|error| error.to_string())?;
        }
        (None, None, Some(patch)) => {
            let mut document = next.into_iter().collect::<serde_json::Map<_, _>>().into();
            json_patch::patch(&mut document, patch).map_err(|error| error.to_string())?;
            let serde_json::Value::Object(members) = document else {
                return Err("the values of a run are an object, and have to stay one".to_owned());
            };
            next = members.into_iter().collect();
        }
        _ => return Err("give `key` with `value`, or `patch` with or without `key`".to_owned()),
    }
    Ok(next)
}

/// Bytes of `values` as JSON.
pub(crate) fn values_len(values: &Values) -> usize {
    serde_json::to_string(values).map_or(0, |text| text.len())
}

/// Bytes of `json`.
pub(crate) fn json_len(json: Option<&Json>) -> usize {
    json.map_or(0, |json| json.get().len())
}
