//! The hub: what a server asks of the live side.

use std::sync::Arc;
use std::time::Duration;

use milepost_core::{Cursor, Draft, EventId, Kind, Project, Run, RunId, RunState, Time, Tree};
use milepost_store::{EventStore, StoreError};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::actor::{
    Answer, CancelAnswer, Command, Created, Heartbeat, NewRun, Outcome, Publication, Published, Request,
};
use crate::caps;
use crate::clock::Clock;
use crate::error::HubError;
use crate::feed::{Creation, Feed};
use crate::live::{Key, Live, Shown};
use crate::registry::{Missing, Registry};
use crate::session::{From, Session, SessionOptions};

/// What can be configured.
#[derive(Debug, Clone)]
pub struct Options {
    /// At most one progress frame per run and viewer in this many milliseconds, where the viewer does not say.
    pub min_interval_ms: u64,
    /// A run that was stalled for so many seconds fails; never when absent.
    pub fail_stalled_after_seconds: Option<u32>,
    /// Kinds of runs whose rows in the store are as fresh as the log even about what they report of themselves, for those who
    /// read the database instead of asking. Each report costs a row, so it is for kinds that report at the pace of people.
    pub fresh_kinds: Vec<Kind>,
}

impl Default for Options {
    fn default() -> Self {
        Self { min_interval_ms: 100, fail_stalled_after_seconds: None, fresh_kinds: Vec::new() }
    }
}

/// A publication: events for runs of one tree.
#[derive(Debug, Clone, Default)]
pub struct Publish {
    /// What is to happen, all or nothing.
    pub drafts: Vec<Draft>,
    /// Only if the stream stands exactly here.
    pub if_match: Option<Cursor>,
    /// The lease of a worker that claimed a run.
    pub lease: Option<String>,
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct ListRuns {
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only in this state.
    pub state: Option<RunState>,
    /// The children of this run; roots when absent.
    pub parent: Option<RunId>,
    /// At most this many.
    pub limit: usize,
    /// From the page before.
    pub before: Option<u64>,
}

/// A page of runs, newest first.
#[derive(Debug, Clone)]
pub struct RunsPage {
    /// The runs.
    pub runs: Vec<Arc<Run>>,
    /// What the next page is asked for with; none when this is the last.
    pub next: Option<u64>,
}

/// The live side of one server. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Registry>);

impl Hub {
    /// A hub over `store`.
    pub fn new(store: Arc<dyn EventStore>, clock: Clock, options: Options) -> Self {
        Self(Arc::new(Registry::new(store, clock, options)))
    }

    /// Brings the streams back that have leases or deadlines running. To be called once, before serving.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recover(&self) -> Result<(), HubError> {
        for (project, stream) in self.0.store.timed().await? {
            match self.0.open(Key { project, stream: stream.clone() }, Missing::Refuse).await {
                Ok(_) => {}
                // One stream that cannot be read must not keep all others from being served.
                Err(error) => tracing::error!(%stream, %error, "the timers of a stream stay off"),
            }
        }
        Ok(())
    }

    /// Creates a run.
    ///
    /// # Errors
    /// [`HubError::RunExists`] when another run has the id; refusals of the parent's state and of bounds.
    pub async fn create(&self, project: &Project, new: NewRun) -> Result<Created, HubError> {
        let request = Request::Create(new.clone());
        let answer = match &new.created.parent {
            Some(parent) => self.ask(project, parent, request).await,
            None => self.ask_root(project, &new.run, request).await,
        };
        let Answer::Created(created) = answer? else { unreachable!("a creation is answered as one") };
        Ok(created)
    }

    /// Appends events to the stream of `run`.
    ///
    /// # Errors
    /// Whatever [`decide`](milepost_core::decide()) refuses, [`HubError::HeadMoved`], [`HubError::LeaseLost`], a failing store.
    pub async fn publish(&self, project: &Project, run: &RunId, publish: Publish) -> Result<Published, HubError> {
        self.enqueue(project, run, publish).await?.published().await
    }

    /// Puts a publication in line, behind those that were put there before, and returns without waiting for it to become
    /// durable. A connection that publishes without waiting for answers keeps its order this way.
    ///
    /// # Errors
    /// [`HubError::RunNotFound`]; everything else is told by [`Enqueued::published`].
    pub async fn enqueue(&self, project: &Project, run: &RunId, publish: Publish) -> Result<Enqueued, HubError> {
        let Publish { drafts, if_match, lease } = publish;
        let request = Request::Publish(Publication { drafts, if_match, lease });
        let live = self.0.find(project, run).await?;
        let (command, outcome) = Command::new(request);
        let bounced = live.inbox.send(command).await.err().map(|refused| refused.0.request);
        Ok(Enqueued { hub: self.clone(), project: project.clone(), run: run.clone(), outcome, bounced })
    }

    /// Whether an event with one of these ids is in the stream of `run`.
    ///
    /// # Errors
    /// [`HubError::RunNotFound`], a failing store.
    pub async fn knows(&self, project: &Project, run: &RunId, ids: Vec<EventId>) -> Result<bool, HubError> {
        let Answer::Known(known) = self.ask(project, run, Request::Known { ids }).await? else {
            unreachable!("a question about ids is answered as one")
        };
        Ok(known)
    }

    /// Asks for the cancellation of `run`; asked again, the answer is the same.
    ///
    /// # Errors
    /// A refusal when the run is over.
    pub async fn cancel(
        &self,
        project: &Project,
        run: &RunId,
        by: Option<String>,
        reason: Option<String>,
        grace_seconds: u32,
    ) -> Result<CancelAnswer, HubError> {
        let request = Request::Cancel { run: run.clone(), by, reason, grace_seconds };
        let Answer::Cancel(answer) = self.ask(project, run, request).await? else {
            unreachable!("a cancellation is answered as one")
        };
        Ok(answer)
    }

    /// Renews the lease of `run` and of those above it.
    ///
    /// # Errors
    /// A refusal when the run is over, [`HubError::LeaseLost`].
    pub async fn heartbeat(
        &self,
        project: &Project,
        run: &RunId,
        lease: Option<String>,
    ) -> Result<Heartbeat, HubError> {
        let request = Request::Heartbeat { run: run.clone(), lease };
        let Answer::Heartbeat(answer) = self.ask(project, run, request).await? else {
            unreachable!("a heartbeat is answered as one")
        };
        Ok(answer)
    }

    /// Takes a claimed run back from its worker, as if its lease had run out: another one may claim it at once.
    ///
    /// # Errors
    /// [`HubError::LeaseLost`] when the lease is not that of the current attempt of `run`, a refusal when the run is over or
    /// being cancelled.
    pub async fn release(&self, project: &Project, run: &RunId, lease: String) -> Result<(), HubError> {
        self.ask(project, run, Request::Release { run: run.clone(), lease }).await.map(drop)
    }

    /// Deletes a root that is over, with everything below it.
    ///
    /// # Errors
    /// [`HubError::NotARoot`], [`HubError::NotTerminal`].
    pub async fn delete(&self, project: &Project, run: &RunId) -> Result<(), HubError> {
        self.ask(project, run, Request::Delete { run: run.clone() }).await.map(drop)
    }

    /// The snapshot of `run` and what is below it.
    ///
    /// # Errors
    /// [`HubError::RunNotFound`].
    pub async fn snapshot(&self, project: &Project, run: &RunId) -> Result<Arc<Shown>, HubError> {
        let live = self.0.find(project, run).await?;
        live.shown(run, self.0.clock.now()).ok_or_else(|| HubError::RunNotFound(run.clone()))
    }

    /// Waits until the stream of `run` is past `seq`, at most `wait`. True when it is.
    ///
    /// # Errors
    /// [`HubError::RunNotFound`].
    pub async fn moved(&self, project: &Project, run: &RunId, seq: u64, wait: Duration) -> Result<bool, HubError> {
        let live = self.0.find(project, run).await?;
        drop(tokio::time::timeout(wait, live.moved(seq)).await);
        Ok(live.head() > seq)
    }

    /// Waits until cancellation of `run`, or of a run above it, is asked for, at most `wait`. None when the time runs out
    /// or the run is over.
    ///
    /// # Errors
    /// [`HubError::RunNotFound`].
    pub async fn control(
        &self,
        project: &Project,
        run: &RunId,
        wait: Duration,
    ) -> Result<Option<CancelAnswer>, HubError> {
        let live = self.0.find(project, run).await?;
        let deadline = Instant::now() + wait;
        loop {
            let (seq, cancel, over) = live.with_tree(|tree| (tree.seq(), cancelling(tree, run), is_over(tree, run)));
            if cancel.is_some() || over || live.is_closed() {
                return Ok(cancel);
            }
            if tokio::time::timeout_at(deadline, live.moved(seq)).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Waits until there is a run `run`, however long that takes: for those who follow what somebody else is about to begin.
    ///
    /// # Errors
    /// [`HubError::ShuttingDown`], a failing store.
    pub async fn created(&self, project: &Project, run: &RunId) -> Result<(), HubError> {
        // Before the first look, so that a creation right after it is heard of.
        let mut creation = Creation::new(self.0.feeds.join(project), run.clone());
        loop {
            match self.0.find(project, run).await {
                Err(HubError::RunNotFound(_)) => {}
                found => return found.map(drop),
            }
            tokio::select! {
                () = std::future::poll_fn(|context| creation.poll(context)) => {}
                () = self.0.stopping() => return Err(HubError::ShuttingDown),
            }
        }
    }

    /// Follows `run` and what is below it.
    ///
    /// # Errors
    /// [`HubError::RunNotFound`].
    pub async fn subscribe(
        &self,
        project: &Project,
        run: &RunId,
        from: From,
        options: SessionOptions,
    ) -> Result<Session, HubError> {
        let live = self.0.find(project, run).await?;
        Ok(Session::new(self.0.clone(), live, run.clone(), from, options))
    }

    /// Follows all streams of a project.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feed(&self, project: &Project) -> Result<Feed, HubError> {
        let channel = self.0.feeds.join(project);
        // The position is taken before the list is made: what happens meanwhile is seen twice, and dropped once.
        let position = channel.end();
        let mut streams = Vec::new();
        for state in [RunState::Queued, RunState::Running, RunState::Waiting] {
            let query = ListRuns { state: Some(state), limit: caps::FEED_RUNS, ..ListRuns::default() };
            let page = self.store_page(project, &query).await?;
            for (stream, _) in page.runs {
                match self.0.open(Key { project: project.clone(), stream }, Missing::Refuse).await {
                    Ok(live) => streams.push(live),
                    // It ended and was deleted since the list was made.
                    Err(HubError::RunNotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        // A run that changed its state between two queries was found twice, or never; but whatever changes is live.
        streams.extend(self.0.live_in(project));
        let look = |live: &Arc<Live>| live.with_tree(|tree| Some((tree.root()?.clone(), tree.cursor())));
        let mut runs: Vec<_> = streams.iter().filter_map(look).filter(|(root, _)| !root.state.is_terminal()).collect();
        runs.sort_by(|(a, _), (b, _)| a.created_at.cmp(&b.created_at).then_with(|| a.id.cmp(&b.id)));
        runs.dedup_by(|(a, _), (b, _)| a.id == b.id);
        Ok(Feed::new(channel, position, runs))
    }

    /// Lists runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, project: &Project, query: &ListRuns) -> Result<RunsPage, HubError> {
        let page = self.store_page(project, query).await?;
        let mut runs = Vec::with_capacity(page.runs.len());
        for (stream, body) in page.runs {
            let row = Run::from_row(&body).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            // A live stream knows better than the projection, which may be behind by some progress.
            let key = Key { project: project.clone(), stream };
            let live = self.0.peek(&key).and_then(|live| live.with_tree(|tree| tree.run(&row.id).cloned()));
            runs.push(live.unwrap_or_else(|| Arc::new(row)));
        }
        Ok(RunsPage { runs, next: page.next })
    }

    /// Roots of `kind`, of all projects, that are open or whose audit is in progress.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn unfinished(&self, kind: &Kind) -> Result<Vec<(Project, RunId)>, HubError> {
        Ok(self.0.store.unfinished(kind).await?)
    }

    /// A page of the log: what follows `after` in the stream of `run`, and where the stream stands.
    ///
    /// # Errors
    /// [`HubError::RunNotFound`], a failing store.
    pub async fn page(
        &self,
        project: &Project,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<(Tree, Vec<milepost_core::Record>), HubError> {
        let live = self.0.find(project, run).await?;
        let tree = live.tree();
        let mut records = self.0.store.read(project, &live.key.stream, after, limit).await?;
        // What was committed after the tree was looked at comes with the next page.
        records.retain(|record| record.seq <= tree.seq());
        Ok((tree, records))
    }

    /// Whether the store can write, found out by writing.
    ///
    /// # Errors
    /// [`HubError::Store`], [`HubError::ShuttingDown`].
    pub async fn probe(&self) -> Result<(), HubError> {
        if self.0.is_stopping() {
            return Err(HubError::ShuttingDown);
        }
        Ok(self.0.store.probe().await?)
    }

    /// The current time, by the hub's clock.
    pub fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// How many runs wait for a worker, by kind, the most frequent kinds first; at most `limit` kinds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn queued(&self, limit: usize) -> Result<Vec<(Kind, u64)>, HubError> {
        Ok(self.0.store.queued(limit).await?)
    }

    /// Claimed runs whose workers keep their leases. Each of them is in memory, because its lease may run out.
    pub fn active_leases(&self) -> usize {
        let held = |run: &&Arc<Run>| run.claimed && !run.stalled && !run.state.is_terminal();
        let of = |live: &Arc<Live>| live.with_tree(|tree| tree.runs().iter().filter(held).count());
        self.0.live().iter().map(of).sum()
    }

    /// Streams in memory.
    pub fn live_streams(&self) -> usize {
        self.0.live_streams()
    }

    /// Stops: sessions end, actors settle, the store closes.
    pub async fn shutdown(&self) {
        self.0.stop().await;
        self.0.store.close().await;
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.0
    }

    pub(crate) async fn ask(&self, project: &Project, run: &RunId, mut request: Request) -> Result<Answer, HubError> {
        loop {
            let live = self.0.find(project, run).await?;
            match send(&live, request).await? {
                Outcome::Done(answer) => return answer,
                Outcome::Bounced(again) => request = again,
            }
        }
    }

    /// Asks the stream whose root is, or is going to be, `root`.
    async fn ask_root(&self, project: &Project, root: &RunId, mut request: Request) -> Result<Answer, HubError> {
        let key = Key { project: project.clone(), stream: root.clone() };
        loop {
            let live = self.0.open(key.clone(), Missing::Make).await?;
            match send(&live, request).await? {
                Outcome::Done(answer) => return answer,
                Outcome::Bounced(again) => request = again,
            }
        }
    }

    async fn store_page(&self, project: &Project, query: &ListRuns) -> Result<milepost_store::Page, StoreError> {
        let ListRuns { kind, state, parent, limit, before } = query.clone();
        self.0
            .store
            .list(milepost_store::ListRuns { project: project.clone(), kind, state, parent, limit, before })
            .await
    }
}

/// A publication in line.
#[derive(Debug)]
pub struct Enqueued {
    hub: Hub,
    project: Project,
    run: RunId,
    outcome: oneshot::Receiver<Outcome>,
    bounced: Option<Request>,
}

impl Enqueued {
    /// Waits until it is durable.
    ///
    /// # Errors
    /// As [`Hub::publish`].
    pub async fn published(self) -> Result<Published, HubError> {
        let outcome = match self.bounced {
            Some(request) => Outcome::Bounced(request),
            None => self.outcome.await.map_err(|_| HubError::ShuttingDown)?,
        };
        let answer = match outcome {
            Outcome::Done(answer) => answer?,
            // The stream was on its way out of memory, so nothing else was in line.
            Outcome::Bounced(request) => self.hub.ask(&self.project, &self.run, request).await?,
        };
        let Answer::Published(published) = answer else { unreachable!("a publication is answered as one") };
        Ok(published)
    }
}

async fn send(live: &Live, request: Request) -> Result<Outcome, HubError> {
    let (command, outcome) = Command::new(request);
    if let Err(refused) = live.inbox.send(command).await {
        return Ok(Outcome::Bounced(refused.0.request));
    }
    // The actor answers or bounces everything in its inbox; it is gone without a word only when the server stops.
    outcome.await.map_err(|_| HubError::ShuttingDown)
}

fn cancelling(tree: &Tree, run: &RunId) -> Option<CancelAnswer> {
    let by = tree.cancelling(run)?;
    Some(CancelAnswer { run: by.id.clone(), cancel: by.cancel.clone()? })
}

fn is_over(tree: &Tree, run: &RunId) -> bool {
    tree.run(run).is_none_or(|run| run.state.is_terminal())
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("live_streams", &self.live_streams()).finish()
    }
}
