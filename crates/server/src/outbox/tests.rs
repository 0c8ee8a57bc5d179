//! Receivers that take, refuse and break down as told, in paused time.

use std::collections::HashMap;
use std::sync::Mutex;

use milepost_core::event::RunCreated;
use milepost_core::{Body, Draft, Project, RunId};
use milepost_hub::{Clock, NewRun, Options, Publish};
use milepost_store::MemoryStore;
use tokio::time::{Instant, sleep};

use super::*;

/// What a receiver does about an event, by `STREAM/SEQ` or by `*`.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Refuses so often, and takes it then.
    Refuse(u32, Next),
    /// Takes so many seconds.
    Dawdle(u64),
    Break,
}

struct Fake {
    name: &'static str,
    at_once: usize,
    script: Mutex<HashMap<&'static str, Does>>,
    /// What it was handed, and when: in seconds since the beginning, with `!` where it refused.
    seen: Mutex<Vec<String>>,
    begin: Instant,
}

impl Fake {
    fn new(name: &'static str, script: &[(&'static str, Does)]) -> Arc<Self> {
        let script = Mutex::new(script.iter().copied().collect());
        Arc::new(Self { name, at_once: 1, script, seen: Mutex::default(), begin: Instant::now() })
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// What it took, without the times.
    fn taken(&self) -> Vec<String> {
        let seen = self.seen();
        let taken = seen.iter().filter(|text| !text.starts_with('!'));
        taken.map(|text| text.split('@').next().unwrap().to_owned()).collect()
    }

    fn script_of(&self, event: &str) -> Option<Does> {
        let mut script = self.script.lock().unwrap();
        let found = script.iter_mut().find(|(name, _)| **name == event || **name == "*")?.1;
        let does = *found;
        if let Does::Refuse(times, _) = found {
            *times = times.saturating_sub(1);
        }
        Some(does)
    }
}

#[async_trait]
impl Sink for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn types(&self) -> Option<&[EventType]> {
        Some(&[EventType::RunStarted, EventType::StateUpdated])
    }

    fn wants(&self, entry: &LogEntry) -> bool {
        entry.project.as_str() != "others"
    }

    fn at_once(&self) -> usize {
        self.at_once
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn longest_pause(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn deliver(&self, entries: &[LogEntry]) -> Result<(), Undelivered> {
        for (done, entry) in entries.iter().enumerate() {
            let event = format!("{}/{}", entry.stream, entry.record.seq);
            let at = self.begin.elapsed().as_secs();
            match self.script_of(&event) {
                Some(Does::Refuse(times, next)) if times > 0 => {
                    self.seen.lock().unwrap().push(format!("!{event}@{at}"));
                    return Err(Undelivered { done, reason: "no".to_owned(), next });
                }
                Some(Does::Dawdle(seconds)) => sleep(Duration::from_secs(seconds)).await,
                Some(Does::Break) => panic!("on purpose"),
                _ => {}
            }
            self.seen.lock().unwrap().push(format!("{event}@{at}"));
        }
        Ok(())
    }
}

/// A hub whose store outlives it, and an outbox on it.
struct World {
    hub: Hub,
    metrics: Metrics,
    outbox: Outbox,
    shutdown: CancellationToken,
}

impl World {
    fn over(store: &Arc<MemoryStore>, sinks: &[Arc<Fake>]) -> Self {
        let hub = Hub::new(store.clone(), Clock::system(), Options::default());
        let outbox = Outbox::new(sinks.iter().map(|sink| sink.clone() as Arc<dyn Sink>).collect());
        let (metrics, shutdown) = (Metrics::new(), CancellationToken::new());
        outbox.start(&hub, &metrics, &shutdown);
        Self { hub, metrics, outbox, shutdown }
    }

    async fn run(&self, project: &str, id: &str) {
        let created = RunCreated {
            kind: "k".parse().unwrap(),
            name: None,
            parent: None,
            weight: None,
            metadata: None,
            expected_children: None,
            lease_seconds: None,
        };
        let new = NewRun { run: id.parse().unwrap(), created, started: true, lease: None };
        self.hub.create(&project.parse().unwrap(), new).await.unwrap();
    }

    /// Events that are wanted, and as many that are not.
    async fn publish(&self, id: &str, count: usize) {
        let run: RunId = id.parse().unwrap();
        let draft = |event_type: &str, data: &str| {
            let body = Body::parse(event_type.parse().unwrap(), Some(data)).unwrap();
            Draft { run: run.clone(), id: None, time: None, body }
        };
        let both = || [draft("state.updated", r#"{"key":"k","value":1}"#), draft("x.noise", "{}")];
        let drafts = (0..count).flat_map(|_| both()).collect();
        self.hub.publish(&project(), &run, Publish { drafts, ..Publish::default() }).await.unwrap();
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.outbox.stop().await;
    }
}

fn project() -> Project {
    Project::default_project()
}

async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_passed_on_and_a_restart_loses_and_repeats_nothing() {
    let store = Arc::new(MemoryStore::default());
    let before = World::over(&store, &[]);
    before.run("default", "old").await;
    before.stop().await;

    let first = Fake::new("s", &[]);
    let world = World::over(&store, std::slice::from_ref(&first));
    pass(1).await;
    world.run("default", "a").await;
    world.run("others", "b").await;
    world.publish("a", 2).await;
    pass(2).await;
    assert_eq!(first.taken(), own(&["a/2", "a/3", "a/5"]), "from now on, in order, and of the right project");
    world.stop().await;

    let second = Fake::new("s", &[]);
    let between = World::over(&store, &[]);
    between.publish("a", 1).await;
    between.stop().await;
    let world = World::over(&store, std::slice::from_ref(&second));
    world.publish("a", 1).await;
    pass(2).await;
    assert_eq!(second.taken(), own(&["a/7", "a/9"]));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_refused_waits_in_its_order_and_holds_up_no_other() {
    let sink = Fake::new("s", &[("a/3", Does::Refuse(3, Next::Again)), ("b/2", Does::Break)]);
    let world = World::over(&Arc::default(), std::slice::from_ref(&sink));
    pass(1).await;
    for run in ["a", "b", "c"] {
        world.run("default", run).await;
    }
    world.publish("a", 2).await;
    world.publish("c", 2).await;
    pass(1).await;
    let mut taken = sink.taken();
    taken.sort();
    assert_eq!(taken, own(&["a/2", "c/2", "c/3", "c/5"]));
    pass(60).await;
    let of_a: Vec<_> = sink.seen().into_iter().filter(|text| text.contains("a/")).collect();
    let names: Vec<_> = of_a.iter().map(|text| text.split('@').next().unwrap()).collect();
    assert_eq!(names, ["a/2", "!a/3", "!a/3", "!a/3", "a/3", "a/5"], "{of_a:?}");
    assert!(world.metrics.encode(0).contains("milepost_outbox_waiting{sink=\"s\"} 1"), "the one that breaks it");
}

#[tokio::test(start_paused = true)]
async fn what_is_never_taken_is_buried_and_the_next_one_gets_its_turn() {
    let never = Does::Refuse(u32::MAX, Next::Again);
    let sink = Fake::new("s", &[("a/2", never), ("a/5", Does::Refuse(9, Next::Bury))]);
    let store = Arc::new(MemoryStore::default());
    let world = World::over(&store, std::slice::from_ref(&sink));
    pass(1).await;
    world.run("default", "a").await;
    world.publish("a", 3).await;
    pass(599).await;
    assert_eq!((sink.taken(), world.hub.dead_letters(&project(), None, 9).await.unwrap()), (Vec::new(), Vec::new()));
    pass(600).await;
    assert_eq!(sink.taken(), own(&["a/3", "a/7"]));
    let letters = world.hub.dead_letters(&project(), None, 9).await.unwrap();
    let [second, first] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((first.seq, second.seq), (2, 5));
    let autopsy: Autopsy = serde_json::from_str(&first.body).unwrap();
    assert!((5..20).contains(&autopsy.attempts), "{autopsy:?}");
    assert_eq!((&*autopsy.event_type, &*autopsy.run, &*autopsy.error), ("run.started", "a", "no"));
    let autopsy: Autopsy = serde_json::from_str(&second.body).unwrap();
    assert_eq!(autopsy.attempts, 1);
    // The position has passed them.
    world.stop().await;
    let again = Fake::new("s", &[]);
    let world = World::over(&store, std::slice::from_ref(&again));
    pass(5).await;
    assert_eq!(again.seen(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_for_a_pause_gets_it() {
    let sink = Fake::new("s", &[("a/2", Does::Refuse(1, Next::After(Duration::from_secs(100))))]);
    let world = World::over(&Arc::default(), std::slice::from_ref(&sink));
    pass(1).await;
    world.run("default", "a").await;
    pass(10).await;
    world.run("default", "b").await;
    pass(200).await;
    let mut seen = sink.seen();
    seen.sort();
    assert_eq!(seen, own(&["!a/2@1", "a/2@101", "b/2@101"]), "the other stream, too");
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_holds_up_no_other_and_nobody_who_publishes() {
    let slow = Fake::new("slow", &[("*", Does::Dawdle(3_600))]);
    let quick = Fake { at_once: 64, ..Arc::into_inner(Fake::new("quick", &[])).unwrap() };
    let quick = Arc::new(quick);
    let world = World::over(&Arc::default(), &[slow.clone(), quick.clone()]);
    pass(1).await;
    world.run("default", "a").await;
    for _ in 0..30 {
        world.publish("a", 100).await;
    }
    pass(5).await;
    assert_eq!((quick.taken().len(), slow.taken().len()), (3_001, 0));
    let expect: Vec<String> =
        std::iter::once(2).chain((0..3_000).map(|at| 3 + 2 * at)).map(|seq| format!("a/{seq}")).collect();
    assert_eq!(quick.taken(), expect);
    pass(3_600).await;
    assert_eq!(slow.taken(), own(&["a/2"]));
    world.stop().await;
}
