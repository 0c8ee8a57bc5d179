//! The event stream of one ingest job: stages, counts and percentages (the dialect of `milepost_wire::dialects::ingest`).
//!
//! A viewer folds the job's own log, so that each change of stage gets a frame even when the job is faster than the viewer, and
//! shows in between what is newest, at most once an interval.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Frame as BodyFrame;
use milepost_core::{Cursor, Epoch, Tree};
use milepost_hub::{Hub, Item, Session};
use milepost_wire::dialects::ingest::Progress;
use tokio::time::{Instant, Sleep};

use crate::caps::SILENCE;
use crate::metrics::SessionGuard;

/// Where a viewer joins a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// At its beginning, because it has just begun.
    Start,
    /// Where it stands.
    Now,
    /// After what the viewer has seen.
    After(Cursor),
}

/// The body of the stream. Its session replays the log from the start, which for a job is short.
pub(super) struct Follow {
    session: Session,
    tree: Tree,
    hub: Hub,
    items: Vec<Item>,
    out: BytesMut,
    /// Nothing is shown before this sequence is reached.
    quiet_until: u64,
    caught_up: bool,
    interval: Duration,
    shown: Option<Shown>,
    timer: Pin<Box<Sleep>>,
    done: bool,
    guard: SessionGuard,
}

/// The last frame, be it of this connection or of the one that this one resumes.
struct Shown {
    progress: Progress,
    at: Instant,
}

impl Follow {
    pub(super) fn new(session: Session, join: Join, interval: Duration, hub: Hub, guard: SessionGuard) -> Self {
        let (project, stream) = (session.project().clone(), session.stream().clone());
        let epoch = session.cursor().epoch.unwrap_or(Epoch(0));
        Self {
            tree: Tree::empty(project, stream, epoch),
            hub,
            items: Vec::new(),
            out: BytesMut::new(),
            quiet_until: match join {
                Join::Start => 0,
                Join::Now => u64::MAX,
                Join::After(cursor) => cursor.seq,
            },
            caught_up: false,
            interval,
            shown: None,
            timer: Box::pin(tokio::time::sleep(SILENCE)),
            done: false,
            guard,
            session,
        }
    }

    fn take_items(&mut self) {
        for item in std::mem::take(&mut self.items) {
            match item {
                Item::Event { frame, .. } => {
                    let Ok(event) = frame.record().event(self.session.stream()) else { continue };
                    self.tree.evolve(&event);
                    if self.tree.seq() == self.quiet_until {
                        self.remember();
                    }
                    self.look(Look::StageChanged);
                }
                // What was there when the viewer joined is one frame, however much it was.
                Item::CaughtUp(_) => {
                    (self.caught_up, self.quiet_until) = (true, 0);
                }
                Item::End(_) => {
                    self.look(Look::Changed);
                    self.done = true;
                }
                Item::Snapshot(_) | Item::Reset(_) | Item::Closed => self.done = true,
            }
        }
        if self.caught_up {
            self.look(Look::Due);
        }
    }

    /// Shows the job as it stands now, if it is time to.
    fn look(&mut self, look: Look) {
        if self.tree.seq() <= self.quiet_until {
            return;
        }
        let Some(progress) = self.progress() else { return };
        let now = Instant::now();
        let wanted = match (&self.shown, look) {
            (None, _) => true,
            (Some(shown), Look::StageChanged) => shown.progress.stage != progress.stage,
            (Some(shown), Look::Changed) => shown.progress != progress,
            (Some(shown), Look::Due) => now >= self.due(shown, &progress),
        };
        if wanted {
            self.show(progress, now);
        } else if let Some(shown) = &self.shown {
            let due = self.due(shown, &progress);
            self.timer.as_mut().reset(due);
        }
    }

    /// What a viewer that resumes has seen: only what differs from it is worth a frame.
    fn remember(&mut self) {
        let now = Instant::now();
        let at = now.checked_sub(self.interval.min(SILENCE)).unwrap_or(now);
        self.shown = self.progress().map(|progress| Shown { progress, at });
    }

    /// When the next frame goes out if nothing else happens: soon when there is something new, else as a sign of life.
    fn due(&self, shown: &Shown, progress: &Progress) -> Instant {
        shown.at + if shown.progress == *progress { SILENCE } else { self.interval.min(SILENCE) }
    }

    fn show(&mut self, progress: Progress, at: Instant) {
        self.out.extend_from_slice(&progress.frame(Some(self.tree.cursor())));
        self.guard.delivered(1);
        self.shown = Some(Shown { progress, at });
        self.timer.as_mut().reset(at + SILENCE);
    }

    fn progress(&self) -> Option<Progress> {
        Progress::of(&self.tree.snapshot(self.hub.now())?)
    }
}

#[derive(Clone, Copy)]
enum Look {
    StageChanged,
    Changed,
    Due,
}

impl http_body::Body for Follow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if !this.out.is_empty() {
                return Poll::Ready(Some(Ok(BodyFrame::data(this.out.split().freeze()))));
            }
            if this.done {
                return Poll::Ready(None);
            }
            match this.session.poll(context, &mut this.items) {
                Poll::Ready(Ok(())) if this.items.is_empty() => this.done = true,
                Poll::Ready(Ok(())) => this.take_items(),
                Poll::Ready(Err(error)) => {
                    tracing::warn!(stream = %this.session.stream(), %error, "a viewer of a job was sent away");
                    this.done = true;
                }
                Poll::Pending => {
                    std::task::ready!(this.timer.as_mut().poll(context));
                    this.timer.as_mut().reset(Instant::now() + SILENCE);
                    this.look(Look::Due);
                }
            }
        }
    }
}
