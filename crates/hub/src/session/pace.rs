//! How fast progress is handed over, and what the viewer is told about what it did not get.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use milepost_core::{Coalescer, EventType};
use tokio::time::Sleep;

use super::Item;
use crate::clock::Clock;
use crate::frame::Frame;

/// Hands frames over in order, holding back progress that comes too fast.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Clock,
    coalescer: Coalescer<Arc<Frame>>,
    /// Whether the viewer asked for an interval, so that it holds in the replay too.
    asked: bool,
    interval_ms: u64,
    /// Everything up to here was handed over, superseded, or is not for this viewer.
    handed_over: u64,
    /// Everything up to here was pushed or skipped.
    seen: u64,
    timer: Option<Pin<Box<Sleep>>>,
    released: Vec<Arc<Frame>>,
}

impl Pace {
    pub(super) fn new(clock: Clock, default_ms: u64, asked_ms: Option<u64>) -> Self {
        let interval_ms = asked_ms.unwrap_or(default_ms);
        Self {
            clock,
            coalescer: Coalescer::new(interval_ms),
            asked: asked_ms.is_some(),
            interval_ms,
            handed_over: 0,
            seen: 0,
            timer: None,
            released: Vec::new(),
        }
    }

    pub(super) fn handed_over(&self) -> u64 {
        self.handed_over
    }

    /// Goes on from `seq`; what is held is older and superseded by what the viewer gets instead.
    pub(super) fn jump(&mut self, seq: u64) {
        self.coalescer = Coalescer::new(self.interval_ms);
        self.timer = None;
        (self.handed_over, self.seen) = (seq, seq);
    }

    pub(super) fn push(&mut self, frame: Arc<Frame>, replay: bool, out: &mut Vec<Item>) {
        let paced = self.interval_ms > 0 && (self.asked || !replay);
        if paced && frame.record().event_type == EventType::RunProgressed {
            let now = self.clock.now();
            self.seen = frame.record().seq;
            let run = frame.record().run.clone();
            self.coalescer.hold(&run, frame, now);
            return;
        }
        self.flush(out);
        self.seen = frame.record().seq;
        self.hand_over(frame, out);
    }

    /// Hands over what may go at the end of a turn. Not at every frame: of what came while the viewer was slow, only the
    /// latest progress is worth a word.
    pub(super) fn settle(&mut self, out: &mut Vec<Item>) {
        if !self.coalescer.is_empty() {
            self.coalescer.ready(self.clock.now(), &mut self.released);
            self.hand_over_released(out);
        }
    }

    /// Moves over a frame that is not for this viewer.
    pub(super) fn skip(&mut self, seq: u64) {
        self.seen = seq;
        if self.coalescer.is_empty() {
            self.handed_over = seq;
        }
    }

    /// Hands over everything that is held.
    pub(super) fn flush(&mut self, out: &mut Vec<Item>) {
        if !self.coalescer.is_empty() {
            self.coalescer.flush(self.clock.now(), &mut self.released);
            self.hand_over_released(out);
        }
    }

    /// Hands over what is due, and sees to it that `context` is woken when the rest is.
    pub(super) fn release_due(&mut self, context: &mut Context<'_>, out: &mut Vec<Item>) {
        while let Some(due) = self.coalescer.next_due() {
            let now = self.clock.now();
            if due > now {
                let at = self.clock.instant(due);
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
                // Never set for a time that has come: timers round up, so one that is set anew at each look would never go off.
                timer.as_mut().reset(at);
                if timer.as_mut().poll(context).is_pending() {
                    return;
                }
            } else {
                self.coalescer.ready(now, &mut self.released);
                self.hand_over_released(out);
            }
        }
    }

    fn hand_over_released(&mut self, out: &mut Vec<Item>) {
        let mut released = std::mem::take(&mut self.released);
        for frame in released.drain(..) {
            self.hand_over(frame, out);
        }
        self.released = released;
        if self.coalescer.is_empty() {
            self.handed_over = self.handed_over.max(self.seen);
        }
    }

    fn hand_over(&mut self, frame: Arc<Frame>, out: &mut Vec<Item>) {
        let next = self.handed_over + 1;
        self.handed_over = frame.record().seq;
        let coalesced_from = (next < self.handed_over).then_some(next);
        out.push(Item::Event { frame, coalesced_from });
    }
}
