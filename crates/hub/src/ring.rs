//! The last frames of a live stream.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::caps;
use crate::frame::Frame;

/// The newest frames, contiguous, bounded in number and bytes.
#[derive(Debug)]
pub(crate) struct Ring {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self { frames: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn push(&mut self, frame: Arc<Frame>) {
        let contiguous = self.frames.back().is_none_or(|last| last.record().seq + 1 == frame.record().seq);
        debug_assert!(contiguous, "a ring has no gaps");
        self.bytes += frame.weight();
        self.frames.push_back(frame);
        while self.frames.len() > caps::RING_FRAMES || (self.bytes > caps::RING_BYTES && self.frames.len() > 1) {
            self.bytes -= self.frames.pop_front().map_or(0, |gone| gone.weight());
        }
    }

    /// Copies the frames after `position` to `out`, at most `limit`. False when the first of them is gone from the ring.
    pub(crate) fn after(&self, position: u64, limit: usize, out: &mut Vec<Arc<Frame>>) -> bool {
        let Some(first) = self.frames.front() else { return false };
        let Some(skip) = (position + 1).checked_sub(first.record().seq) else { return false };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(self.frames.len());
        out.extend(self.frames.range(skip..).take(limit).cloned());
        true
    }
}
