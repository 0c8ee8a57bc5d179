//! Following a run.

mod position;

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use milepost_core::{Cursor, Event, RunId, Snapshot, Tree};
use milepost_wire::Start;
use tokio::time::{Instant, sleep_until};

use crate::error::ClientError;
use crate::retry::Backoff;
use crate::transport::{Item, Items, Transport};
use position::{Position, Step};

/// Follows a run over reconnects and restarts of the server: every event once and in order, or a snapshot that says where it
/// goes on. That nothing is missing is proved from the sequences, not assumed.
pub struct Follower {
    transport: Arc<dyn Transport>,
    run: RunId,
    start: Start,
    position: Position,
    tree: Option<Tree>,
    items: Option<Items>,
    backoff: Backoff,
    resume_at: Option<Instant>,
    over: bool,
}

/// What a follower sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The tree as it stands; forget what came before.
    Snapshot(Box<Snapshot>),
    /// The next event.
    Event {
        /// The event.
        event: Event,
        /// Where the follower stands after it.
        cursor: Cursor,
        /// The first of the sequences before it that were left out because they were superseded progress.
        coalesced_from: Option<u64>,
    },
    /// What was there when the connection was made has been seen. Comes again after every reconnect.
    CaughtUp,
    /// Continuity could not be given; a snapshot follows.
    Reset {
        /// Why: a word of the server.
        reason: String,
    },
    /// The connection is lost; the next call of `next` connects again, after a pause.
    Disconnected {
        /// Why.
        error: ClientError,
    },
    /// The run is over and everything was seen. The last update.
    End,
}

impl Follower {
    pub(crate) fn new(transport: Arc<dyn Transport>, run: RunId, start: Start) -> Self {
        let position = Position::at(start);
        let backoff = Backoff::new();
        Self { transport, run, start, position, tree: None, items: None, backoff, resume_at: None, over: false }
    }

    /// What the follower has seen so far, folded. None before the first snapshot, or the first event when it began with that;
    /// a follower that began after a cursor has none until the server resets it.
    pub fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// Where it stands: another follower may begin after it. None before anything was seen.
    pub fn cursor(&self) -> Option<Cursor> {
        self.position.cursor()
    }

    /// The next update; none after [`Update::End`] and after an error. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the server does not want this follower: no such run, no right to see it;
    /// [`ClientError::Unintelligible`] when it says something that this version does not understand.
    pub async fn next(&mut self) -> Option<Result<Update, ClientError>> {
        while !self.over {
            let item = match self.receive().await {
                Ok(item) => item,
                Err(error) if error.is_transient() => return Some(Ok(self.disconnect(error))),
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            };
            if let Some(update) = self.take(item) {
                return Some(Ok(update));
            }
        }
        None
    }

    /// The updates as a stream, for those who do not need the tree.
    pub fn into_stream(self) -> impl Stream<Item = Result<Update, ClientError>> {
        stream::unfold(self, async |mut follower| Some((follower.next().await?, follower)))
    }

    async fn receive(&mut self) -> Result<Item, ClientError> {
        if self.items.is_none() {
            if let Some(time) = self.resume_at {
                sleep_until(time).await;
            }
            let start = self.position.cursor().filter(|cursor| cursor.seq > 0).map_or(self.start, Start::After);
            self.items = Some(self.transport.events(&self.run, start).await?);
        }
        let closed = || ClientError::Unreachable("the server closed the connection".to_owned());
        let Some(items) = &mut self.items else { return Err(closed()) };
        items.next().await.ok_or_else(closed)?
    }

    /// None for what is known already.
    fn take(&mut self, item: Item) -> Option<Update> {
        match self.position.step(&item, &self.run) {
            Step::Forward => self.backoff = Backoff::new(),
            Step::Still => {}
            Step::Known => return None,
            Step::Gap(error) => return Some(self.disconnect(error)),
        }
        Some(match item {
            Item::Snapshot(snapshot) => {
                self.tree = Some(Tree::from((*snapshot).clone()));
                Update::Snapshot(snapshot)
            }
            Item::Event { event, cursor, coalesced_from } => {
                self.fold(&event, cursor);
                Update::Event { event, cursor, coalesced_from }
            }
            Item::Moved(_) => return None,
            Item::CaughtUp { .. } => Update::CaughtUp,
            Item::Reset { reason } => Update::Reset { reason },
            Item::End { .. } => {
                self.over = true;
                Update::End
            }
        })
    }

    fn fold(&mut self, event: &Event, cursor: Cursor) {
        if self.tree.is_none() && self.start == Start::Beginning {
            let epoch = cursor.epoch.unwrap_or(milepost_core::Epoch(0));
            self.tree = Some(Tree::empty(self.transport.project().clone(), event.stream.clone(), epoch));
        }
        if let Some(tree) = &mut self.tree {
            tree.evolve(event);
        }
    }

    fn disconnect(&mut self, error: ClientError) -> Update {
        self.items = None;
        self.resume_at = Some(Instant::now() + self.backoff.next());
        Update::Disconnected { error }
    }
}

#[cfg(test)]
mod tests;
