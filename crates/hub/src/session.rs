//! Sessions: one viewer's way through a stream. A session is a cursor, not a queue.

mod pace;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use milepost_core::{Cursor, Project, Record, Run, RunId, Tree, TypeFilter};
use milepost_store::StoreError;

use crate::caps;
use crate::frame::Frame;
use crate::live::{Key, Live, Shown};
use crate::marks::Viewing;
use crate::registry::Registry;
use crate::wakers::Registration;
use pace::Pace;

/// Where a viewer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With a snapshot, then everything after it.
    Now,
    /// With the first event.
    Start,
    /// Strictly after this cursor.
    After(Cursor),
}

/// How a viewer wants it.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// At most one progress frame per run in so many milliseconds, in the replay too. Absent: the server's default, and
    /// a replay as the log has it.
    pub coalesce_ms: Option<u64>,
    /// Only these types; the cursor moves over the others.
    pub types: Option<TypeFilter>,
    /// Whether every frame has to have a [view](Frame::view).
    pub views: Views,
    /// What to do when everything is said.
    pub at_end: AtEnd,
}

/// What a viewer does when everything is said: the root is terminal, and no audit is in progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// Goes.
    #[default]
    Leave,
    /// Is told so, and stays for an audit that somebody begins later. The stream stays in the memory meanwhile.
    Stay,
}

/// Whether a viewer is shown the runs as they stood right after each event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Views {
    /// The events are enough. Frames that come from memory have a view all the same.
    #[default]
    Unneeded,
    /// Every frame has one. What is read from the log is folded, from the latest checkpoint before it or from the beginning,
    /// page by page; only such sessions pay for that.
    Wanted,
}

/// What a viewer gets, in this order of its life: `Snapshot`, or nothing, or `Reset` and `Snapshot`; events;
/// `CaughtUp`; events, and `Reset` and `Snapshot` when it cannot keep up; `End`, or `Closed`. Where it [stays](AtEnd::Stay), events and
/// another `End` may follow an `End`.
#[derive(Debug, Clone)]
pub enum Item {
    /// The state to go on from.
    Snapshot(Arc<Shown>),
    /// An event. With `coalesced_from`, the sequences from there on were progress that this frame, or one handed over
    /// together with it, supersedes.
    Event {
        /// The event.
        frame: Arc<Frame>,
        /// The first superseded sequence.
        coalesced_from: Option<u64>,
    },
    /// Everything that was there at the beginning has been handed over.
    CaughtUp(Cursor),
    /// Continuity cannot be given, for this reason; a snapshot follows.
    Reset(&'static str),
    /// Everything is said.
    End(Cursor),
    /// The stream goes away: the server is shutting down, or the run was deleted.
    Closed,
}

/// One viewer's way through a stream: log, then ring, then live, all by the same cursor, so that there is no seam at which
/// something could be lost or repeated.
pub struct Session {
    registry: Arc<Registry>,
    live: Arc<Live>,
    /// The topmost run that the viewer sees.
    top: RunId,
    types: Option<TypeFilter>,
    /// There where frames have to have views.
    viewing: Option<Viewing>,
    /// The state at `position`, while the log is being read for views.
    state: Option<Tree>,
    from: From,
    at_end: AtEnd,
    /// Where a viewer who stays was told of the end.
    ended: Option<u64>,
    phase: Phase,
    /// Everything up to here was looked at.
    position: u64,
    pace: Pace,
    registration: Registration,
    /// Frames between being read and being handed over; kept to reuse its memory.
    turn: Vec<Arc<Frame>>,
}

enum Phase {
    Starting,
    /// Reading up to `target`; `first` is the replay after connecting, others are for catching up after having been slow.
    CatchingUp {
        target: u64,
        first: bool,
    },
    Reading {
        page: BoxFuture<'static, Result<Page, StoreError>>,
        target: u64,
        first: bool,
    },
    Live,
    Done,
}

/// What was read from the log.
enum Page {
    /// Records, and the state before the first of them where views are wanted.
    Read(Vec<Record>, Option<Tree>),
    /// There is no such stream any more.
    Gone,
}

impl Session {
    pub(crate) fn new(
        registry: Arc<Registry>,
        live: Arc<Live>,
        top: RunId,
        from: From,
        options: SessionOptions,
    ) -> Self {
        let pace = Pace::new(registry.clock.clone(), registry.options.min_interval_ms, options.coalesce_ms);
        let registration = live.registration();
        let types = options.types;
        let viewing = (options.views == Views::Wanted).then(|| Viewing::new(live.clone()));
        Self {
            registry,
            live,
            top,
            types,
            viewing,
            state: None,
            from,
            at_end: options.at_end,
            ended: None,
            phase: Phase::Starting,
            position: 0,
            pace,
            registration,
            turn: Vec::new(),
        }
    }

    /// Whether the viewer has everything already, and nothing will follow.
    pub fn is_at_end(&self) -> bool {
        match self.from {
            From::After(cursor) => self.knows(cursor) && cursor.seq == self.live.head() && self.live.is_over(),
            From::Now | From::Start => false,
        }
    }

    /// Whether nothing more comes.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// The project of its stream.
    pub fn project(&self) -> &Project {
        &self.live.key.project
    }

    /// The stream that it follows.
    pub fn stream(&self) -> &RunId {
        &self.live.key.stream
    }

    /// The root of its tree, as it is now.
    pub fn root(&self) -> Option<Arc<Run>> {
        self.live.with_tree(|tree| tree.root().cloned())
    }

    /// The cursor of the viewer: what it was not given up to here is not for it, or was superseded.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.live.epoch, self.pace.handed_over())
    }

    /// Puts what comes next into `out`; sleeps until there is something. Ready with an empty `out` once it [is done](Self::is_done).
    ///
    /// # Errors
    /// When the log cannot be read; the session may be polled again.
    pub fn poll(&mut self, context: &mut Context<'_>, out: &mut Vec<Item>) -> Poll<Result<(), StoreError>> {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Live) {
                Phase::Starting => self.start(out),
                Phase::CatchingUp { target, first } => self.catch_up(target, first, out),
                Phase::Reading { mut page, target, first } => match page.as_mut().poll(context) {
                    Poll::Pending => {
                        self.phase = Phase::Reading { page, target, first };
                        return ready_with(out);
                    }
                    // A store that was closed fails; that the server is going away is the better answer.
                    Poll::Ready(Err(_)) if self.live.is_closed() => self.close(out),
                    Poll::Ready(Err(error)) => {
                        self.phase = Phase::CatchingUp { target, first };
                        return Poll::Ready(Err(error));
                    }
                    Poll::Ready(Ok(Page::Gone)) => self.close(out),
                    Poll::Ready(Ok(Page::Read(records, state))) => {
                        if let Err(error) = self.read(records, state, target, first, out) {
                            self.phase = Phase::CatchingUp { target, first };
                            return Poll::Ready(Err(error));
                        }
                    }
                },
                Phase::Live => {
                    if self.follow(context, out) {
                        return ready_with(out);
                    }
                }
                Phase::Done => {
                    self.phase = Phase::Done;
                    return Poll::Ready(Ok(()));
                }
            }
            if out.len() >= caps::FRAMES_PER_TURN {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Whether `cursor` is one of this stream as it is now: of its incarnation, and not past its head.
    pub fn knows(&self, cursor: Cursor) -> bool {
        cursor.epoch.is_none_or(|epoch| epoch == self.live.epoch) && cursor.seq <= self.live.head()
    }

    fn start(&mut self, out: &mut Vec<Item>) {
        let target = self.live.head();
        match self.from {
            From::Start => {}
            From::After(cursor) if self.knows(cursor) => self.jump(cursor.seq),
            From::After(cursor) if cursor.epoch.is_none_or(|epoch| epoch == self.live.epoch) => {
                self.reset("ahead", out);
            }
            From::After(_) => self.reset("epoch", out),
            From::Now => self.show(out),
        }
        if !self.is_done() {
            self.phase = Phase::CatchingUp { target: target.max(self.position), first: true };
        }
    }

    fn reset(&mut self, reason: &'static str, out: &mut Vec<Item>) {
        out.push(Item::Reset(reason));
        self.show(out);
    }

    fn show(&mut self, out: &mut Vec<Item>) {
        let Some(shown) = self.live.shown(&self.top, self.registry.clock.now()) else { return self.close(out) };
        self.jump(shown.snapshot().seq);
        out.push(Item::Snapshot(shown));
    }

    fn close(&mut self, out: &mut Vec<Item>) {
        out.push(Item::Closed);
        self.phase = Phase::Done;
    }

    fn jump(&mut self, seq: u64) {
        self.position = seq;
        self.pace.jump(seq);
    }

    /// One step towards `target`: from the ring where it reaches back far enough, else from the log.
    fn catch_up(&mut self, target: u64, first: bool, out: &mut Vec<Item>) {
        if self.position >= target {
            self.state = None;
            if first {
                self.pace.flush(out);
                out.push(Item::CaughtUp(self.cursor()));
            }
            return; // the phase is `Live` by now
        }
        let mut turn = std::mem::take(&mut self.turn);
        if self.live.frames_after(self.position, caps::FRAMES_PER_TURN, &mut turn) {
            self.state = None;
            self.hand_over(&mut turn, first, out);
            self.phase = Phase::CatchingUp { target, first };
        } else {
            self.phase = Phase::Reading { page: self.page(), target, first };
        }
        self.turn = turn;
    }

    fn page(&mut self) -> BoxFuture<'static, Result<Page, StoreError>> {
        let (registry, live, after) = (self.registry.clone(), self.live.clone(), self.position);
        let state = self.state.take().filter(|state| state.seq() == after);
        let views = if self.viewing.is_some() { Views::Wanted } else { Views::Unneeded };
        Box::pin(async move {
            let state = match (views, state) {
                (Views::Unneeded, _) => None,
                (Views::Wanted, Some(state)) => Some(state),
                (Views::Wanted, None) => match registry.state_at(&live, after).await? {
                    Some(state) => Some(state),
                    None => return Ok(Page::Gone),
                },
            };
            let Key { project, stream } = &live.key;
            Ok(Page::Read(registry.store.read(project, stream, after, caps::PAGE).await?, state))
        })
    }

    fn read(
        &mut self,
        mut records: Vec<Record>,
        mut state: Option<Tree>,
        target: u64,
        first: bool,
        out: &mut Vec<Item>,
    ) -> Result<(), StoreError> {
        // What is durable but not shown yet is not for viewers; it comes by way of the ring in a moment.
        let head = self.live.head();
        records.retain(|record| record.seq <= head);
        if records.is_empty() || self.live.is_closed() {
            // It was deleted meanwhile, and may have been made again; or the server is going away.
            self.close(out);
            return Ok(());
        }
        let stream = &self.live.key.stream;
        let mut turn = Vec::with_capacity(records.len());
        for record in records {
            let view = match &mut state {
                None => None,
                Some(state) => {
                    let event = record.event(stream)?;
                    state.evolve(&event);
                    state.view_of(&event)
                }
            };
            turn.push(Arc::new(Frame::new(stream.clone(), self.live.epoch, record, view)));
        }
        self.state = state;
        self.hand_over(&mut turn, first, out);
        self.phase = Phase::CatchingUp { target, first };
        Ok(())
    }

    /// Follows the ring. True when there is nothing more to do in this turn.
    fn follow(&mut self, context: &mut Context<'_>, out: &mut Vec<Item>) -> bool {
        // Registered before the head is looked at, so that nothing is missed in between.
        self.registration.register(context.waker());
        if self.live.is_closed() && self.position >= self.live.head() {
            self.pace.flush(out);
            out.push(if self.live.is_over() { Item::End(self.cursor()) } else { Item::Closed });
            self.phase = Phase::Done;
            return true;
        }
        let head = self.live.head();
        if head > self.position {
            let mut turn = std::mem::take(&mut self.turn);
            let in_ring = self.live.frames_after(self.position, caps::FRAMES_PER_TURN, &mut turn);
            if in_ring {
                self.hand_over(&mut turn, false, out);
            } else if head - self.position > caps::LAG {
                self.reset("too_slow", out);
            } else {
                self.phase = Phase::CatchingUp { target: head, first: false };
            }
            self.turn = turn;
            return self.is_done();
        }
        self.pace.release_due(context, out);
        if self.live.is_over() && self.position == self.live.head() && self.ended != Some(self.position) {
            self.pace.flush(out);
            out.push(Item::End(self.cursor()));
            match self.at_end {
                AtEnd::Leave => self.phase = Phase::Done,
                AtEnd::Stay => self.ended = Some(self.position),
            }
        }
        true
    }

    fn hand_over(&mut self, frames: &mut Vec<Arc<Frame>>, replay: bool, out: &mut Vec<Item>) {
        for frame in frames.drain(..) {
            self.position = frame.record().seq;
            if self.wants(&frame) {
                self.pace.push(frame, replay, out);
            } else {
                self.pace.skip(self.position);
            }
        }
        self.pace.settle(out);
    }

    fn wants(&self, frame: &Frame) -> bool {
        let record = frame.record();
        let typed = self.types.as_ref().is_none_or(|types| types.wants(&record.event_type));
        // Parents never change, so the tree of today tells where a run of any day belongs.
        let whole = self.top == self.live.key.stream;
        typed && (whole || self.live.with_tree(|tree| tree.is_within(&record.run, &self.top)))
    }
}

fn ready_with(out: &[Item]) -> Poll<Result<(), StoreError>> {
    if out.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("top", &self.top).field("position", &self.position).finish_non_exhaustive()
    }
}
