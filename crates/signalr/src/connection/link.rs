//! The end of a connection that others hold: what they want sent gets its place in line here.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::options::Options;
use crate::protocol::{EncodeError, Protocol, SharedMessage};

/// Names a source that is attached to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceKey(u64);

/// Why something cannot be sent to a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection has ended, or has not begun.
    #[error("the connection is gone")]
    Closed,
    /// The connection has as many sources as it may have.
    #[error("the connection has too many sources")]
    TooManySources,
    /// An argument cannot be written in the protocol of this client.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// One place in line.
pub(crate) enum Entry {
    /// A message that stateful reconnect counts.
    Message(Bytes),
    Attach(SourceKey, BoxStream<'static, SharedMessage>),
    Detach(SourceKey),
}

/// What others have asked of the connection as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// The application has had enough of it.
    Abort,
    /// The hub is shutting down.
    Shutdown,
    /// More waits for the client than may.
    TooSlow,
}

pub(crate) struct Link {
    id: String,
    protocol: OnceLock<Protocol>,
    line: Mutex<Line>,
    /// Of the connection's task.
    waker: AtomicWaker,
    /// Tells those who wait for room.
    room: Arc<Notify>,
    soft_limit: usize,
    hard_limit: usize,
    sources_max: usize,
}

#[derive(Default)]
struct Line {
    entries: VecDeque<Entry>,
    /// Of the messages in line.
    bytes: usize,
    demand: Option<Demand>,
    closed: bool,
    groups: HashSet<String>,
    /// Attached and not detached or ended.
    sources: usize,
    next_source: u64,
}

impl Link {
    pub(crate) fn new(id: String, options: &Options) -> Self {
        Self {
            id,
            protocol: OnceLock::new(),
            line: Mutex::default(),
            waker: AtomicWaker::new(),
            room: Arc::new(Notify::new()),
            soft_limit: options.outgoing_buffer_bytes,
            hard_limit: options.outgoing_bytes_max,
            sources_max: options.max_streams,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Set once, before anybody can send.
    pub(crate) fn set_protocol(&self, protocol: Protocol) {
        let _set_before = self.protocol.set(protocol);
    }

    /// Appends a message and waits for nobody.
    pub(crate) fn broadcast(&self, message: &SharedMessage) -> Result<(), EncodeError> {
        let Some(protocol) = self.protocol.get() else { return Ok(()) };
        let bytes = message.bytes(*protocol)?;
        let mut line = self.line();
        if line.closed || line.demand.is_some() {
            return Ok(());
        }
        if line.bytes + bytes.len() > self.hard_limit && line.bytes > 0 {
            line.demand = Some(Demand::TooSlow);
        } else {
            line.bytes += bytes.len();
            line.entries.push_back(Entry::Message(bytes));
        }
        drop(line);
        self.waker.wake();
        Ok(())
    }

    /// Appends a message as soon as there is room.
    pub(crate) async fn send(&self, message: &SharedMessage) -> Result<(), SendError> {
        let protocol = self.protocol.get().ok_or(SendError::Closed)?;
        let bytes = message.bytes(*protocol)?;
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Listens before it looks, so that room made in between is not missed.
            room.as_mut().enable();
            {
                let mut line = self.line();
                if line.closed {
                    return Err(SendError::Closed);
                }
                if line.bytes < self.soft_limit {
                    line.bytes += bytes.len();
                    line.entries.push_back(Entry::Message(bytes));
                    break;
                }
            }
            room.await;
        }
        self.waker.wake();
        Ok(())
    }

    /// Appends what answers a call. Their number is bounded by that of the calls.
    pub(crate) fn answer(&self, bytes: Bytes) {
        let mut line = self.line();
        line.bytes += bytes.len();
        line.entries.push_back(Entry::Message(bytes));
    }

    pub(crate) fn attach(&self, source: BoxStream<'static, SharedMessage>) -> Result<SourceKey, SendError> {
        let mut line = self.line();
        if line.closed {
            return Err(SendError::Closed);
        }
        if line.sources >= self.sources_max {
            return Err(SendError::TooManySources);
        }
        line.sources += 1;
        line.next_source += 1;
        let key = SourceKey(line.next_source);
        line.entries.push_back(Entry::Attach(key, source));
        drop(line);
        self.waker.wake();
        Ok(key)
    }

    pub(crate) fn detach(&self, key: SourceKey) {
        let mut line = self.line();
        if !line.closed {
            line.entries.push_back(Entry::Detach(key));
            drop(line);
            self.waker.wake();
        }
    }

    pub(crate) fn source_ended(&self) {
        let mut line = self.line();
        line.sources = line.sources.saturating_sub(1);
    }

    pub(crate) fn abort(&self) {
        self.demand(Demand::Abort);
    }

    pub(crate) fn shut_down(&self) {
        self.demand(Demand::Shutdown);
    }

    fn demand(&self, demand: Demand) {
        self.line().demand.get_or_insert(demand);
        self.waker.wake();
    }

    /// Takes the first entry.
    pub(crate) fn take(&self) -> Option<Entry> {
        let mut line = self.line();
        let entry = line.entries.pop_front()?;
        if let Entry::Message(bytes) = &entry {
            let before = line.bytes;
            line.bytes -= bytes.len();
            if before >= self.soft_limit && line.bytes < self.soft_limit {
                self.room.notify_waiters();
            }
        }
        Some(entry)
    }

    /// Registers the connection's task, and says what is demanded of it.
    pub(crate) fn watch(&self, waker: &Waker) -> Option<Demand> {
        self.waker.register(waker);
        self.line().demand
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line().entries.is_empty()
    }

    /// Nothing can be sent any more; what is in line is dropped.
    pub(crate) fn close(&self) {
        let mut line = self.line();
        line.closed = true;
        let dropped = std::mem::take(&mut line.entries);
        line.bytes = 0;
        drop(line);
        // Outside of the lock: a source may do anything when it is dropped.
        drop(dropped);
        self.room.notify_waiters();
    }

    /// False when the connection is gone.
    pub(crate) fn enter(&self, group: &str) -> bool {
        let mut line = self.line();
        if !line.closed && !line.groups.contains(group) {
            line.groups.insert(group.to_owned());
        }
        !line.closed
    }

    pub(crate) fn exit(&self, group: &str) {
        self.line().groups.remove(group);
    }

    pub(crate) fn take_groups(&self) -> HashSet<String> {
        std::mem::take(&mut self.line().groups)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Link").field(&self.id).finish()
    }
}
