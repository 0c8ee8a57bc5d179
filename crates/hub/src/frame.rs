//! Frames: an event together with its bytes, encoded once for everybody.

use std::sync::OnceLock;

use bytes::Bytes;
use milepost_core::{Cursor, Epoch, Record, RunId};

/// A durable event on its way to viewers. It caches its encoding, so that a thousand sockets share the same bytes.
#[derive(Debug)]
pub struct Frame {
    stream: RunId,
    epoch: Epoch,
    record: Record,
    plain: OnceLock<Bytes>,
    /// The encoding that says that progress from some sequence on was superseded by this frame. Viewers go in
    /// lockstep, so one such variant serves nearly all of them.
    coalesced: OnceLock<(u64, Bytes)>,
}

impl Frame {
    pub(crate) fn new(stream: RunId, epoch: Epoch, record: Record) -> Self {
        Self { stream, epoch, record, plain: OnceLock::new(), coalesced: OnceLock::new() }
    }

    /// The stream that it belongs to.
    pub fn stream(&self) -> &RunId {
        &self.stream
    }

    /// The event.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The cursor of a viewer that has got it.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.epoch, self.record.seq)
    }

    /// Its bytes, made by `encode` at the first call.
    ///
    /// `coalesced_from` is the first superseded sequence that the viewer did not get, if any; it is part of the bytes.
    pub fn encoded(&self, coalesced_from: Option<u64>, encode: impl FnOnce(&Self, Option<u64>) -> Bytes) -> Bytes {
        let Some(from) = coalesced_from else {
            return self.plain.get_or_init(|| encode(self, None)).clone();
        };
        match self.coalesced.get() {
            Some((cached, bytes)) if *cached == from => bytes.clone(),
            Some(_) => encode(self, coalesced_from),
            None => {
                let bytes = encode(self, coalesced_from);
                // Somebody may have been faster, with another `from`; then this variant is not kept.
                drop(self.coalesced.set((from, bytes.clone())));
                bytes
            }
        }
    }
}
