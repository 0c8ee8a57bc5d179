//! A project's feed: the events of all its streams, as they become durable.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use milepost_core::{Cursor, EventType, Project, Run, RunId};

use crate::caps;
use crate::frame::Frame;
use crate::wakers::{Registration, Wakers};

/// The feeds that somebody reads.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Mutex<HashMap<Project, Arc<Channel>>>);

impl Feeds {
    pub(crate) fn publish(&self, project: &Project, frames: &[Arc<Frame>]) {
        let Some(channel) = lock(&self.0).get(project).cloned() else { return };
        channel.push(frames);
    }

    pub(crate) fn join(&self, project: &Project) -> Arc<Channel> {
        let mut feeds = lock(&self.0);
        // A feed that nobody reads any more is held by the map alone.
        feeds.retain(|_, channel| Arc::strong_count(channel) > 1);
        feeds.entry(project.clone()).or_default().clone()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Channel {
    ring: Mutex<FeedRing>,
    wakers: Arc<Wakers>,
}

#[derive(Debug, Default)]
struct FeedRing {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    /// How many frames have left the ring: the position of its first.
    gone: u64,
}

impl FeedRing {
    fn push(&mut self, frame: Arc<Frame>) {
        self.bytes += frame.weight();
        self.frames.push_back(frame);
        while self.frames.len() > caps::FEED_FRAMES || (self.bytes > caps::FEED_BYTES && self.frames.len() > 1) {
            self.bytes -= self.frames.pop_front().map_or(0, |gone| gone.weight());
            self.gone += 1;
        }
    }
}

impl Channel {
    fn push(&self, frames: &[Arc<Frame>]) {
        {
            let mut ring = lock(&self.ring);
            for frame in frames {
                ring.push(frame.clone());
            }
        }
        self.wakers.wake_all();
    }

    pub(crate) fn end(&self) -> u64 {
        let ring = lock(&self.ring);
        ring.gone + ring.frames.len() as u64
    }

    /// The frames from `position` on; none when they are gone.
    fn from(&self, position: u64) -> Option<Vec<Arc<Frame>>> {
        let ring = lock(&self.ring);
        let skip = usize::try_from(position.checked_sub(ring.gone)?).ok()?;
        Some(ring.frames.iter().skip(skip).take(caps::FRAMES_PER_TURN).cloned().collect())
    }
}

/// What a reader of a feed gets.
#[derive(Debug, Clone)]
pub enum FeedItem {
    /// An event that is not in the list of runs that the reader has.
    Event(Arc<Frame>),
    /// The reader was too slow: it needs the list of runs again.
    Lost,
}

/// One reader of a project's feed. It begins with the list of open runs, and goes on with every event after it.
#[derive(Debug)]
pub struct Feed {
    channel: Arc<Channel>,
    registration: Registration,
    position: u64,
    /// Where the streams stood when the list was made: what is not later is in the list already.
    heads: HashMap<RunId, Cursor>,
    runs: Vec<(Arc<Run>, Cursor)>,
}

impl Feed {
    pub(crate) fn new(channel: Arc<Channel>, position: u64, runs: Vec<(Arc<Run>, Cursor)>) -> Self {
        let heads = runs.iter().map(|(run, cursor)| (run.stream.clone(), *cursor)).collect();
        let registration = Registration::new(channel.wakers.clone());
        Self { channel, registration, position, heads, runs }
    }

    /// The open root runs of the project with the cursors of their streams, as of the beginning.
    pub fn runs(&self) -> &[(Arc<Run>, Cursor)] {
        &self.runs
    }

    /// Puts what is new into `out`, or sleeps until there is something. After [`FeedItem::Lost`] nothing more comes.
    pub fn poll(&mut self, context: &mut Context<'_>, out: &mut Vec<FeedItem>) -> Poll<()> {
        self.registration.register(context.waker());
        loop {
            let Some(frames) = self.channel.from(self.position) else {
                out.push(FeedItem::Lost);
                return Poll::Ready(());
            };
            if frames.is_empty() {
                return Poll::Pending;
            }
            self.position += frames.len() as u64;
            let known = |frame: &Frame| {
                let (head, cursor) = (self.heads.get(frame.stream()), frame.cursor());
                head.is_some_and(|head| head.epoch == cursor.epoch && cursor.seq <= head.seq)
            };
            out.extend(frames.into_iter().filter(|frame| !known(frame)).map(FeedItem::Event));
            if !out.is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

/// Somebody who waits for a run to be created.
#[derive(Debug)]
pub(crate) struct Creation {
    channel: Arc<Channel>,
    registration: Registration,
    position: u64,
    run: RunId,
}

impl Creation {
    pub(crate) fn new(channel: Arc<Channel>, run: RunId) -> Self {
        let registration = Registration::new(channel.wakers.clone());
        Self { position: channel.end(), channel, registration, run }
    }

    /// Ready when it is worth looking for the run: it was created, or so much happened that it may have been.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.registration.register(context.waker());
        loop {
            let Some(frames) = self.channel.from(self.position) else {
                self.position = self.channel.end();
                return Poll::Ready(());
            };
            if frames.is_empty() {
                return Poll::Pending;
            }
            self.position += frames.len() as u64;
            let creates = |frame: &Arc<Frame>| {
                let record = frame.record();
                record.event_type == EventType::RunCreated && record.run == self.run
            };
            if frames.iter().any(creates) {
                return Poll::Ready(());
            }
        }
    }
}

// Nothing panics while one of these locks is held, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
