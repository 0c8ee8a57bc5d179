//! What may happen: a draft of an event becomes events of the log, or is refused and changes nothing.

mod limits;
mod refusal;

pub use refusal::Refusal;

use crate::event::{
    ArtifactAppended, Body, Event, MessageAppended, RunCancelled, RunCreated, RunProgressed, RunStarted,
};
use crate::fold;
use crate::name::{ArtifactId, EventId, RunId};
use crate::progress;
use crate::run::{ArtifactState, AuditState, Run, RunState};
use crate::time::Time;
use crate::tree::Tree;
use crate::{caps, event::StateUpdated};

/// An event that somebody wants to happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The run that it is about.
    pub run: RunId,
    /// The producer's idempotency id, where it gave one.
    pub id: Option<EventId>,
    /// The producer's time, where it gave one.
    pub time: Option<Time>,
    /// What is to happen.
    pub body: Body,
}

/// Who wants it to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A producer or a worker; the reserved types are not for them.
    Producer,
    /// The server itself: leases, cancel requests and their deadlines.
    Server,
}

/// Decides about one draft at the state of `tree`. The events are in the order of the log: what the server has to say
/// first (a recovery, the end of open descendants), then the draft itself, always last. They start right after `tree.seq()`.
///
/// Whether an idempotency id was used before is not known here; who keeps the ids asks before.
///
/// # Errors
/// [`Refusal`]: the draft changes nothing.
pub fn decide(tree: &Tree, author: Author, draft: Draft, now: Time) -> Result<Vec<Event>, Refusal> {
    limits::check(&draft.body)?;
    if author == Author::Producer && draft.body.event_type().is_reserved() {
        return Err(Refusal::Reserved(draft.body.event_type()));
    }
    let mut log = Log { tree, now, events: Vec::with_capacity(1) };
    if let Body::RunCreated(data) = &draft.body {
        may_create(tree, &draft.run, data)?;
        if let Some(parent) = &data.parent {
            log.recover(parent, author);
        }
        log.push_draft(draft);
        return Ok(log.events);
    }
    let run = tree.run(&draft.run).ok_or_else(|| Refusal::RunNotFound(draft.run.clone()))?;
    may_write(tree, run, &draft.body)?;
    let draft = complete(tree, run, draft, author)?;
    log.recover(&draft.run, author);
    log.close_descendants(&draft);
    log.push_draft(draft);
    Ok(log.events)
}

/// The events decided so far, numbered and named as they come.
struct Log<'a> {
    tree: &'a Tree,
    now: Time,
    events: Vec<Event>,
}

impl Log<'_> {
    fn push(&mut self, run: &RunId, body: Body) {
        self.push_draft(Draft { run: run.clone(), id: None, time: None, body });
    }

    fn push_draft(&mut self, draft: Draft) {
        let seq = self.tree.seq() + self.events.len() as u64 + 1;
        let id = draft.id.unwrap_or_else(|| server_id(self.tree, seq));
        let (stream, time) = (self.tree.stream().clone(), draft.time.unwrap_or(self.now));
        self.events.push(Event { seq, stream, run: draft.run, time, id, body: draft.body });
    }

    /// Who reports a part is at work on the whole: `run` and those above it are heard of again.
    fn recover(&mut self, run: &RunId, author: Author) {
        let tree = self.tree;
        if author == Author::Producer && tree.cancelling(run).is_none() {
            let stalled = tree.lineage(run).filter(|run| run.stalled);
            stalled.for_each(|run| self.push(&run.id, Body::RunRecovered(Default::default())));
        }
    }

    /// Nothing is left open under something that is over.
    fn close_descendants(&mut self, draft: &Draft) {
        let (acknowledged, reason) = match &draft.body {
            Body::RunCompleted(_) | Body::RunFailed(_) => (Some(false), Some(fold::PARENT_ENDED.to_owned())),
            Body::RunCancelled(_) if self.tree.cancelling(&draft.run).is_none() => {
                (Some(false), Some(fold::PARENT_ENDED.to_owned()))
            }
            Body::RunCancelled(data) => (data.acknowledged, data.reason.clone()),
            _ => return,
        };
        for open in self.tree.open_descendants(&draft.run) {
            self.push(&open, Body::RunCancelled(RunCancelled { acknowledged, reason: reason.clone() }));
        }
    }
}

/// The id of an event whose producer gave none: its cursor, which no other event of the stream can have.
fn server_id(tree: &Tree, seq: u64) -> EventId {
    let text = crate::Cursor::new(tree.epoch(), seq).to_string();
    EventId::new(&text).unwrap_or_else(|_| unreachable!("a cursor is a valid id"))
}

/// Whether `id` has the form of the ids that the server makes in this stream.
pub fn is_server_id(tree: &Tree, id: &EventId) -> bool {
    let cursor = id.as_str().parse::<crate::Cursor>();
    cursor.is_ok_and(|cursor| cursor.epoch == Some(tree.epoch()))
}

fn may_create(tree: &Tree, run: &RunId, data: &RunCreated) -> Result<(), Refusal> {
    if tree.run(run).is_some() {
        return Err(Refusal::RunExists(run.clone()));
    }
    let Some(parent) = &data.parent else {
        return if *run == *tree.stream() { Ok(()) } else { Err(Refusal::SecondRoot(run.clone())) };
    };
    let parent = tree.run(parent).ok_or_else(|| Refusal::RunNotFound(parent.clone()))?;
    not_cancelling(tree, &parent.id)?;
    if parent.state.is_terminal() {
        return Err(Refusal::Terminal { run: parent.id.clone(), state: parent.state });
    }
    limits::at_most("runs in one tree", tree.runs().len() + 1, caps::RUNS_PER_TREE)?;
    limits::at_most("levels of a tree", tree.depth(&parent.id) + 1, caps::TREE_DEPTH)
}

/// Rule 4: after a cancel request nothing but its acknowledgement. Then: terminal is final but for audits.
fn may_write(tree: &Tree, run: &Run, body: &Body) -> Result<(), Refusal> {
    let terminal = run.state.is_terminal();
    // That what is over cannot be cancelled is the better answer, whatever goes on above it.
    let cancels = matches!(body, Body::RunCancelled(_)) || terminal && matches!(body, Body::RunCancelRequested(_));
    if !cancels {
        not_cancelling(tree, &run.id)?;
    }
    if terminal && !matches!(body, Body::RunAuditStarted(_) | Body::RunAudited(_)) {
        return Err(Refusal::Terminal { run: run.id.clone(), state: run.state });
    }
    Ok(())
}

fn not_cancelling(tree: &Tree, run: &RunId) -> Result<(), Refusal> {
    let Some(by) = tree.cancelling(run) else { return Ok(()) };
    let Some(cancel) = by.cancel.clone() else { return Ok(()) };
    Err(Refusal::Cancelling { run: by.id.clone(), cancel })
}

/// Checks the transition and fills in what the producer left to the server.
fn complete(tree: &Tree, run: &Run, mut draft: Draft, author: Author) -> Result<Draft, Refusal> {
    use RunState::{Queued, Running, Waiting};
    let state = run.state;
    let legal = match &mut draft.body {
        Body::RunStarted(data) => starts(run, data),
        Body::RunProgressed(data) => {
            if data.fraction.is_some() {
                return Err(Refusal::Invalid(
                    "`fraction` is the server's word; report `current` and `total`".to_owned(),
                ));
            }
            complete_report(run, data);
            matches!(state, Running | Waiting)
        }
        Body::RunWaiting(_) => state == Running,
        Body::RunResumed(_) => state == Waiting,
        Body::RunStalled(_) => !run.stalled,
        Body::RunRecovered(_) => run.stalled,
        Body::RunCompleted(_) => matches!(state, Running | Waiting),
        Body::RunCancelled(data) => {
            data.acknowledged = Some(data.acknowledged.unwrap_or(author == Author::Producer));
            true
        }
        Body::RunAuditStarted(_) => state != Queued && run.audit == AuditState::NotStarted,
        Body::RunAudited(_) => run.audit == AuditState::InProgress,
        Body::StateUpdated(data) => return may_update(run, data).map(|()| draft),
        Body::MessageAppended(data) => return may_append(tree, run, data).map(|()| draft),
        Body::ArtifactPending(data) => return may_touch(tree, run, &data.artifact).map(|()| draft),
        Body::ArtifactAppended(data) => return may_grow(tree, run, data).map(|()| draft),
        Body::ArtifactReady(data) => return may_touch(tree, run, &data.artifact).map(|()| draft),
        Body::ArtifactFailed(data) => return may_touch(tree, run, &data.artifact).map(|()| draft),
        Body::RunCreated(_) | Body::RunCancelRequested(_) | Body::RunFailed(_) | Body::Custom(..) => true,
    };
    if legal {
        return Ok(draft);
    }
    Err(Refusal::Illegal { run: run.id.clone(), state, event_type: draft.body.event_type() })
}

/// A first attempt starts a queued run; a run that is not over starts again with a higher attempt.
fn starts(run: &Run, data: &mut RunStarted) -> bool {
    let again = data.attempt.is_some();
    let attempt = *data.attempt.get_or_insert(run.attempt.saturating_add(1));
    attempt > run.attempt && (run.state == RunState::Queued || again)
}

/// Makes a report say all that is known, because those before it may be superseded by it on the way to a viewer.
fn complete_report(run: &Run, data: &mut RunProgressed) {
    fn fill<T>(given: &mut Option<Option<T>>, known: Option<T>, cleared: bool) {
        if given.is_none() && (known.is_some() || cleared) {
            *given = Some(known);
        }
    }
    let text = |known: &Option<std::sync::Arc<str>>| known.as_deref().map(str::to_owned);
    fill(&mut data.stage, text(&run.stage), run.cleared);
    fill(&mut data.message, text(&run.message), run.cleared);
    fill(&mut data.current, run.progress.current, run.cleared);
    fill(&mut data.total, run.progress.total, run.cleared);
    fill(&mut data.unit, text(&run.progress.unit), run.cleared);
    let reported = progress::reported(data.current.flatten(), data.total.flatten());
    data.fraction = run.progress.fraction.filter(|shown| Some(*shown) > reported);
}

fn may_update(run: &Run, data: &StateUpdated) -> Result<(), Refusal> {
    if data.value.is_some() == data.patch.is_some() || (data.value.is_some() && data.key.is_none()) {
        return Err(Refusal::Invalid("give `key` with `value`, or `patch` with or without `key`".to_owned()));
    }
    let values = fold::updated(&run.values, data).map_err(Refusal::Patch)?;
    limits::at_most("bytes of a run's values", fold::values_len(&values), caps::VALUES_BYTES)
}

fn may_append(tree: &Tree, run: &Run, data: &MessageAppended) -> Result<(), Refusal> {
    match tree.message(&run.id, &data.message) {
        Some(message) if message.is_final => Err(Refusal::MessageFinal(data.message.clone())),
        _ => Ok(()),
    }
}

fn may_grow(tree: &Tree, run: &Run, data: &ArtifactAppended) -> Result<(), Refusal> {
    if data.chunk.is_some() == data.bytes.is_some() {
        return Err(Refusal::Invalid("give either `chunk` or `bytes`".to_owned()));
    }
    may_touch(tree, run, &data.artifact)
}

fn may_touch(tree: &Tree, run: &Run, artifact: &ArtifactId) -> Result<(), Refusal> {
    match tree.artifact(&run.id, artifact) {
        Some(known) if known.state == ArtifactState::Ready => Err(Refusal::ArtifactExists(artifact.clone())),
        Some(_) => Ok(()),
        None => limits::at_most("artifacts in one tree", tree.artifacts().len() + 1, caps::ARTIFACTS_PER_TREE),
    }
}
