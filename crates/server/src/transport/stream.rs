//! A response body that follows a session.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::Frame as BodyFrame;
use milepost_hub::{Item, Session};
use tokio::time::{Instant, Sleep};

use super::HEARTBEAT;
use crate::metrics::SessionGuard;

/// How one transport writes what a session hands over.
pub(super) trait Format: Unpin + Send + 'static {
    /// Puts the bytes of `item` into `out`.
    fn write(item: &Item, session: &Session, out: &mut VecDeque<Bytes>);
    /// A word for a viewer that has not heard anything for a while; `moved` when its cursor went on without it.
    fn heartbeat(session: &Session, moved: bool) -> Bytes;
}

/// A body that is written as the session goes on. What is ready at the same time leaves in one piece.
pub(super) struct Following<F> {
    session: Session,
    items: Vec<Item>,
    pieces: VecDeque<Bytes>,
    /// Wakes at the earliest when a word is due. It is not moved at every event: it may be early, and then goes on.
    timer: Pin<Box<Sleep>>,
    spoke: Instant,
    /// The cursor that the viewer was told last.
    told: u64,
    guard: SessionGuard,
    format: std::marker::PhantomData<F>,
}

impl<F: Format> Following<F> {
    pub(super) fn new(session: Session, guard: SessionGuard) -> Self {
        Self {
            session,
            items: Vec::new(),
            pieces: VecDeque::new(),
            timer: Box::pin(tokio::time::sleep(HEARTBEAT)),
            spoke: Instant::now(),
            told: 0,
            guard,
            format: std::marker::PhantomData,
        }
    }

    /// Merges what is waiting, up to a size that is worth a write of its own.
    fn next_piece(&mut self) -> Option<Bytes> {
        const MERGE: usize = 64 * 1024;
        let first = self.pieces.pop_front()?;
        let fits = |len: usize, next: Option<&Bytes>| next.is_some_and(|next| len + next.len() <= MERGE);
        if !fits(first.len(), self.pieces.front()) {
            return Some(first);
        }
        let mut merged =
            BytesMut::with_capacity(self.pieces.iter().map(Bytes::len).sum::<usize>().min(MERGE) + first.len());
        merged.extend_from_slice(&first);
        while fits(merged.len(), self.pieces.front())
            && let Some(next) = self.pieces.pop_front()
        {
            merged.extend_from_slice(&next);
        }
        Some(merged.freeze())
    }

    fn speak(&mut self) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        self.spoke = Instant::now();
        Poll::Ready(self.next_piece().map(|piece| Ok(BodyFrame::data(piece))))
    }

    fn take_items(&mut self) {
        let mut events = 0;
        for item in self.items.drain(..) {
            events += u64::from(matches!(item, Item::Event { .. }));
            F::write(&item, &self.session, &mut self.pieces);
        }
        self.guard.delivered(events);
        self.told = self.session.cursor().seq;
    }
}

impl<F: Format> http_body::Body for Following<F> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if !this.pieces.is_empty() {
                return this.speak();
            }
            match this.session.poll(context, &mut this.items) {
                Poll::Ready(Ok(())) if this.items.is_empty() => return Poll::Ready(None),
                Poll::Ready(Ok(())) => this.take_items(),
                Poll::Ready(Err(error)) => {
                    // The viewer comes back from its cursor; it has lost nothing.
                    tracing::warn!(stream = %this.session.stream(), %error, "a viewer was sent away");
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    std::task::ready!(this.timer.as_mut().poll(context));
                    let due = this.spoke + HEARTBEAT;
                    if due <= Instant::now() {
                        let cursor = this.session.cursor().seq;
                        this.pieces.push_back(F::heartbeat(&this.session, cursor != this.told));
                        this.told = cursor;
                        this.timer.as_mut().reset(Instant::now() + HEARTBEAT);
                    } else {
                        this.timer.as_mut().reset(due);
                    }
                }
            }
        }
    }
}
