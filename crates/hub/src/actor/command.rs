//! What an actor is asked, and what it answers.

use std::sync::Arc;

use milepost_core::event::RunCreated;
use milepost_core::run::Cancel;
use milepost_core::{Cursor, Draft, EventId, Run, RunId, Time};
use tokio::sync::oneshot;

use crate::error::HubError;

/// A run to create.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub run: RunId,
    /// What it is; without a parent it is the root of a tree of its own.
    pub created: RunCreated,
    /// Whether it starts at once.
    pub started: bool,
    /// What a worker shows that creates a run below one that it claimed. A root is below nobody's lease.
    pub lease: Option<String>,
}

/// The answer to a creation; the same each time it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its stream.
    pub stream: RunId,
    /// The sequence of the last event of the creation.
    pub seq: u64,
    /// The same as a cursor.
    pub cursor: Cursor,
    /// Whether it had been there before.
    pub existed: bool,
}

/// Events to append.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) if_match: Option<Cursor>,
    pub(crate) lease: Option<String>,
}

/// The answer to a publication.
#[derive(Debug, Clone)]
pub struct Published {
    /// The stream.
    pub stream: RunId,
    /// The head after it.
    pub seq: u64,
    /// One for each event that was sent, in that order.
    pub events: Vec<PublishedEvent>,
    /// A cancel request that concerns one of the runs.
    pub cancel: Option<CancelAnswer>,
}

/// Where one published event is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedEvent {
    /// Its idempotency id.
    pub id: EventId,
    /// Its sequence.
    pub seq: u64,
    /// Whether it had been published before; then `seq` is the first one's.
    pub duplicate: bool,
}

/// A cancel request: the run whose cancellation was asked for, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct CancelAnswer {
    /// That run.
    pub run: RunId,
    /// The request.
    pub cancel: Arc<Cancel>,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Until when the lease holds; none when the run has no lease.
    pub lease_expires_at: Option<Time>,
    /// A cancel request that concerns the run.
    pub cancel: Option<CancelAnswer>,
}

/// A run that a worker got.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The run, running now.
    pub run: Arc<Run>,
    /// Where the stream stands.
    pub cursor: Cursor,
    /// What the worker shows with everything it writes.
    pub lease: String,
    /// Milliseconds for which it could have been claimed: since it was created, or since the worker before was given up.
    pub waited_ms: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum Request {
    Create(NewRun),
    Publish(Publication),
    Cancel { run: RunId, by: Option<String>, reason: Option<String>, grace_seconds: u32 },
    Heartbeat { run: RunId, lease: Option<String> },
    Claim { run: RunId, lease_seconds: u32 },
    Release { run: RunId, lease: String },
    Known { ids: Vec<EventId> },
    Delete { run: RunId },
}

#[derive(Debug)]
pub(crate) enum Answer {
    Created(Created),
    Published(Published),
    Cancel(CancelAnswer),
    Heartbeat(Heartbeat),
    Claimed(Claimed),
    Released,
    Known(bool),
    Deleted,
}

/// What came of a command. `Bounced` means that the actor was on its way out: ask the registry for the stream again.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Result<Answer, HubError>),
    Bounced(Request),
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) request: Request,
    reply: oneshot::Sender<Outcome>,
}

impl Command {
    pub(crate) fn new(request: Request) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, receiver) = oneshot::channel();
        (Self { request, reply }, receiver)
    }

    // A caller that went away does not want the answer; what it asked for happened all the same.
    pub(crate) fn answer(self, answer: Result<Answer, HubError>) {
        drop(self.reply.send(Outcome::Done(answer)));
    }

    pub(crate) fn bounce(self) {
        drop(self.reply.send(Outcome::Bounced(self.request)));
    }
}
