//! One subscription: a session, or the wait for one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::BoxFuture;
use milepost_core::{Cursor, Project, RunId};
use milepost_hub::{AtEnd, From, Hub, HubError, Item, Session, SessionOptions, Views};
use milepost_signalr::SharedMessage;
use tokio::time::Sleep;

use super::messages;
use crate::app::App;
use crate::metrics::SessionGuard;

/// How long a subscription rests after its log could not be read. A store that is away comes back, or its server goes.
const REST: Duration = Duration::from_secs(1);

/// What a subscription brings.
pub(super) enum Word {
    /// Where the campaign stands.
    Snapshot(SharedMessage),
    /// What happened.
    Update(SharedMessage),
    /// That a cancellation is through.
    Acknowledgement(SharedMessage),
    /// That continuity is lost, and why; a snapshot follows.
    Reset(&'static str),
}

/// A stream of words about a campaign, until it is over, or for as long as somebody stays. It goes on where it was after a failing read.
pub(super) struct Following {
    campaign: RunId,
    at_end: AtEnd,
    /// Whether everything was said, so far.
    ended: Arc<AtomicBool>,
    phase: Phase,
    /// Kept to reuse its memory.
    items: Vec<Item>,
    words: VecDeque<Word>,
    guard: SessionGuard,
}

enum Phase {
    Awaiting(BoxFuture<'static, Result<Session, HubError>>),
    Following(Box<Session>),
    Resting(Pin<Box<Sleep>>, Box<Session>),
    Over,
}

/// Where a subscription begins: with a snapshot, or after a sequence.
pub(super) fn beginning(after: Option<u64>) -> From {
    after.map_or(From::Now, |seq| From::After(Cursor { epoch: None, seq }))
}

impl Following {
    /// Follows a campaign from `from` on. One that does not exist yet is waited for, and then told from its first event on.
    pub(super) async fn begin(
        app: &App,
        project: &Project,
        campaign: &RunId,
        from: From,
        at_end: AtEnd,
    ) -> Result<Self, HubError> {
        let options = SessionOptions { views: Views::Wanted, at_end, ..SessionOptions::default() };
        let (hub, guard) = (app.hub(), app.metrics().session("signalr"));
        let mut words = VecDeque::new();
        let phase = match hub.subscribe(project, campaign, from, options.clone()).await {
            Ok(session) if session.stream() != campaign => {
                return Err(HubError::NotARoot { run: campaign.clone(), root: session.stream().clone() });
            }
            Ok(session) => Phase::Following(Box::new(session)),
            Err(HubError::RunNotFound(_)) => {
                if from == From::Now {
                    words.push_back(Word::Snapshot(messages::missing(campaign, hub.now()).message));
                }
                Phase::Awaiting(Box::pin(arrival(hub.clone(), project.clone(), campaign.clone(), options)))
            }
            Err(error) => return Err(error),
        };
        let (campaign, ended) = (campaign.clone(), Arc::default());
        Ok(Self { campaign, at_end, ended, phase, items: Vec::new(), words, guard })
    }

    /// True as long as the campaign is over. It is gone when this is.
    pub(super) fn ended(&self) -> Arc<AtomicBool> {
        self.ended.clone()
    }

    fn take_items(&mut self) {
        let mut events = 0;
        for item in self.items.drain(..) {
            match item {
                Item::Snapshot(shown) => {
                    self.words.push_back(Word::Snapshot(messages::snapshot(&shown, &self.campaign).message.clone()));
                }
                Item::Event { frame, coalesced_from } => {
                    events += 1;
                    self.ended.store(false, Ordering::Relaxed);
                    if let Some(told) = &*messages::event(&frame, coalesced_from) {
                        self.words.push_back(Word::Update(told.update.clone()));
                        self.words.extend(told.acknowledgement.clone().map(Word::Acknowledgement));
                    }
                }
                Item::Reset(reason) => self.words.push_back(Word::Reset(reason)),
                Item::CaughtUp(_) => {}
                Item::End(_) if self.at_end == AtEnd::Stay => self.ended.store(true, Ordering::Relaxed),
                // Everything is said; or the run is gone, or the server is going, and its clients come back by themselves.
                Item::End(_) | Item::Closed => self.phase = Phase::Over,
            }
        }
        self.guard.delivered(events);
    }
}

/// Waits for a campaign, and follows it from its first event on, whatever was deleted and made again meanwhile.
async fn arrival(hub: Hub, project: Project, campaign: RunId, options: SessionOptions) -> Result<Session, HubError> {
    loop {
        hub.created(&project, &campaign).await?;
        match hub.subscribe(&project, &campaign, From::Start, options.clone()).await {
            Err(HubError::RunNotFound(_)) => {}
            found => return found,
        }
    }
}

impl Stream for Following {
    type Item = Word;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Word>> {
        let this = self.get_mut();
        loop {
            if let Some(word) = this.words.pop_front() {
                return Poll::Ready(Some(word));
            }
            match std::mem::replace(&mut this.phase, Phase::Over) {
                Phase::Over => return Poll::Ready(None),
                Phase::Awaiting(mut arrival) => match arrival.as_mut().poll(context) {
                    Poll::Pending => {
                        this.phase = Phase::Awaiting(arrival);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(session)) => this.phase = Phase::Following(Box::new(session)),
                    Poll::Ready(Err(error)) => tracing::warn!(campaign = %this.campaign, %error, "nobody can wait"),
                },
                Phase::Resting(mut sleep, session) => match sleep.as_mut().poll(context) {
                    Poll::Pending => {
                        this.phase = Phase::Resting(sleep, session);
                        return Poll::Pending;
                    }
                    Poll::Ready(()) => this.phase = Phase::Following(session),
                },
                Phase::Following(mut session) => match session.poll(context, &mut this.items) {
                    Poll::Pending => {
                        this.phase = Phase::Following(session);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(())) if this.items.is_empty() => {}
                    Poll::Ready(Ok(())) => {
                        this.phase = Phase::Following(session);
                        this.take_items();
                    }
                    Poll::Ready(Err(error)) => {
                        tracing::warn!(campaign = %this.campaign, %error, "a subscriber has to wait");
                        this.phase = Phase::Resting(Box::pin(tokio::time::sleep(REST)), session);
                        this.take_items();
                    }
                },
            }
        }
    }
}
