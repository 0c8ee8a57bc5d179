//! Which streams are live, and which run belongs to which of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use milepost_core::{Body, Epoch, Event, Project, RunId, Tree};
use milepost_store::{EventStore, Loaded, StoreError};
use tokio::sync::{OnceCell, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::Actor;
use crate::caps;
use crate::claims::Claims;
use crate::clock::Clock;
use crate::error::HubError;
use crate::feed::Feeds;
use crate::hub::Options;
use crate::live::{Key, Live};

/// The live streams of this server, and what their actors share.
pub(crate) struct Registry {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) clock: Clock,
    pub(crate) options: Options,
    pub(crate) tasks: TaskTracker,
    pub(crate) feeds: Feeds,
    pub(crate) claims: Claims,
    /// Wakes those who read the log of all streams, after a commit. A hint.
    pub(crate) committed: watch::Sender<()>,
    shutdown: CancellationToken,
    streams: Mutex<HashMap<Key, Arc<OnceCell<Arc<Live>>>>>,
    /// The stream of each run of a live stream; the store knows those of the others.
    routes: Mutex<HashMap<(Project, RunId), RunId>>,
}

/// What to do when there is no such stream yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Refuse,
    Make,
}

impl Registry {
    pub(crate) fn new(store: Arc<dyn EventStore>, clock: Clock, options: Options) -> Self {
        Self {
            store,
            clock,
            options,
            tasks: TaskTracker::new(),
            feeds: Feeds::default(),
            claims: Claims::default(),
            committed: watch::Sender::new(()),
            shutdown: CancellationToken::new(),
            streams: Mutex::default(),
            routes: Mutex::default(),
        }
    }

    /// The live stream that `run` belongs to.
    pub(crate) async fn find(self: &Arc<Self>, project: &Project, run: &RunId) -> Result<Arc<Live>, HubError> {
        let known = lock(&self.routes).get(&(project.clone(), run.clone())).cloned();
        let stream = match known {
            Some(stream) => Some(stream),
            None => self.store.stream_of(project, run).await?,
        };
        let stream = stream.ok_or_else(|| HubError::RunNotFound(run.clone()))?;
        self.open(Key { project: project.clone(), stream }, Missing::Refuse).await
    }

    /// The live stream `key`, brought to life where needed.
    pub(crate) async fn open(self: &Arc<Self>, key: Key, missing: Missing) -> Result<Arc<Live>, HubError> {
        if self.shutdown.is_cancelled() {
            return Err(HubError::ShuttingDown);
        }
        let cell = lock(&self.streams).entry(key.clone()).or_default().clone();
        let opened = cell.get_or_try_init(|| self.bring_to_life(key.clone(), missing)).await.cloned();
        if opened.is_err() {
            // Nobody may have succeeded meanwhile with the same cell; an empty one is of no use to anybody.
            let mut streams = lock(&self.streams);
            if streams.get(&key).is_some_and(|cell| !cell.initialized()) {
                streams.remove(&key);
            }
        }
        opened
    }

    async fn bring_to_life(self: &Arc<Self>, key: Key, missing: Missing) -> Result<Arc<Live>, HubError> {
        let loaded = self.store.load(&key.project, &key.stream).await?;
        let (tree, checkpointed) = match (loaded, missing) {
            (Some(loaded), _) => {
                let checkpointed = loaded.checkpoint.as_ref().map_or(0, |(seq, _)| *seq);
                (self.restore(&key, loaded).await?, checkpointed)
            }
            (None, Missing::Make) => (Tree::empty(key.project.clone(), key.stream.clone(), new_epoch()), 0),
            (None, Missing::Refuse) => return Err(HubError::RunNotFound(key.stream)),
        };
        let (sender, inbox) = mpsc::channel(caps::INBOX);
        let live = Arc::new(Live::new(key, tree, sender));
        {
            let mut routes = lock(&self.routes);
            let runs = live.with_tree(|tree| tree.runs().to_vec());
            routes.extend(runs.iter().map(|run| (route(&live, &run.id), live.key.stream.clone())));
        }
        let actor = Actor::new(live.clone(), self.clone(), inbox, self.shutdown.clone(), checkpointed);
        self.tasks.spawn(actor.run());
        Ok(live)
    }

    async fn restore(&self, key: &Key, loaded: Loaded) -> Result<Tree, StoreError> {
        let head = loaded.head;
        let mut tree = self.fold(key, loaded, head).await?;
        tree.renew_all_leases(self.clock.now());
        Ok(tree)
    }

    /// The state of `live` as it stood at `seq`. None when there is no such stream any more.
    pub(crate) async fn state_at(&self, live: &Live, seq: u64) -> Result<Option<Tree>, StoreError> {
        if let Some(mark) = live.marks.before(seq) {
            return self.fold_on(&live.key, mark, seq).await.map(Some);
        }
        let loaded = self.store.load(&live.key.project, &live.key.stream).await?;
        let Some(loaded) = loaded.filter(|loaded| loaded.epoch == live.epoch && seq <= loaded.head) else {
            return Ok(None);
        };
        self.fold(&live.key, loaded, seq).await.map(Some)
    }

    /// Checkpoint and tail make the tree as it stood at `seq`. A checkpoint that does not fit, or that is past it, is left
    /// aside: the log has everything.
    async fn fold(&self, key: &Key, loaded: Loaded, seq: u64) -> Result<Tree, StoreError> {
        let checkpoint = loaded.checkpoint.filter(|(at, _)| *at <= seq);
        let from_checkpoint = checkpoint.and_then(|(at, body)| Tree::from_checkpoint(loaded.epoch, at, &body));
        let empty = || Tree::empty(key.project.clone(), key.stream.clone(), loaded.epoch);
        self.fold_on(key, from_checkpoint.unwrap_or_else(empty), seq).await
    }

    /// Goes on from `tree`. In memory is one page of the log at a time.
    async fn fold_on(&self, key: &Key, mut tree: Tree, seq: u64) -> Result<Tree, StoreError> {
        while tree.seq() < seq {
            let left = usize::try_from(seq - tree.seq()).unwrap_or(usize::MAX);
            let page = self.store.read(&key.project, &key.stream, tree.seq(), left.min(caps::PAGE)).await?;
            if page.is_empty() {
                return Err(StoreError::Corrupt(format!("the log ends at {} before {seq}", tree.seq())));
            }
            for record in &page {
                tree.evolve(&record.event(&key.stream)?);
            }
            // Others get their turn between pages, also where a store answers without waiting.
            tokio::task::coop::consume_budget().await;
        }
        Ok(tree)
    }

    /// Remembers the runs that `events` created.
    pub(crate) fn learn(&self, live: &Live, events: &[Event]) {
        for event in events.iter().filter(|event| matches!(event.body, Body::RunCreated(_))) {
            lock(&self.routes).insert(route(live, &event.run), live.key.stream.clone());
        }
    }

    /// Lets go of a stream if nobody but the registry and the actor holds it.
    pub(crate) fn forget_idle(&self, live: &Arc<Live>) -> bool {
        let mut streams = lock(&self.streams);
        // The cell holds one, the actor the other; new holders come only by way of the locked map, and of a cell from it.
        let asked_for = streams.get(&live.key).is_some_and(|cell| Arc::strong_count(cell) > 1);
        if asked_for || Arc::strong_count(live) > 2 {
            return false;
        }
        remove(&mut streams, live);
        drop(streams);
        self.forget_routes(live);
        true
    }

    /// Lets go of a stream, whoever holds it.
    pub(crate) fn forget(&self, live: &Live) {
        remove(&mut lock(&self.streams), live);
        self.forget_routes(live);
    }

    /// The stream `key` if it is live.
    pub(crate) fn peek(&self, key: &Key) -> Option<Arc<Live>> {
        lock(&self.streams).get(key)?.get().cloned()
    }

    /// All live streams.
    pub(crate) fn live(&self) -> Vec<Arc<Live>> {
        lock(&self.streams).values().filter_map(|cell| cell.get().cloned()).collect()
    }

    /// The live streams of a project.
    pub(crate) fn live_in(&self, project: &Project) -> Vec<Arc<Live>> {
        let streams = lock(&self.streams);
        let of_project = streams.iter().filter(|(key, _)| key.project == *project);
        of_project.filter_map(|(_, cell)| cell.get().cloned()).collect()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Waits until the server stops.
    pub(crate) async fn stopping(&self) {
        self.shutdown.cancelled().await;
    }

    /// Stops all actors, and waits until they have settled.
    pub(crate) async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) fn live_streams(&self) -> usize {
        lock(&self.streams).len()
    }

    fn forget_routes(&self, live: &Live) {
        let runs = live.with_tree(|tree| tree.runs().to_vec());
        let mut routes = lock(&self.routes);
        for run in runs {
            routes.remove(&route(live, &run.id));
        }
    }
}

/// Removes `live` itself: another incarnation may have taken its place.
fn remove(streams: &mut HashMap<Key, Arc<OnceCell<Arc<Live>>>>, live: &Live) {
    let same = |cell: &Arc<OnceCell<Arc<Live>>>| cell.get().is_some_and(|known| std::ptr::eq(&**known, live));
    if streams.get(&live.key).is_some_and(same) {
        streams.remove(&live.key);
    }
}

fn route(live: &Live, run: &RunId) -> (Project, RunId) {
    (live.key.project.clone(), run.clone())
}

/// A random incarnation. The standard library's hasher keys are random; nothing here needs more than that.
fn new_epoch() -> Epoch {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    Epoch(u32::try_from(random >> 32).unwrap_or_default())
}

// Nothing panics while one of these locks is held, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
