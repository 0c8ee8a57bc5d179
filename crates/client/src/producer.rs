//! What a worker has to say, on its way to the server: one queue and one sender per stream.
//!
//! Order is kept, nothing is lost and nothing doubled: every event has an id of its own, and a batch whose answer was lost is
//! sent again as it was. Progress alone may be superseded, or dropped when the queue is full.

mod queue;
mod sender;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use milepost_core::event::RunProgressed;
use milepost_core::{Body, Code, EventId, RunId};
use milepost_wire::native::answers::{CancelCommand, CancelInfo};
use milepost_wire::native::requests::InputEvent;
use tokio::sync::{Notify, Semaphore, oneshot, watch as tokio_watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::caps::{CONTROL_POLLS, OUTBOX_ENTRIES};
use crate::error::ClientError;
use crate::transport::Transport;
use queue::{Done, Queue};
use watch::Watched;

/// The queue of one stream as its handles hold it. When the last one goes, what is queued is still sent, and then the tasks end.
pub(crate) struct Outbox {
    shared: Arc<Shared>,
}

/// What the handles, the sender and the watchers share.
struct Shared {
    transport: Arc<dyn Transport>,
    /// The root of the tree.
    stream: RunId,
    /// The run in whose name events are published: the root, or the claimed run.
    top: RunId,
    lease: Option<String>,
    state: Mutex<State>,
    /// Tells the sender that there is something new.
    wake: Notify,
    /// The ticket up to which every entry is durable, refused or dropped.
    settled: tokio_watch::Sender<u64>,
    /// Cancelled when the last handle goes.
    closing: CancellationToken,
    /// How many runs may be asked about at the same time.
    polls: Semaphore,
}

struct State {
    queue: Queue,
    /// Entries that the sender has taken and not settled yet.
    in_flight: usize,
    nodes: HashMap<RunId, Node>,
    last_progress: Option<Instant>,
    /// Nothing waits for the progress interval up to this ticket.
    urgent: u64,
    /// Set when nothing can be sent any more: the lease is lost, or the token.
    fatal: Option<ClientError>,
}

/// A run that this process works on.
struct Node {
    parent: Option<RunId>,
    stop: CancellationToken,
    /// Cancelled when it is over, or nobody holds anything of the tree: there is nothing to watch for any more.
    gone: CancellationToken,
    cancel: Option<CancelCommand>,
    /// The first refusal of an event that nobody waited for.
    refused: Option<ClientError>,
}

impl Outbox {
    /// Opens a queue and starts its tasks. Has to be called inside a tokio runtime.
    pub(crate) fn open(transport: Arc<dyn Transport>, stream: RunId, top: RunId, lease: Option<String>) -> Self {
        let state = State {
            queue: Queue::default(),
            in_flight: 0,
            nodes: HashMap::new(),
            last_progress: None,
            urgent: 0,
            fatal: None,
        };
        let shared = Arc::new(Shared {
            transport,
            stream,
            top,
            lease,
            state: Mutex::new(state),
            wake: Notify::new(),
            settled: tokio_watch::Sender::new(0),
            closing: CancellationToken::new(),
            polls: Semaphore::new(CONTROL_POLLS),
        });
        tokio::spawn(sender::run(shared.clone()));
        Self { shared }
    }

    pub(crate) fn stream(&self) -> &RunId {
        &self.shared.stream
    }

    pub(crate) fn lease(&self) -> Option<&str> {
        self.shared.lease.as_deref()
    }

    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.shared.transport
    }

    /// Makes a run known, and watches for its cancellation. With a lease it is kept alive from now on. The token is tripped
    /// when the run is to stop.
    pub(crate) fn register(
        &self,
        run: &RunId,
        parent: Option<&RunId>,
        lease_seconds: Option<u32>,
    ) -> CancellationToken {
        let mut state = self.shared.lock();
        if let Some(known) = state.nodes.get(run) {
            return known.stop.clone();
        }
        let (stop, gone) = match parent.and_then(|parent| state.nodes.get(parent)) {
            Some(above) => (above.stop.child_token(), above.gone.child_token()),
            None => (CancellationToken::new(), self.shared.closing.child_token()),
        };
        let watched = Watched { shared: self.shared.clone(), run: run.clone(), gone: gone.clone() };
        if let Some(seconds) = lease_seconds {
            tokio::spawn(watched.clone().heartbeat(seconds));
        }
        tokio::spawn(watched.control());
        let node = Node { parent: parent.cloned(), stop: stop.clone(), gone, cancel: None, refused: None };
        state.nodes.insert(run.clone(), node);
        stop
    }

    /// The open cancel request on `run` or above it.
    pub(crate) fn cancel_request(&self, run: &RunId) -> Option<CancelCommand> {
        self.shared.lock().cancelling(run).cloned()
    }

    /// Queues progress. Does nothing once the run is to stop.
    pub(crate) fn progress(&self, run: &RunId, progress: RunProgressed, urgent: bool) {
        let mut state = self.shared.lock();
        if state.check(run, false).is_err() {
            return;
        }
        if state.is_full() && !state.queue.evict_progress() {
            return;
        }
        let ticket = state.queue.push_progress(run, progress, new_id());
        if urgent {
            state.urgent = ticket;
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Queues events that belong together. Waits while the queue is full.
    pub(crate) async fn push(&self, run: &RunId, bodies: &[Body]) -> Result<(), ClientError> {
        self.enqueue(run, bodies, None).await
    }

    /// Queues events that belong together, waits until they are durable, and returns the sequence of the last one.
    pub(crate) async fn commit(&self, run: &RunId, bodies: &[Body]) -> Result<u64, ClientError> {
        let (done, answer) = oneshot::channel();
        self.enqueue(run, bodies, Some(done)).await?;
        answer.await.unwrap_or_else(|_| Err(ClientError::Local("the sender of events has stopped".to_owned())))
    }

    async fn enqueue(&self, run: &RunId, bodies: &[Body], mut done: Option<Done>) -> Result<(), ClientError> {
        let acknowledges = bodies.iter().all(|body| matches!(body, Body::RunCancelled(_)));
        let events: Vec<InputEvent> =
            bodies.iter().map(|body| InputEvent::new(Some(new_id()), Some(run.clone()), body)).collect();
        let mut settled = self.shared.settled.subscribe();
        loop {
            settled.mark_unchanged();
            {
                let mut state = self.shared.lock();
                state.check(run, acknowledges)?;
                if !state.is_full() || state.queue.evict_progress() {
                    state.queue.push(run, events, done.take());
                    break;
                }
            }
            // The sender lives as long as `shared` does.
            settled.changed().await.unwrap_or_default();
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Waits until everything queued so far is settled, and gives the first refusal of `run` that nobody has seen.
    pub(crate) async fn flush(&self, run: &RunId) -> Result<(), ClientError> {
        let mut settled = self.shared.settled.subscribe();
        let target = {
            let mut state = self.shared.lock();
            state.urgent = state.queue.last_ticket();
            state.urgent
        };
        self.shared.wake.notify_one();
        settled.wait_for(|settled| *settled >= target).await.map(drop).unwrap_or_default();
        let refused = self.shared.lock().nodes.get_mut(run).and_then(|node| node.refused.take());
        refused.map_or(Ok(()), Err)
    }
}

impl Outbox {
    /// Sends what is queued, stops renewing the lease, and gives it back.
    pub(crate) async fn hand_back(&self) -> Result<(), ClientError> {
        let Shared { top, lease, transport, .. } = &*self.shared;
        // A refusal of something that was queued changes nothing about giving it back.
        drop(self.flush(top).await);
        // A heartbeat that comes after it would take the run up again.
        self.shared.lock().nodes.values().for_each(|node| node.gone.cancel());
        self.shared.fail(&ClientError::refused(Code::LeaseLost, format!("the run `{top}` was given back")));
        transport.release(top, lease.as_deref()).await
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.closing.cancel();
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made in one step, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a cancel request, and drops what must not be sent any more. Whether it was news.
    ///
    /// A request on a run that is not ours is one above us when we work on a part of the tree, else somebody else's.
    fn cancelled(&self, cancel: CancelCommand) -> bool {
        let mut state = self.lock();
        let run =
            if state.nodes.contains_key(&cancel.run) || self.top == self.stream { &cancel.run } else { &self.top };
        let news = state.stop(&run.clone(), cancel);
        self.mark_settled(&state);
        news
    }

    /// Tells those who flush how far the queue is. With entries in flight the sender does it when they are settled.
    fn mark_settled(&self, state: &State) {
        if state.in_flight == 0 {
            self.settled.send_replace(state.queue.settled());
        }
    }

    fn told(&self, cancel: Option<CancelInfo>) {
        if let Some(cancel) = cancel {
            self.cancelled(cancel.into());
        }
    }

    /// Nothing more can be sent: everything queued is refused, and all work is to stop.
    fn fail(&self, error: &ClientError) {
        let mut state = self.lock();
        state.fatal = Some(error.clone());
        for node in state.nodes.values() {
            node.stop.cancel();
        }
        let dropped = state.queue.remove(|_| true);
        state.settle(dropped, &Err(error.clone()));
        self.mark_settled(&state);
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.queue.len() + self.in_flight >= OUTBOX_ENTRIES
    }

    /// Whether events of `run` may be queued; of a run that is to stop only the acknowledgement.
    fn check(&self, run: &RunId, acknowledges: bool) -> Result<(), ClientError> {
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        match self.cancelling(run) {
            Some(cancel) if !acknowledges => Err(ClientError::cancelling(cancel)),
            _ => Ok(()),
        }
    }

    /// The cancel request on `run` or the nearest above it.
    fn cancelling(&self, run: &RunId) -> Option<&CancelCommand> {
        let first = self.nodes.get(run);
        let mut line = std::iter::successors(first, |node| self.nodes.get(node.parent.as_ref()?));
        line.find_map(|node| node.cancel.as_ref())
    }

    /// Stops `run` and what is below it. Whether that is news.
    fn stop(&mut self, run: &RunId, cancel: CancelCommand) -> bool {
        let Some(node) = self.nodes.get_mut(run) else { return false };
        if node.cancel.is_some() {
            return false;
        }
        let error = ClientError::cancelling(&cancel);
        node.cancel = Some(cancel);
        node.stop.cancel();
        let stopped: Vec<RunId> = self.nodes.keys().filter(|run| self.cancelling(run).is_some()).cloned().collect();
        let dropped = self.queue.remove(|entry| stopped.contains(&entry.run) && !entry.acknowledges());
        self.settle(dropped, &Err(error));
        true
    }

    /// Tells those who wait for the entries what became of them; a refusal that nobody waits for is kept.
    fn settle(&mut self, entries: Vec<queue::Entry>, result: &Result<u64, ClientError>) {
        for entry in entries {
            let unheard = entry.settle(result.clone());
            let Err(error) = result else { continue };
            if let Some(node) = unheard.and_then(|run| self.nodes.get_mut(&run)) {
                node.refused.get_or_insert_with(|| error.clone());
            }
        }
    }
}

/// Ids in the order of their making, so that they are kind to an index.
fn new_id() -> EventId {
    let text = Uuid::now_v7().to_string();
    EventId::new(&text).unwrap_or_else(|_| unreachable!("a UUID is a valid id"))
}

#[cfg(test)]
mod tests;
