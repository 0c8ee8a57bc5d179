//! What is on its way to the transport.

use std::collections::VecDeque;
use std::task::Context;

use bytes::Bytes;
use tokio::time::Instant;

use super::carrier::{Carrier, Wrote};
use super::replay::Replay;
use crate::options::Options;
use crate::protocol::{Message, Protocol};

pub(super) struct Output {
    /// Whole hub messages, in order.
    batch: VecDeque<Bytes>,
    bytes: usize,
    limit: usize,
    protocol: Option<Protocol>,
    pub(super) replay: Option<Replay>,
    /// When something was handed to the transport last.
    pub(super) last_sent: Instant,
    /// Since when the client has not read.
    pub(super) blocked_since: Option<Instant>,
}

/// What a turn of writing has led to.
pub(super) enum Written {
    /// So many messages and bytes.
    Some(usize, usize),
    Lost,
}

impl Output {
    pub(super) fn new(options: &Options, now: Instant) -> Self {
        Self {
            batch: VecDeque::new(),
            bytes: 0,
            limit: options.outgoing_buffer_bytes,
            protocol: None,
            replay: None,
            last_sent: now,
            blocked_since: None,
        }
    }

    pub(super) fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = Some(protocol);
    }

    /// Whether more may be put into the batch.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.limit && self.replay.as_ref().is_none_or(Replay::has_room)
    }

    /// Appends a message that stateful reconnect counts.
    pub(super) fn push(&mut self, message: Bytes) {
        if let Some(replay) = &mut self.replay {
            replay.keep(message.clone());
        }
        self.push_raw(message);
    }

    /// Appends a ping, a close, an ack, a sequence or an answer to the handshake: nothing that is counted.
    pub(super) fn push_raw(&mut self, bytes: Bytes) {
        self.bytes += bytes.len();
        self.batch.push_back(bytes);
    }

    pub(super) fn control(&mut self, message: &Message) {
        if let Some(protocol) = self.protocol {
            self.push_raw(protocol.encode(message));
        }
    }

    /// The transport is gone, and what it had not taken with it.
    pub(super) fn forget(&mut self) {
        self.batch.clear();
        self.bytes = 0;
        self.blocked_since = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Hands over as much as the transport takes.
    pub(super) fn write(&mut self, carrier: &mut Carrier, context: &mut Context<'_>) -> Written {
        let before = self.bytes;
        let wrote = carrier.poll_write(context, self.protocol, &mut self.batch);
        let (count, blocked) = match wrote {
            Wrote::Lost => return Written::Lost,
            Wrote::All(count) => (count, false),
            Wrote::Blocked(count) => (count, true),
        };
        if count > 0 || self.batch.is_empty() {
            self.bytes = self.batch.iter().map(Bytes::len).sum();
        }
        if count > 0 {
            self.last_sent = Instant::now();
        }
        if !blocked {
            self.blocked_since = None;
        } else if count > 0 || self.blocked_since.is_none() {
            self.blocked_since = Some(Instant::now());
        }
        Written::Some(count, before - self.bytes)
    }
}
