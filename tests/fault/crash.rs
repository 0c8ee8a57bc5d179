//! The server is killed with SIGKILL while producers publish and followers watch, again and again, at random moments.
//! No acknowledged event is lost, none is there twice, no follower sees a gap.

#![expect(clippy::unwrap_used, reason = "a test: a failure has to be loud, and is read here")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use milepost_tests::server::PATIENCE;
use milepost_tests::{Api, Events, Server};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ROUNDS: u64 = 60;
const STREAMS: u64 = 3;
const PRODUCERS_PER_STREAM: u64 = 2;
const FOLLOWERS_PER_STREAM: u64 = 2;

/// How long a client waits before it tries again. Clients do wait; the test does not depend on how long.
const BACK_OFF: Duration = Duration::from_millis(10);

/// What producers and followers share with the test.
#[derive(Default)]
struct Shared {
    /// Sequences by stream and event id, as the server acknowledged them.
    acknowledged: Mutex<HashMap<(String, String), u64>>,
    count: AtomicU64,
    over: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let mut random = Random::seeded();
    let mut server = Server::start().await;
    let api = server.api();
    let shared = Arc::new(Shared::default());
    let (mut producers, mut followers) = (JoinSet::new(), JoinSet::new());
    for stream in 0..STREAMS {
        let run = format!("run-{stream}");
        api.running(&run, "crash").await;
        for producer in 0..PRODUCERS_PER_STREAM {
            producers.spawn(produce(api.clone(), run.clone(), producer, shared.clone()));
        }
        for _ in 0..FOLLOWERS_PER_STREAM {
            followers.spawn(follow(api.clone(), run.clone()));
        }
    }
    for round in 0..ROUNDS {
        // The moment is a number of events, not a time, so that something happens in every round.
        let goal = shared.count.load(Ordering::Relaxed) + random.below(200);
        until(|| shared.count.load(Ordering::Relaxed) >= goal).await;
        server.kill().await;
        server.start_again().await;
        println!("round {round}: killed after {goal} acknowledged events");
    }
    shared.over.store(true, Ordering::Relaxed);
    while let Some(ended) = producers.join_next().await {
        ended.unwrap();
    }
    let mut logs = BTreeMap::new();
    for stream in 0..STREAMS {
        let run = format!("run-{stream}");
        publish(&api, &run, &json!([{"id": "the-end", "type": "run.completed"}])).await.unwrap();
        logs.insert(run.clone(), api.log(&run).await);
    }
    check_logs(&logs, &shared.acknowledged.lock().unwrap());
    while let Some(followed) = followers.join_next().await {
        let (run, sequences) = followed.unwrap();
        let expected: Vec<u64> = (1..=logs[&run].len() as u64).collect();
        assert_eq!(sequences, expected, "a follower of {run} has everything once and in order");
    }
}

fn check_logs(logs: &BTreeMap<String, Vec<Value>>, acknowledged: &HashMap<(String, String), u64>) {
    for (run, log) in logs {
        let sequences: Vec<u64> = log.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(sequences, (1..=log.len() as u64).collect::<Vec<_>>(), "{run} is contiguous");
        let by_id: HashMap<&str, u64> =
            log.iter().map(|event| (event["id"].as_str().unwrap(), event["seq"].as_u64().unwrap())).collect();
        assert_eq!(by_id.len(), log.len(), "no event of {run} is there twice");
        for ((_, id), seq) in acknowledged.iter().filter(|((stream, _), _)| stream == run) {
            assert_eq!(by_id.get(id.as_str()), Some(seq), "{id} of {run} was acknowledged");
        }
    }
    assert!(acknowledged.len() as u64 > ROUNDS, "something was published: {}", acknowledged.len());
}

/// Publishes one or a few events at a time, each batch again until the server has said that it is durable.
async fn produce(api: Api, run: String, producer: u64, shared: Arc<Shared>) {
    for number in 0.. {
        if shared.over.load(Ordering::Relaxed) {
            return;
        }
        let event = |part: u64| json!({"id": format!("p{producer}-{number}-{part}"), "type": "x.tick", "data": {"number": number, "part": part}});
        let batch: Vec<Value> = (0..=number % 3).map(event).collect();
        let answer = loop {
            match publish(&api, &run, &json!(batch)).await {
                Some(answer) => break answer,
                None => tokio::time::sleep(BACK_OFF).await,
            }
        };
        let mut acknowledged = shared.acknowledged.lock().unwrap();
        for event in answer["events"].as_array().unwrap() {
            let id = event["id"].as_str().unwrap().to_owned();
            acknowledged.insert((run.clone(), id), event["seq"].as_u64().unwrap());
            shared.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// None while the server is not there.
async fn publish(api: &Api, run: &str, batch: &Value) -> Option<Value> {
    let url = api.url(&format!("/runs/{run}/events"));
    let answer = api.client().post(url).json(batch).send().await.ok()?;
    let status = answer.status();
    let body = answer.json::<Value>().await.ok()?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    assert_eq!(status, 200, "{body}");
    Some(body)
}

/// Follows from the start to the end over every reconnect, and returns all sequences in the order of arrival.
async fn follow(api: Api, run: String) -> (String, Vec<u64>) {
    let (mut sequences, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut request = api.client().get(api.url(&format!("/runs/{run}/events?from=start")));
        request = request.header("accept", "text/event-stream");
        if let Some(cursor) = &cursor {
            request = request.header("last-event-id", cursor);
        }
        let Ok(response) = request.send().await else {
            tokio::time::sleep(BACK_OFF).await;
            continue;
        };
        assert!(response.status() == 200 || response.status() == 503, "{}", response.status());
        if response.status() == 503 {
            continue;
        }
        let mut events = Events::of(response);
        while let Some(frame) = events.next().await {
            match frame.name.as_str() {
                "message" => sequences.push(frame.data["seq"].as_u64().unwrap()),
                "end" => return (run, sequences),
                "caught_up" => {}
                other => panic!("a follower with a good cursor gets no `{other}`: {:?}", frame.data),
            }
            cursor = Some(frame.id);
        }
    }
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("events are acknowledged");
}

/// A linear congruential generator: the moments only have to differ, and a failure names the seed.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        println!("seed {}", now.as_nanos());
        Self(u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap())
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
