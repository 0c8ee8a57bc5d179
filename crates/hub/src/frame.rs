//! Frames: an event together with its bytes, encoded once for everybody.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use milepost_core::{Cursor, Epoch, Record, RunId, View};

use crate::slots::Slots;

/// A durable event on its way to viewers. It caches its encoding, so that a thousand sockets share the same bytes.
#[derive(Debug)]
pub struct Frame {
    stream: RunId,
    epoch: Epoch,
    record: Record,
    view: Option<View>,
    plain: OnceLock<Bytes>,
    /// The encoding that says that progress from some sequence on was superseded by this frame. Viewers go in
    /// lockstep, so one such variant serves nearly all of them.
    coalesced: OnceLock<(u64, Bytes)>,
    others: Slots,
}

impl Frame {
    pub(crate) fn new(stream: RunId, epoch: Epoch, record: Record, view: Option<View>) -> Self {
        let (plain, coalesced, others) = (OnceLock::new(), OnceLock::new(), Slots::default());
        Self { stream, epoch, record, view, plain, coalesced, others }
    }

    /// The stream that it belongs to.
    pub fn stream(&self) -> &RunId {
        &self.stream
    }

    /// The event.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The runs as they stood right after the event. Live frames have it; those that were read from the log have it only in
    /// sessions that [want views](crate::Views::Wanted).
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref()
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

    /// What a dialect makes of this frame, made by `make` at the first call and shared from then on. It is known by its type `T`,
    /// so a dialect brings one of its own; `coalesced_from` is as for [`encoded`](Self::encoded).
    pub fn shared<T: Any + Send + Sync>(&self, coalesced_from: Option<u64>, make: impl FnOnce() -> T) -> Arc<T> {
        self.others.get_or_make(coalesced_from, make)
    }

    /// About how many bytes it keeps in memory, beyond the few of every frame.
    pub(crate) fn weight(&self) -> usize {
        self.record.data.len() + self.view.as_ref().map_or(0, View::weight)
    }
}
