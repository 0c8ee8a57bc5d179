//! A server for tests: the real rules of `milepost-core` over a log in memory, with faults to order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use milepost_core::decide::{Author, Refusal, decide};
use milepost_core::event::RunCancelRequested;
use milepost_core::{
    ArtifactId, Body, Code, Cursor, Draft, Epoch, Event, EventId, Project, RunId, Snapshot, Time, Tree,
};
use milepost_wire::Start;
use milepost_wire::native::Problem;
use milepost_wire::native::answers::{
    ArtifactStored, CancelAccepted, CancelCommand, CancelInfo, Claimed, Created, Heartbeat, Published, PublishedEvent,
    RunsPage,
};
use milepost_wire::native::requests::{CancelRequest, ClaimRequest, CreateRun, InitialState, InputEvent};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::{ArtifactBytes, ByteStream, ClientError, Item, Items, ListRuns, NewArtifact, NewerThan, Transport};

/// What goes wrong with one publish.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing was done.
    Before(ClientError),
    /// It was done, and the answer was lost.
    After(ClientError),
}

pub(crate) struct FakeServer {
    project: Project,
    begun: Instant,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

pub(crate) struct State {
    pub(crate) tree: Option<Tree>,
    pub(crate) log: Vec<Event>,
    ids: HashMap<EventId, u64>,
    pub(crate) epoch: Epoch,
    /// For the next publishes, one each.
    pub(crate) faults: VecDeque<Fault>,
    /// Items after which the next connections break, one each.
    pub(crate) cuts: VecDeque<usize>,
    /// Events that the next connections leave out.
    pub(crate) hide: VecDeque<u64>,
    /// When each publish came, in milliseconds, and how many events it had.
    pub(crate) publishes: Vec<(u64, usize)>,
    pub(crate) starts: Vec<Start>,
    pub(crate) heartbeats: usize,
    pub(crate) released: usize,
    pub(crate) controls: usize,
    pub(crate) artifacts: HashMap<ArtifactId, Vec<u8>>,
    pub(crate) claimable: Option<Claimed>,
}

impl FakeServer {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            tree: None,
            log: Vec::new(),
            ids: HashMap::new(),
            epoch: Epoch(1),
            faults: VecDeque::new(),
            cuts: VecDeque::new(),
            hide: VecDeque::new(),
            publishes: Vec::new(),
            starts: Vec::new(),
            heartbeats: 0,
            released: 0,
            controls: 0,
            artifacts: HashMap::new(),
            claimable: None,
        };
        let (state, changed) = (Mutex::new(state), watch::Sender::new(0));
        Arc::new(Self { project: Project::default_project(), begun: Instant::now(), state, changed })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// `run type data` of every event, without the data of creations.
    pub(crate) fn log(&self) -> Vec<String> {
        let state = self.lock();
        let line = |event: &Event| match &event.body {
            Body::RunCreated(_) => format!("{} run.created", event.run),
            Body::RunProgressed(data) => {
                let text = |text: &Option<Option<String>>| text.clone().flatten().unwrap_or_default();
                let current = data.current.flatten().map_or(-1.0, |current| current.0);
                format!("{} {} {current} {}", event.run, text(&data.stage), text(&data.message))
            }
            body => format!("{} {} {}", event.run, body.event_type(), body.data()),
        };
        state.log.iter().map(line).collect()
    }

    fn now(&self) -> Time {
        Time::from_millis(i64::try_from(self.begun.elapsed().as_millis()).unwrap())
    }

    /// Deletes the stream and lets it be made again, as another incarnation.
    pub(crate) fn restore(&self, keep: usize) {
        let mut state = self.lock();
        let log: Vec<Event> = state.log.drain(..keep).collect();
        state.epoch = Epoch(state.epoch.0 + 1);
        let mut tree = Tree::empty(self.project.clone(), log[0].stream.clone(), state.epoch);
        log.iter().for_each(|event| tree.evolve(event));
        (state.tree, state.log) = (Some(tree), log);
    }

    /// Appends what the rules make of the drafts, all or nothing.
    pub(crate) fn append(&self, author: Author, drafts: Vec<Draft>) -> Result<Vec<(u64, bool)>, (usize, Refusal)> {
        let mut state = self.lock();
        let first = state.tree.clone();
        let (mut tree, mut log) = (first, state.log.clone());
        let (mut ids, mut seqs) = (state.ids.clone(), Vec::new());
        for (index, draft) in drafts.into_iter().enumerate() {
            if let Some(seq) = draft.id.as_ref().and_then(|id| ids.get(id)) {
                seqs.push((*seq, true));
                continue;
            }
            let empty = || Tree::empty(self.project.clone(), draft.run.clone(), state.epoch);
            let tree = tree.get_or_insert_with(empty);
            let events = decide(tree, author, draft, self.now()).map_err(|refusal| (index, refusal))?;
            for event in events {
                tree.evolve(&event);
                ids.insert(event.id.clone(), event.seq);
                log.push(event);
            }
            seqs.push((tree.seq(), false));
        }
        (state.tree, state.log, state.ids) = (tree, log, ids);
        self.changed.send_modify(|count| *count += 1);
        Ok(seqs)
    }

    fn cancelling(&self, run: &RunId) -> Option<CancelInfo> {
        let state = self.lock();
        let run = state.tree.as_ref()?.cancelling(run)?;
        Some(CancelInfo::of(&run.id, run.cancel.as_ref()?))
    }

    fn is_over(&self, run: &RunId) -> bool {
        let state = self.lock();
        let run = state.tree.as_ref().and_then(|tree| tree.run(run));
        run.is_some_and(|run| run.state.is_terminal())
    }

    fn publish_now(&self, run: &RunId, events: &[InputEvent]) -> Result<Published, ClientError> {
        let drafts = events.iter().map(|event| event.clone().draft(run).unwrap()).collect();
        let seqs = self.append(Author::Producer, drafts).map_err(|(index, refusal)| problem(index, &refusal))?;
        let published = events.iter().zip(seqs).map(|(event, (seq, duplicate))| PublishedEvent {
            id: event.id.clone().unwrap(),
            seq,
            duplicate,
            coalesced: false,
        });
        let (events, cancel) = (published.collect(), self.cancelling(run));
        let tree = self.lock().tree.clone().unwrap();
        Ok(Published { stream: tree.stream().clone(), seq: tree.seq(), events, cancel })
    }
}

fn problem(index: usize, refusal: &Refusal) -> ClientError {
    let cancel = match refusal {
        Refusal::Cancelling { run, cancel } => Some(CancelInfo::of(run, cancel)),
        _ => None,
    };
    Problem { index: Some(index), cancel, ..Problem::new(refusal.code(), refusal.to_string()) }.into()
}

/// No connection.
pub(crate) fn away() -> ClientError {
    ClientError::Unreachable("the cable was cut".to_owned())
}

#[async_trait]
impl Transport for FakeServer {
    fn project(&self) -> &Project {
        &self.project
    }

    async fn create_run(&self, request: &CreateRun) -> Result<Created, ClientError> {
        let run = request.id.clone().unwrap();
        let draft = |body| Draft { run: run.clone(), id: None, time: None, body };
        let mut drafts = vec![draft(Body::RunCreated(request.clone().created()))];
        if request.state == InitialState::Running {
            drafts.push(draft(Body::RunStarted(Default::default())));
        }
        self.append(Author::Producer, drafts).map_err(|(index, refusal)| problem(index, &refusal))?;
        let tree = self.lock().tree.clone().unwrap();
        Ok(Created { run, stream: tree.stream().clone(), seq: tree.seq(), cursor: tree.cursor() })
    }

    async fn publish(
        &self,
        run: &RunId,
        events: &[InputEvent],
        _lease: Option<&str>,
    ) -> Result<Published, ClientError> {
        // A round trip takes a while, so that things may happen meanwhile.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let fault = {
            let mut state = self.lock();
            let at = u64::try_from(self.begun.elapsed().as_millis()).unwrap();
            state.publishes.push((at, events.len()));
            state.faults.pop_front()
        };
        match fault {
            Some(Fault::Before(error)) => Err(error),
            Some(Fault::After(error)) => self.publish_now(run, events).and(Err(error)),
            None => self.publish_now(run, events),
        }
    }

    async fn cancel(&self, run: &RunId, request: &CancelRequest) -> Result<CancelAccepted, ClientError> {
        let deadline = Some(self.now().plus_seconds(request.grace_seconds));
        let body = Body::RunCancelRequested(RunCancelRequested { by: None, reason: request.reason.clone(), deadline });
        let draft = Draft { run: run.clone(), id: None, time: None, body };
        self.append(Author::Server, vec![draft]).map_err(|(index, refusal)| problem(index, &refusal))?;
        let tree = self.lock().tree.clone().unwrap();
        Ok(CancelAccepted { run: run.clone(), cancel: (**tree.run(run).unwrap().cancel.as_ref().unwrap()).clone() })
    }

    async fn snapshot(&self, run: &RunId, _newer_than: Option<NewerThan>) -> Result<Option<Snapshot>, ClientError> {
        Ok(self.lock().tree.as_ref().and_then(|tree| tree.snapshot_of(run, self.now())))
    }

    async fn list(&self, _query: &ListRuns) -> Result<RunsPage, ClientError> {
        Ok(RunsPage { runs: Vec::new(), next_page: None })
    }

    async fn heartbeat(&self, run: &RunId, _lease: Option<&str>) -> Result<Heartbeat, ClientError> {
        self.lock().heartbeats += 1;
        Ok(Heartbeat { lease_expires_at: None, cancel: self.cancelling(run) })
    }

    async fn release(&self, _run: &RunId, _lease: Option<&str>) -> Result<(), ClientError> {
        self.lock().released += 1;
        Ok(())
    }

    async fn control(&self, run: &RunId, wait: Duration) -> Result<Vec<CancelCommand>, ClientError> {
        self.lock().controls += 1;
        if self.lock().tree.as_ref().and_then(|tree| tree.run(run)).is_none() {
            return Err(ClientError::refused(Code::RunNotFound, "there is no such run"));
        }
        let mut changed = self.changed.subscribe();
        let told = changed.wait_for(|_| self.cancelling(run).is_some() || self.is_over(run));
        let _ = timeout(wait, told).await;
        Ok(self.cancelling(run).map(CancelCommand::from).into_iter().collect())
    }

    async fn put_artifact(
        &self,
        run: &RunId,
        artifact: &NewArtifact,
        bytes: ByteStream,
        _lease: Option<&str>,
    ) -> Result<ArtifactStored, ClientError> {
        let chunks: Vec<_> = bytes.collect().await;
        let bytes = chunks.into_iter().map(Result::unwrap).collect::<Vec<_>>().concat();
        let mut state = self.lock();
        if let Some(Fault::Before(error) | Fault::After(error)) = state.faults.pop_front() {
            return Err(error);
        }
        let (run, id, size) = (run.clone(), artifact.artifact.clone(), bytes.len() as u64);
        let seq = state.tree.as_ref().unwrap().seq();
        state.artifacts.insert(id.clone(), bytes);
        Ok(ArtifactStored { run, artifact: id, seq, size, sha256: String::new(), url: String::new() })
    }

    async fn get_artifact(&self, _run: &RunId, _artifact: &ArtifactId) -> Result<ArtifactBytes, ClientError> {
        Err(away())
    }

    async fn claim(&self, _request: &ClaimRequest) -> Result<Option<Claimed>, ClientError> {
        Ok(self.lock().claimable.take())
    }

    async fn delete(&self, _run: &RunId) -> Result<(), ClientError> {
        Err(away())
    }

    async fn events(&self, run: &RunId, start: Start) -> Result<Items, ClientError> {
        let (items, broken) = {
            let mut state = self.lock();
            state.starts.push(start);
            let (cut, hidden) = (state.cuts.pop_front(), state.hide.pop_front());
            if cut == Some(0) {
                return Err(away());
            }
            let mut items = items(&state, run, start, hidden);
            let end = cut.filter(|cut| *cut < items.len());
            items.truncate(end.unwrap_or(items.len()));
            (items, end.is_some())
        };
        let over = items.iter().any(|item| matches!(item, Item::End { .. }));
        let last = (broken && !over).then(|| Err(away()));
        Ok(stream::iter(items.into_iter().map(Ok).chain(last)).boxed())
    }
}

/// What a connection says: everything up to now, and then it closes.
fn items(state: &State, run: &RunId, start: Start, hidden: Option<u64>) -> Vec<Item> {
    let tree = state.tree.as_ref().unwrap();
    let head = Some(tree.cursor());
    let (mut items, mut after) = (Vec::new(), 0);
    let unknown = |cursor: Cursor| cursor.epoch.is_some_and(|epoch| epoch != state.epoch) || cursor.seq > tree.seq();
    match start {
        Start::Beginning => {}
        Start::After(cursor) if !unknown(cursor) => after = cursor.seq,
        Start::After(_) | Start::Snapshot => {
            if start != Start::Snapshot {
                items.push(Item::Reset { reason: "epoch".to_owned() });
            }
            items.push(Item::Snapshot(Box::new(tree.snapshot_of(run, Time::from_millis(0)).unwrap())));
            after = tree.seq();
        }
    }
    for event in state.log.iter().filter(|event| event.seq > after && Some(event.seq) != hidden) {
        let cursor = Cursor::new(state.epoch, event.seq);
        items.push(if tree.is_within(&event.run, run) {
            Item::Event { event: event.clone(), cursor, coalesced_from: None }
        } else {
            Item::Moved(cursor)
        });
    }
    items.push(Item::CaughtUp { cursor: head });
    if tree.is_over() {
        items.push(Item::End { cursor: head });
    }
    items
}
