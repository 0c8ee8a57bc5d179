//! Deciding about many commands at once, and committing what comes of them as one append.

use std::ops::ControlFlow;
use std::sync::Arc;

use milepost_core::decide::{Author, is_server_id};
use milepost_core::event::{RunCancelRequested, RunStarted};
use milepost_core::{Body, Cursor, Draft, Event, EventId, Record, RunId, Time, Tree, View};
use milepost_store::{Append, AppendError, RunRow};

use super::command::{
    Answer, CancelAnswer, Claimed, Command, Created, Heartbeat, NewRun, Publication, Published, PublishedEvent, Request,
};
use super::{Actor, rows};
use crate::caps;
use crate::error::HubError;
use crate::frame::Frame;

/// The state that a batch leads to, and the events that lead there; not durable yet.
struct Work {
    now: Time,
    tree: Tree,
    events: Vec<Event>,
    /// What each of `events` looked like when it happened.
    views: Vec<Option<View>>,
    /// Whether a lease moved, which is shown but is no event.
    touched: bool,
}

impl Actor {
    /// Decides about `commands` in order, commits, and answers. Breaks when the stream is gone.
    pub(super) async fn handle(&mut self, mut commands: Vec<Command>) -> ControlFlow<()> {
        loop {
            let (work, answers) = match self.decide_all(&commands).await {
                Ok(decided) => decided,
                Err(error) => {
                    commands.into_iter().for_each(|command| command.answer(Err(error.clone())));
                    return ControlFlow::Continue(());
                }
            };
            let deleted = answers.iter().any(|answer| matches!(answer, Ok(Answer::Deleted)));
            match self.finish(work).await {
                Ok(()) => {
                    commands.into_iter().zip(answers).for_each(|(command, answer)| command.answer(answer));
                    return if deleted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                }
                // One command wants a run that another stream has: it is refused, the others are decided again.
                Err(AppendError::RunExists(run)) => {
                    let (refused, others) = commands.into_iter().partition(|command| creates(command, &run));
                    commands = others;
                    let answer = |command: Command| command.answer(Err(HubError::RunExists(run.clone())));
                    Vec::into_iter(refused).for_each(answer);
                }
                Err(AppendError::HeadMoved { head }) => {
                    tracing::error!(stream = %self.live.key.stream, head, "another writer has this stream");
                    self.registry.forget(&self.live);
                    commands.into_iter().for_each(Command::bounce);
                    return ControlFlow::Break(());
                }
                Err(AppendError::Store(error)) => {
                    commands.into_iter().for_each(|command| command.answer(Err(error.clone().into())));
                    return ControlFlow::Continue(());
                }
            }
        }
    }

    async fn decide_all(&mut self, commands: &[Command]) -> Result<(Work, Vec<Result<Answer, HubError>>), HubError> {
        let with_id = |command: &Command| match &command.request {
            Request::Publish(publication) => publication.drafts.iter().any(|draft| draft.id.is_some()),
            Request::Known { .. } => true,
            _ => false,
        };
        if commands.iter().any(with_id) {
            let registry = self.registry.clone();
            self.ids.load(&*registry.store, &self.live.key).await?;
        }
        let (now, tree) = (self.clock.now(), self.tree.clone());
        let mut work = Work { now, tree, events: Vec::new(), views: Vec::new(), touched: false };
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            answers.push(self.decide_one(&mut work, &command.request).await);
        }
        Ok((work, answers))
    }

    async fn decide_one(&mut self, work: &mut Work, request: &Request) -> Result<Answer, HubError> {
        match request {
            Request::Create(new) => self.create(work, new).map(Answer::Created),
            Request::Publish(publication) => self.publish(work, publication).await.map(Answer::Published),
            Request::Cancel { run, by, reason, grace_seconds } => {
                let deadline = work.now.plus_seconds(*grace_seconds);
                let body = RunCancelRequested { by: by.clone(), reason: reason.clone(), deadline: Some(deadline) };
                self.cancel(work, run, body).map(Answer::Cancel)
            }
            Request::Heartbeat { run, lease } => self.heartbeat(work, run, lease.as_deref()).map(Answer::Heartbeat),
            Request::Claim { run, lease_seconds } => self.claim(work, run, *lease_seconds).map(Answer::Claimed),
            Request::Release { run, lease } => self.release(work, run, lease).map(|()| Answer::Released),
            Request::Known { ids } => self.knows(work, ids).await.map(Answer::Known),
            Request::Delete { run } => self.delete(work, run).await.map(|()| Answer::Deleted),
        }
    }

    fn create(&mut self, work: &mut Work, new: &NewRun) -> Result<Created, HubError> {
        if let (Some(lease), Some(_)) = (&new.lease, &new.created.parent) {
            check_lease(&work.tree, lease)?;
        }
        let existing = work.tree.run(&new.run).cloned();
        let existed = existing.is_some();
        let created_seq = if let Some(run) = existing {
            if run.kind != new.created.kind || run.parent != new.created.parent {
                return Err(HubError::RunExists(new.run.clone()));
            }
            run.created_seq
        } else {
            let restore = work.tree.clone();
            let length = work.events.len();
            let draft = |body| Draft { run: new.run.clone(), id: None, time: None, body };
            let created = self.write(work, Author::Producer, draft(Body::RunCreated(new.created.clone())))?;
            if new.started
                && let Err(error) = self.write(work, Author::Producer, draft(Body::RunStarted(RunStarted::default())))
            {
                self.undo(work, restore, length);
                return Err(error);
            }
            created
        };
        // One that exists, and was not started, has no second event to point at.
        let seq = (created_seq + u64::from(new.started)).min(work.tree.seq());
        let cursor = Cursor::new(work.tree.epoch(), seq);
        Ok(Created { stream: work.tree.stream().clone(), seq, cursor, existed })
    }

    async fn publish(&mut self, work: &mut Work, publication: &Publication) -> Result<Published, HubError> {
        if let Some(lease) = &publication.lease {
            check_lease(&work.tree, lease)?;
        }
        // What is there already moved the head itself: sent again, it gets its answer again.
        if let Some(expected) = publication.if_match
            && (expected.seq != work.tree.seq() || expected.epoch.is_some_and(|epoch| epoch != work.tree.epoch()))
            && !self.all_published_before(work, &publication.drafts).await?
        {
            return Err(HubError::HeadMoved { head: work.tree.cursor() });
        }
        // A batch is atomic. One event alone either is decided or changes nothing, so it needs no way back.
        let restore = (publication.drafts.len() > 1).then(|| work.tree.clone());
        let length = work.events.len();
        let mut events = Vec::with_capacity(publication.drafts.len());
        let mut cancel = None;
        for draft in &publication.drafts {
            match self.publish_one(work, draft).await {
                Ok(event) => events.push(event),
                Err(error) => {
                    if let Some(restore) = restore {
                        self.undo(work, restore, length);
                    }
                    return Err(error);
                }
            }
            cancel = cancel.or_else(|| cancel_of(&work.tree, &draft.run));
        }
        Ok(Published { stream: work.tree.stream().clone(), seq: work.tree.seq(), events, cancel })
    }

    async fn publish_one(&mut self, work: &mut Work, draft: &Draft) -> Result<PublishedEvent, HubError> {
        if let Some(id) = &draft.id {
            if let Some(seq) = self.published_before(work, id).await? {
                return Ok(PublishedEvent { id: id.clone(), seq, duplicate: true });
            }
            if is_server_id(&work.tree, id) {
                return Err(HubError::EventIdReserved(id.clone()));
            }
        }
        let seq = self.write(work, Author::Producer, draft.clone())?;
        let id = work.events.last().map(|event| event.id.clone());
        let id = id.unwrap_or_else(|| unreachable!("an event was written just now"));
        Ok(PublishedEvent { id, seq, duplicate: false })
    }

    async fn all_published_before(&self, work: &Work, drafts: &[Draft]) -> Result<bool, HubError> {
        for draft in drafts {
            let Some(id) = &draft.id else { return Ok(false) };
            if self.published_before(work, id).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn knows(&self, work: &Work, ids: &[EventId]) -> Result<bool, HubError> {
        for id in ids {
            if self.published_before(work, id).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn published_before(&self, work: &Work, id: &EventId) -> Result<Option<u64>, HubError> {
        let Some(seq) = self.ids.candidate(id) else { return Ok(None) };
        if let Some(event) = work.events.iter().find(|event| event.seq == seq) {
            return Ok((event.id == *id).then_some(seq));
        }
        let key = &self.live.key;
        let records = self.registry.store.read(&key.project, &key.stream, seq - 1, 1).await?;
        Ok(records.first().is_some_and(|record| record.id == *id).then_some(seq))
    }

    fn cancel(&mut self, work: &mut Work, run: &RunId, body: RunCancelRequested) -> Result<CancelAnswer, HubError> {
        let over = work.tree.run(run).is_some_and(|run| run.state.is_terminal());
        if let Some(cancel) = cancel_of(&work.tree, run).filter(|_| !over) {
            return Ok(CancelAnswer { run: run.clone(), ..cancel });
        }
        let draft = Draft { run: run.clone(), id: None, time: None, body: Body::RunCancelRequested(body) };
        self.write(work, Author::Server, draft)?;
        cancel_of(&work.tree, run).ok_or_else(|| HubError::RunNotFound(run.clone()))
    }

    fn heartbeat(&mut self, work: &mut Work, run: &RunId, lease: Option<&str>) -> Result<Heartbeat, HubError> {
        if let Some(lease) = lease {
            check_lease(&work.tree, lease)?;
        }
        let known = work.tree.run(run).ok_or_else(|| HubError::RunNotFound(run.clone()))?;
        if known.state.is_terminal() {
            let (run, state) = (known.id.clone(), known.state);
            return Err(milepost_core::Refusal::Terminal { run, state }.into());
        }
        let cancel = cancel_of(&work.tree, run);
        if cancel.is_none() {
            let stalled = work.tree.lineage(run).filter(|run| run.stalled);
            for run in stalled.map(|run| run.id.clone()).collect::<Vec<_>>() {
                let body = Body::RunRecovered(Default::default());
                self.write(work, Author::Server, Draft { run, id: None, time: None, body })?;
            }
        }
        work.tree.renew_leases(run, work.now);
        work.touched = true;
        let lease_expires_at = work.tree.run(run).and_then(|run| run.lease_expires_at);
        Ok(Heartbeat { lease_expires_at, cancel })
    }

    fn claim(&mut self, work: &mut Work, run: &RunId, lease_seconds: u32) -> Result<Claimed, HubError> {
        let known = work.tree.run(run).ok_or_else(|| HubError::RunNotFound(run.clone()))?;
        if !rows::is_claimable(known) {
            return Err(HubError::LeaseLost { run: run.clone(), attempt: known.attempt });
        }
        let since = if known.attempt == 0 { known.created_at } else { known.updated_at };
        let waited_ms = work.now.millis_since(since);
        let started = RunStarted { attempt: Some(known.attempt.saturating_add(1)), lease_seconds: Some(lease_seconds) };
        let draft = Draft { run: run.clone(), id: None, time: None, body: Body::RunStarted(started) };
        self.write(work, Author::Producer, draft)?;
        let run = work.tree.run(run).cloned().ok_or_else(|| HubError::RunNotFound(run.clone()))?;
        let lease = format!("{}/{}/{}", work.tree.epoch(), run.id, run.attempt);
        Ok(Claimed { run, cursor: work.tree.cursor(), lease, waited_ms })
    }

    /// The worker says itself what its silence would say later: the run has nobody.
    fn release(&mut self, work: &mut Work, run: &RunId, lease: &str) -> Result<(), HubError> {
        check_lease(&work.tree, lease)?;
        let known = work.tree.run(run).ok_or_else(|| HubError::RunNotFound(run.clone()))?;
        if !names(lease, run) {
            return Err(HubError::LeaseLost { run: run.clone(), attempt: known.attempt });
        }
        if known.state.is_terminal() {
            let (run, state) = (known.id.clone(), known.state);
            return Err(milepost_core::Refusal::Terminal { run, state }.into());
        }
        if known.stalled {
            return Ok(());
        }
        let body = Body::RunStalled(Default::default());
        self.write(work, Author::Server, Draft { run: run.clone(), id: None, time: None, body })?;
        Ok(())
    }

    async fn delete(&mut self, work: &Work, run: &RunId) -> Result<(), HubError> {
        let root = work.tree.root().ok_or_else(|| HubError::RunNotFound(run.clone()))?;
        if root.id != *run {
            return Err(HubError::NotARoot { run: run.clone(), root: root.id.clone() });
        }
        if !root.state.is_terminal() || !work.events.is_empty() {
            return Err(HubError::NotTerminal(run.clone()));
        }
        self.registry.store.delete(&self.live.key.project, &self.live.key.stream).await?;
        // Closed before anybody can make it again: readers of this incarnation must not see events of the next.
        self.live.close();
        self.registry.forget(&self.live);
        Ok(())
    }

    /// Decides about one draft and goes on with the state after it. Returns the draft's own sequence.
    fn write(&mut self, work: &mut Work, author: Author, draft: Draft) -> Result<u64, HubError> {
        let decided = milepost_core::decide(&work.tree, author, draft, work.now)?;
        for event in decided {
            work.tree.evolve(&event);
            self.ids.insert(&event.id, event.seq);
            if author == Author::Producer {
                work.tree.renew_leases(&event.run, work.now);
            }
            work.views.push(work.tree.view_of(&event));
            work.events.push(event);
        }
        Ok(work.tree.seq())
    }

    fn undo(&mut self, work: &mut Work, tree: Tree, length: usize) {
        work.tree = tree;
        work.views.truncate(length);
        for event in work.events.drain(length..) {
            self.ids.remove(&event.id);
        }
    }

    async fn finish(&mut self, work: Work) -> Result<(), AppendError> {
        if !work.events.is_empty() {
            let timed = work.events.iter().any(moves_timers);
            self.commit(work.tree, work.events, work.views, work.now).await?;
            if timed {
                self.arm();
            }
        } else if work.touched {
            self.tree = work.tree;
            self.live.publish(self.tree.clone(), &[]);
        }
        Ok(())
    }

    /// Makes `events`, which lead to `next`, durable, and then visible. `views` are theirs, one for each.
    pub(super) async fn commit(
        &mut self,
        next: Tree,
        events: Vec<Event>,
        views: Vec<Option<View>>,
        now: Time,
    ) -> Result<(), AppendError> {
        if events.is_empty() {
            return Ok(());
        }
        let (stream, epoch) = (next.stream(), next.epoch());
        let frame = |(event, view)| Arc::new(Frame::new(stream.clone(), epoch, Record::of(event), view));
        let frames: Vec<_> = events.iter().zip(views).map(frame).collect();
        let rows = self.rows.with(&events, &next, now);
        let wrote_rows = !rows.is_empty();
        let records = frames.iter().map(|frame| frame.record().clone()).collect();
        if let Err(error) = self.registry.store.append(self.append(records, rows)).await {
            events.iter().for_each(|event| self.ids.remove(&event.id));
            return Err(error);
        }
        if wrote_rows {
            self.rows.wrote(now);
        }
        self.registry.learn(&self.live, &events);
        self.tree = next;
        self.live.publish(self.tree.clone(), &frames);
        self.registry.feeds.publish(&self.live.key.project, &frames);
        self.registry.claims.announce(&self.live.key.project, &events);
        self.registry.committed.send_replace(());
        let every = caps::CHECKPOINT_EVERY.max(self.tree.runs().len() as u64 * 4);
        if self.tree.seq() - self.checkpointed >= every {
            self.checkpoint();
        }
        Ok(())
    }

    /// An append after the durable state.
    pub(super) fn append(&self, records: Vec<Record>, rows: Vec<RunRow>) -> Append {
        let (project, stream) = (self.live.key.project.clone(), self.live.key.stream.clone());
        Append { project, stream, epoch: self.live.epoch, expected_head: self.tree.seq(), records, rows }
    }
}

fn creates(command: &Command, run: &RunId) -> bool {
    match &command.request {
        Request::Create(new) => new.run == *run,
        Request::Publish(publication) => {
            let creates = |draft: &Draft| draft.run == *run && matches!(draft.body, Body::RunCreated(_));
            publication.drafts.iter().any(creates)
        }
        _ => false,
    }
}

fn cancel_of(tree: &Tree, run: &RunId) -> Option<CancelAnswer> {
    let by = tree.cancelling(run)?;
    Some(CancelAnswer { run: by.id.clone(), cancel: by.cancel.clone()? })
}

/// A lease names the attempt that it was given for; once another attempt has begun it is lost.
fn check_lease(tree: &Tree, lease: &str) -> Result<(), HubError> {
    let lost = |run: &RunId, attempt| HubError::LeaseLost { run: run.clone(), attempt };
    let mut parts = lease.split('/');
    let (epoch, run, attempt) = (parts.next(), parts.next(), parts.next());
    let run = run.and_then(|run| RunId::new(run).ok()).and_then(|run| tree.run(&run).cloned());
    let Some(run) = run else { return Err(lost(tree.stream(), 0)) };
    let current = Some(run.attempt.to_string());
    if epoch == Some(&*tree.epoch().to_string()) && attempt == current.as_deref() && parts.next().is_none() {
        return Ok(());
    }
    Err(lost(&run.id, run.attempt))
}

/// Whether a lease is that of `run`, and not of one above or beside it.
fn names(lease: &str, run: &RunId) -> bool {
    lease.split('/').nth(1) == Some(run.as_str())
}

/// Whether an event can bring a deadline nearer. Renewals only move deadlines away.
fn moves_timers(event: &Event) -> bool {
    matches!(
        event.body,
        Body::RunCreated(_)
            | Body::RunStarted(_)
            | Body::RunRecovered(_)
            | Body::RunStalled(_)
            | Body::RunCancelRequested(_)
    )
}
