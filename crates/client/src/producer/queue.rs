//! The queue: what is to be sent, in order.

use std::collections::{HashMap, VecDeque};

use milepost_core::event::RunProgressed;
use milepost_core::{Body, EventId, EventType, Json, RunId};
use milepost_wire::native::requests::InputEvent;
use tokio::sync::oneshot;

use crate::caps::{BATCH_BYTES, BATCH_EVENTS};
use crate::error::ClientError;

/// Who waits for an entry, to be told the sequence of its last event.
pub(super) type Done = oneshot::Sender<Result<u64, ClientError>>;

/// Events of one run that are published together or not at all.
pub(super) struct Entry {
    ticket: u64,
    pub(super) run: RunId,
    content: Content,
    done: Option<Done>,
}

enum Content {
    /// Progress that later progress of the same run may still supersede.
    Progress(EventId, RunProgressed),
    Events(Vec<InputEvent>),
}

impl Entry {
    pub(super) fn is_progress(&self) -> bool {
        matches!(self.content, Content::Progress(..))
    }

    /// Whether it only says that the run is cancelled.
    pub(super) fn acknowledges(&self) -> bool {
        let Content::Events(events) = &self.content else { return false };
        events.iter().all(|event| event.event_type == EventType::RunCancelled)
    }

    /// Whether its run is over with it.
    pub(super) fn ends(&self) -> bool {
        use EventType::{RunCancelled, RunCompleted, RunFailed};
        let Content::Events(events) = &self.content else { return false };
        events.iter().any(|event| matches!(event.event_type, RunCompleted | RunFailed | RunCancelled))
    }

    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Progress(..) => 1,
            Content::Events(events) => events.len(),
        }
    }

    fn bytes(&self) -> usize {
        match &self.content {
            // A stage and a message.
            Content::Progress(..) => 1_024,
            Content::Events(events) => {
                events.iter().map(|event| event.data.as_ref().map_or(0, |data| data.get().len())).sum()
            }
        }
    }

    /// The events as they are published; the same ones every time.
    pub(super) fn events(&self) -> Vec<InputEvent> {
        match &self.content {
            Content::Progress(id, data) => {
                let data = Json::from_text(Body::RunProgressed(data.clone()).data()).ok();
                let (id, run) = (Some(id.clone()), Some(self.run.clone()));
                vec![InputEvent { id, event_type: EventType::RunProgressed, run, time: None, data }]
            }
            Content::Events(events) => events.clone(),
        }
    }

    /// Tells who waits. Returns the run when it is not progress and nobody does.
    pub(super) fn settle(self, result: Result<u64, ClientError>) -> Option<RunId> {
        let progress = self.is_progress();
        match self.done {
            // Whoever does not listen any more does not want to know.
            Some(done) => done.send(result).map(|()| None).unwrap_or_default(),
            None => (!progress).then_some(self.run),
        }
    }
}

/// Entries in order, each with a ticket; tickets go up by one.
#[derive(Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    last_ticket: u64,
    /// Where the progress of a run stands that may still be superseded, because nothing but progress came after it.
    mergeable: HashMap<RunId, u64>,
    /// Entries that are not progress.
    others: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn last_ticket(&self) -> u64 {
        self.last_ticket
    }

    /// The ticket of the first entry.
    pub(super) fn first_ticket(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.ticket)
    }

    /// The ticket before the first entry: with nothing in flight, everything up to it is settled.
    pub(super) fn settled(&self) -> u64 {
        self.first_ticket().map_or(self.last_ticket, |first| first - 1)
    }

    pub(super) fn has_only_progress(&self) -> bool {
        self.others == 0
    }

    /// Adds progress, or lets it supersede what the run has said since the last entry that is not progress. Returns its ticket.
    pub(super) fn push_progress(&mut self, run: &RunId, newer: RunProgressed, id: EventId) -> u64 {
        let known = self.mergeable.get(run).and_then(|ticket| self.position(*ticket));
        if let Some(Entry { ticket, content: Content::Progress(_, older), .. }) = known.map(|at| &mut self.entries[at])
        {
            *older = merged(std::mem::take(older), newer);
            return *ticket;
        }
        let ticket = self.add(run, Content::Progress(id, newer), None);
        self.mergeable.insert(run.clone(), ticket);
        ticket
    }

    /// Adds events. Nothing that comes later may supersede what stands before them.
    pub(super) fn push(&mut self, run: &RunId, events: Vec<InputEvent>, done: Option<Done>) {
        self.mergeable.clear();
        self.others += 1;
        self.add(run, Content::Events(events), done);
    }

    fn add(&mut self, run: &RunId, content: Content, done: Option<Done>) -> u64 {
        self.last_ticket += 1;
        self.entries.push_back(Entry { ticket: self.last_ticket, run: run.clone(), content, done });
        self.last_ticket
    }

    /// Takes what goes into one publish: at least one entry when there is one.
    pub(super) fn take_batch(&mut self) -> Vec<Entry> {
        let (mut batch, mut events, mut bytes) = (Vec::new(), 0, 0);
        while let Some(entry) = self.entries.front() {
            events += entry.len();
            bytes += entry.bytes();
            if !batch.is_empty() && (events > BATCH_EVENTS || bytes > BATCH_BYTES) {
                break;
            }
            self.others -= usize::from(!entry.is_progress());
            batch.extend(self.entries.pop_front());
        }
        batch
    }

    /// Makes room by dropping the oldest progress; what it said lives on in later progress of its run. Whether there was any.
    pub(super) fn evict_progress(&mut self) -> bool {
        let Some(at) = self.entries.iter().position(Entry::is_progress) else { return false };
        let Some(Entry { run, content: Content::Progress(_, older), .. }) = self.entries.remove(at) else {
            return false;
        };
        let mut later = self.entries.iter_mut().skip(at).filter(|entry| entry.run == run);
        let newer = later.find_map(|entry| match &mut entry.content {
            Content::Progress(_, newer) => Some(newer),
            Content::Events(_) => None,
        });
        if let Some(newer) = newer {
            *newer = merged(older, std::mem::take(newer));
        }
        true
    }

    /// Takes out entries.
    pub(super) fn remove(&mut self, which: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let (removed, kept): (VecDeque<Entry>, VecDeque<Entry>) = self.entries.drain(..).partition(which);
        self.entries = kept;
        self.others = self.entries.iter().filter(|entry| !entry.is_progress()).count();
        removed.into()
    }

    /// Tickets go up, so the queue is sorted by them. None when the entry was taken or dropped.
    fn position(&self, ticket: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&ticket, |entry| entry.ticket).ok()
    }
}

/// `older` with everything that `newer` says.
fn merged(older: RunProgressed, newer: RunProgressed) -> RunProgressed {
    RunProgressed {
        stage: newer.stage.or(older.stage),
        message: newer.message.or(older.message),
        current: newer.current.or(older.current),
        total: newer.total.or(older.total),
        unit: newer.unit.or(older.unit),
        // The server's word, which no producer has.
        fraction: None,
    }
}
