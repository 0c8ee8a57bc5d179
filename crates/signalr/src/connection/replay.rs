//! Stateful reconnect: what was sent is kept until the client has confirmed it, and what arrives twice is dropped.
//!
//! Invocations, items, completions and cancellations are counted, from 1 on and independently in each direction. After a
//! reconnect each side first says with `Sequence` which number its next message has: that of the first one that is sent
//! again. (The specification's prose says "the next new one"; clients close the connection if a server does that.)

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// Acks are sent this often at most.
const ACK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Replay {
    /// Number of the last message that was sent.
    sent: u64,
    /// The last messages that were sent, not confirmed yet.
    kept: VecDeque<Bytes>,
    bytes: usize,
    limit: usize,
    /// Number of the last message that was taken.
    received: u64,
    /// Number that the next message has. Not more than `received + 1`.
    next: u64,
    /// When the next ack goes out.
    ack_at: Option<Instant>,
    /// On a new transport nothing counts until the client has said where it begins.
    awaiting_sequence: bool,
}

/// The client goes on after messages that never arrived.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Sequence ID greater than amount of messages we've received.")]
pub(super) struct Gap;

impl Replay {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            sent: 0,
            kept: VecDeque::new(),
            bytes: 0,
            limit,
            received: 0,
            next: 1,
            ack_at: None,
            awaiting_sequence: false,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.limit
    }

    /// Counts a message that is sent.
    pub(super) fn keep(&mut self, message: Bytes) {
        self.sent += 1;
        self.bytes += message.len();
        self.kept.push_back(message);
    }

    /// The client has everything up to this number.
    pub(super) fn confirmed(&mut self, upto: u64) {
        while self.first() <= upto
            && let Some(message) = self.kept.pop_front()
        {
            self.bytes -= message.len();
        }
    }

    /// Begins again on a new transport: the number of the first message that is sent again, and all of these.
    pub(super) fn resume(&mut self) -> (u64, impl ExactSizeIterator<Item = &Bytes>) {
        self.awaiting_sequence = true;
        (self.first(), self.kept.iter())
    }

    /// The client says which number its next message has.
    pub(super) fn sequence(&mut self, next: u64) -> Result<(), Gap> {
        if next > self.received + 1 {
            return Err(Gap);
        }
        self.next = next;
        self.awaiting_sequence = false;
        Ok(())
    }

    /// Whether a message is to be handled. Those that came before, and all before the client's `Sequence`, are not.
    pub(super) fn accept(&mut self, counted: bool, now: Instant) -> bool {
        if self.awaiting_sequence {
            return false;
        }
        if !counted {
            return true;
        }
        let number = self.next;
        self.next += 1;
        if number <= self.received {
            return false;
        }
        self.received = number;
        self.ack_at.get_or_insert(now + ACK_INTERVAL);
        true
    }

    pub(super) fn ack_at(&self) -> Option<Instant> {
        self.ack_at
    }

    /// The number to acknowledge, if it is time to.
    pub(super) fn due_ack(&mut self, now: Instant) -> Option<u64> {
        if self.ack_at.is_none_or(|at| at > now) {
            return None;
        }
        self.ack_at = None;
        Some(self.received)
    }

    /// Number of the first message that is kept, or of the next one.
    fn first(&self) -> u64 {
        self.sent + 1 - self.kept.len() as u64
    }
}
