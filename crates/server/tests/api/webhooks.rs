//! Endpoints that are told what happens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use milepost_server::Config;
use milepost_server::config::{Overrides, Webhook};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Milepost, json as ask, problem, send};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A request that verified.
#[derive(Debug, Clone)]
struct Told {
    id: String,
    body: Value,
}

/// Somebody who is told, verifies, and answers as the test says; 204 when it says nothing.
#[derive(Clone, Default)]
struct Endpoint(Arc<Shared>);

#[derive(Default)]
struct Shared {
    address: Mutex<String>,
    answers: Mutex<VecDeque<(u16, &'static str)>>,
    told: Mutex<Vec<Told>>,
    news: Notify,
}

async fn take(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap) {
    for secret in [SECRET, OLD_SECRET] {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&body, &headers).unwrap();
    }
    let told =
        Told { id: headers["webhook-id"].to_str().unwrap().to_owned(), body: serde_json::from_slice(&body).unwrap() };
    endpoint.0.told.lock().unwrap().push(told);
    let (status, location) = endpoint.0.answers.lock().unwrap().pop_front().unwrap_or((204, ""));
    endpoint.0.news.notify_one();
    let mut answer = HeaderMap::new();
    answer.insert("location", location.parse().unwrap());
    (StatusCode::from_u16(status).unwrap(), answer)
}

impl Endpoint {
    async fn start() -> Self {
        let endpoint = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        *endpoint.0.address.lock().unwrap() = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(post(take)).with_state(endpoint.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    /// Says how the next requests are answered: the status, and where to.
    fn answer(&self, answers: &[(u16, &'static str)]) {
        self.0.answers.lock().unwrap().extend(answers);
    }

    /// What it was told, as soon as that is so much.
    async fn told(&self, count: usize) -> Vec<Told> {
        let looking = async {
            loop {
                let told = self.0.told.lock().unwrap().clone();
                if told.len() >= count {
                    return told;
                }
                self.0.news.notified().await;
            }
        };
        let looking = tokio::time::timeout(std::time::Duration::from_secs(30), looking).await;
        looking.unwrap_or_else(|_| panic!("{:?}", self.0.told.lock().unwrap()))
    }

    fn webhooks(&self, more: &str) -> Vec<Webhook> {
        let url = self.0.address.lock().unwrap().clone();
        webhooks(&format!(
            "[[webhooks]]\nurl = '{url}/hook?token=hush'\nsecret = '{SECRET} {OLD_SECRET}'\nname = 'mine'\n{more}"
        ))
    }
}

fn webhooks(text: &str) -> Vec<Webhook> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::load(&Overrides::default(), Some(file.path()), []).unwrap().webhooks
}

async fn complete(milepost: &Milepost, run: &str) {
    milepost.run(run).await;
    let done =
        json!([{"type": "run.progressed", "data": {"current": 1}}, {"type": "run.completed", "data": {"result": 7}}]);
    milepost.publish(run, done).await;
}

fn types(told: &[Told]) -> Vec<String> {
    told.iter()
        .map(|told| format!("{} {}", told.body["type"].as_str().unwrap(), told.body["data"]["run"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn an_endpoint_is_told_in_the_way_of_standard_webhooks() {
    let endpoint = Endpoint::start().await;
    let milepost = Milepost::start_with(|config| config.webhooks = endpoint.webhooks("")).await;
    complete(&milepost, "r").await;
    let told = endpoint.told(1).await;
    let Told { id, body } = &told[0];
    assert!(id.starts_with("msg_") && id.len() == 36, "{id}");
    let data = &body["data"];
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("run.completed"), &data["event"]["time"]));
    assert_eq!(
        (&data["project"], &data["stream"], &data["run"], &data["seq"]),
        (&json!("p"), &json!("r"), &json!("r"), &json!(4))
    );
    assert_eq!((&data["event"]["seq"], &data["event"]["data"]), (&json!(4), &json!({"result": 7})));
    assert_eq!(data["current"], milepost.snapshot("r").await["runs"][0]);

    // The rest of what it is told of, and nothing else.
    milepost.run("s").await;
    let kid = json!({"id": "kid", "kind": "step", "parent": "s", "state": "running"});
    send(milepost.post("/runs", &kid), 201).await;
    send(milepost.put("/runs/s/artifacts/a", "bytes"), 201).await;
    milepost
        .publish("s", json!([{"type": "run.failed"}, {"type": "run.audit_started"}, {"type": "run.audited"}]))
        .await;
    let expect = ["run.completed r", "artifact.ready s", "run.cancelled kid", "run.failed s", "run.audited s"];
    assert_eq!(types(&endpoint.told(5).await), expect);
}

#[tokio::test]
async fn what_an_endpoint_missed_it_is_told_after_a_restart() {
    let endpoint = Endpoint::start().await;
    let webhooks = endpoint.webhooks("events = ['run.completed']\nprojects = ['p']");
    let milepost = Milepost::start_with(|config| config.webhooks = webhooks.clone()).await;
    complete(&milepost, "r1").await;
    endpoint.told(1).await;
    endpoint.answer(&[(302, "http://127.0.0.1:1/"), (503, "")]);
    complete(&milepost, "r2").await;
    // Two answers that are no success, a redirection among them; the same id each time.
    let told = endpoint.told(3).await;
    assert!(told[1..].iter().all(|again| again.id == told[1].id));
    let milepost = milepost.restart_with(|config| config.webhooks = webhooks.clone()).await;
    complete(&milepost, "r3").await;
    let told = endpoint.told(5).await;
    let mut last: Vec<_> = types(&told[3..]);
    last.sort();
    assert_eq!(last, ["run.completed r2", "run.completed r3"]);
    let of_r2 = told.iter().filter(|told| told.body["data"]["run"] == "r2").map(|told| &told.id);
    assert!(of_r2.into_iter().all(|id| *id == told[1].id), "the id is the event's");
}

#[tokio::test]
async fn dead_letters_are_listed_tried_again_and_forgotten() {
    let endpoint = Endpoint::start().await;
    let milepost = Milepost::start_with(|config| config.webhooks = endpoint.webhooks("")).await;
    endpoint.answer(&[(410, ""), (410, ""), (500, "")]);
    complete(&milepost, "r1").await;
    endpoint.told(1).await;
    complete(&milepost, "r2").await;
    endpoint.told(2).await;
    const LETTERS: &str = "/v1/projects/p/webhooks/dead-letters";
    // Buried a moment after the answer.
    let letters = loop {
        let page = ask(milepost.get(LETTERS), 200).await;
        if page["dead_letters"].as_array().unwrap().len() == 2 {
            break page;
        }
    };
    assert_eq!(letters["next_page"], Value::Null);
    let letter = &letters["dead_letters"][1];
    assert_eq!((&letter["endpoint"], &letter["stream"], &letter["seq"]), (&json!("mine"), &json!("r1"), &json!(4)));
    assert_eq!((&letter["type"], &letter["attempts"]), (&json!("run.completed"), &json!(1)));
    assert!(letter["error"].as_str().unwrap().contains("410") && !letters.to_string().contains("hush"));
    let page = ask(milepost.get(&format!("{LETTERS}?limit=1")), 200).await;
    let next = page["next_page"].as_str().unwrap();
    assert_eq!(
        ask(milepost.get(&format!("{LETTERS}?limit=1&page={next}")), 200).await["dead_letters"],
        json!([letter])
    );

    let path = |letter: &Value, what: &str| format!("{LETTERS}/{}{what}", letter["id"]);
    let retry = |letter: &Value| milepost.request(reqwest::Method::POST, &path(letter, "/retry"));
    problem(retry(letter), "delivery_failed").await;
    send(retry(letter), 204).await;
    let told = endpoint.told(4).await;
    assert!([2, 3].iter().all(|at| told[*at].id == told[0].id), "it is still the same");
    problem(retry(letter), "not_found").await;
    send(milepost.delete(&path(&letters["dead_letters"][0], "")), 204).await;
    assert_eq!(ask(milepost.get(LETTERS), 200).await["dead_letters"], json!([]));
    problem(milepost.get("/v1/projects/other/webhooks/dead-letters/1/retry"), "method_not_allowed").await;
    assert!(
        send(milepost.get("/metrics"), 200)
            .await
            .text()
            .await
            .unwrap()
            .contains("milepost_outbox_events_total{sink=\"mine\",outcome=\"buried\"} 2")
    );
}

#[test]
fn mistakes_in_the_settings_are_named() {
    let base = "[[webhooks]]\nurl = 'https://x.example/h'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n";
    assert_eq!(webhooks(base)[0].name, "x.example");
    assert!(!format!("{:?}", webhooks(base)).contains("MfKQ"));
    let cases = [
        ("[[webhooks]]\nurl = 'ftp://x'\nsecret = 's'".to_owned(), "webhooks.url"),
        ("[[webhooks]]\nurl = 'https://x'".to_owned(), "webhooks.secret"),
        ("[[webhooks]]\nurl = 'https://x'\nsecret = 'whsec_c2hvcnQ='".to_owned(), "webhooks.secret"),
        ("[[webhooks]]\nurl = 'https://x'\nsecret_file = '/no/such'".to_owned(), "/no/such"),
        (format!("{base}{base}"), "webhooks.name"),
        (format!("{base}events = ['run.progressed']"), "webhooks.events"),
        (format!("{base}projects = ['a/b']"), "webhooks.projects"),
        (format!("{base}timeout_s = 0"), "webhooks.timeout_s"),
        (format!("{base}retries = 3"), "retries"),
    ];
    for (text, expect) in cases {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let error = Config::load(&Overrides::default(), Some(file.path()), []).unwrap_err().to_string();
        assert!(error.contains(expect) && !error.contains("c2hvcnQ"), "{text}: {error}");
    }
}
