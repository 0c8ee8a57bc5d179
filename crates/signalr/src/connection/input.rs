//! Bytes that have arrived and are not handled yet.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::options::Options;
use crate::protocol::{FrameError, Frames, Protocol};

pub(super) struct Input {
    frames: Frames,
    /// A POST that has to wait for room. There is one at most: requests take turns.
    posted: Option<(Bytes, oneshot::Sender<()>)>,
    limit: usize,
}

impl Input {
    pub(super) fn new(options: &Options) -> Self {
        // A whole message has to fit, or it would never be complete.
        let limit = options.incoming_buffer_bytes.max(options.max_message_bytes);
        Self { frames: Frames::new(options.max_message_bytes), posted: None, limit }
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.frames.len() < self.limit
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        self.frames.push(bytes);
    }

    /// Takes bytes of a POST, at once or when there is room.
    pub(super) fn post(&mut self, bytes: Bytes, done: oneshot::Sender<()>) {
        self.posted = Some((bytes, done));
        self.settle();
    }

    /// Forgets the beginning of a message whose transport broke.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    pub(super) fn next(&mut self, protocol: Protocol) -> Result<Option<Bytes>, FrameError> {
        let next = self.frames.next(protocol);
        self.settle();
        next
    }

    pub(super) fn next_record(&mut self) -> Result<Option<Bytes>, FrameError> {
        let next = self.frames.next_record();
        self.settle();
        next
    }

    fn settle(&mut self) {
        if self.has_room()
            && let Some((bytes, done)) = self.posted.take()
        {
            self.frames.push(bytes);
            // The request may have been given up.
            let _unheard = done.send(());
        }
    }
}
