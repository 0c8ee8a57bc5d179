//! Pushes of Pub/Sub about campaigns, and the tokens that they come with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::issuer::Issuer;
use crate::support::{Milepost, json as ask, problem, send};

const PUSH: &str = "/api/v1/webhooks/progress?project=p";

/// A campaign with a job of each kind, as it is when others work on it.
async fn campaign(milepost: &Milepost) {
    send(milepost.post("/runs", &json!({"id": "c", "kind": "campaign", "state": "running"})), 201).await;
    for kind in ["text", "image"] {
        let job = json!({"id": format!("c:{kind}"), "kind": kind, "name": kind, "parent": "c"});
        send(milepost.post("/runs", &job), 201).await;
    }
}

fn wrapped(id: &str, data: &Value) -> Value {
    json!({"subscription": "projects/p/subscriptions/s", "message": {"data": STANDARD.encode(data.to_string()), "messageId": id}})
}

async fn push(milepost: &Milepost, id: &str, data: Value) -> Value {
    ask(milepost.post(PUSH, &wrapped(id, &data)), 200).await["outcome"].take()
}

/// The job as it stands.
async fn text(milepost: &Milepost) -> Value {
    milepost.snapshot("c:text").await["runs"][0].take()
}

#[tokio::test]
async fn messages_are_applied_once_whatever_the_order() {
    let milepost = Milepost::start().await;
    campaign(&milepost).await;
    let said =
        |progress: f64| json!({"campaign_id": "c", "job_type": "text", "progress": progress, "message": "Writing"});
    assert_eq!(push(&milepost, "1", said(0.25)).await, "applied");
    assert_eq!(push(&milepost, "2", said(0.5)).await, "applied");
    // Redelivering one message redelivers those after it.
    assert_eq!(push(&milepost, "1", said(0.25)).await, "duplicate");
    assert_eq!(
        push(&milepost, "2", json!({"campaign_id": "c", "job_id": "c:text", "status": "failed"})).await,
        "duplicate"
    );
    // An old one that was never here: what is shown does not go back.
    assert_eq!(push(&milepost, "0", said(0.1)).await, "applied");
    let job = text(&milepost).await;
    assert_eq!(
        (&job["state"], &job["progress"]["fraction"], &job["attempt"]),
        (&json!("running"), &json!(0.5), &json!(1))
    );

    let done = json!({"campaign_id": "c", "job_id": "c:text", "status": "completed", "progress": 1, "content_id": "x-7",
        "result": {"posts": 6}});
    assert_eq!(push(&milepost, "3", done.clone()).await, "applied");
    assert_eq!(push(&milepost, "3", done.clone()).await, "duplicate");
    assert_eq!(push(&milepost, "4", done).await, "ignored", "the same, published twice");
    assert_eq!(push(&milepost, "5", said(0.75)).await, "ignored");
    let job = text(&milepost).await;
    assert_eq!(
        (&job["state"], &job["values"], &job["result"]),
        (&json!("completed"), &json!({"content_id": "x-7"}), &json!({"posts": 6}))
    );
    let log = ask(milepost.get("/runs/c/events?limit=1000"), 200).await;
    let seqs: Vec<_> = log["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(milepost.snapshot("c").await["runs"][2]["state"], "queued", "the other job is another job");
}

#[tokio::test]
async fn many_deliveries_at_once_are_one() {
    let milepost = Milepost::start().await;
    campaign(&milepost).await;
    let said = |kind: &str| json!({"campaign_id": "c", "job_type": kind, "status": "processing", "progress": 0.5});
    let deliveries = (0..24).map(|at| {
        // Each message three times, in another order.
        let (id, kind) = (format!("m{}", at * 7 % 8), if at * 7 % 8 < 4 { "text" } else { "image" });
        let request = milepost.post(PUSH, &wrapped(&id, &said(kind)));
        async move { ask(request, 200).await }
    });
    let answers = futures_util::future::join_all(deliveries).await;
    assert_eq!(answers.iter().filter(|answer| answer["outcome"] == "applied").count(), 8, "{answers:?}");
    let log = ask(milepost.get("/runs/c/events?limit=1000"), 200).await;
    let count = |wanted: &str| log["events"].as_array().unwrap().iter().filter(|event| event["type"] == wanted).count();
    assert_eq!((count("run.started"), count("run.progressed")), (3, 8));
}

#[tokio::test]
async fn what_can_never_be_applied_is_a_problem() {
    let milepost = Milepost::start().await;
    campaign(&milepost).await;
    milepost.run("other").await;
    let cases = [
        (json!({"campaign_id": "nobody", "job_type": "text", "progress": 0}), "run_not_found"),
        (json!({"campaign_id": "other", "job_type": "text", "progress": 0}), "run_not_found"),
        (json!({"campaign_id": "c", "job_type": "video", "progress": 0}), "run_not_found"),
        (json!({"campaign_id": "c", "job_id": "other", "progress": 0}), "run_not_found"),
        (json!({"campaign_id": "c", "job_type": "text", "progress": 2}), "invalid_request"),
        (json!({"campaign_id": "c", "job_type": "text", "message": "x".repeat(5_000)}), "limit_exceeded"),
    ];
    for (data, code) in cases {
        problem(milepost.post(PUSH, &wrapped("1", &data)), code).await;
    }
    problem(milepost.request(reqwest::Method::POST, PUSH).body("?"), "malformed_json").await;
    problem(milepost.post(PUSH, &json!({"message": {"data": "?"}})), "invalid_request").await;
    problem(milepost.post("/api/v1/webhooks/progress?project=a/b", &json!({})), "invalid_query").await;
    push(&milepost, "2", json!({"campaign_id": "c", "job_type": "text", "status": "failed", "message": "No ink"}))
        .await;
    let completed = json!({"campaign_id": "c", "job_type": "text", "status": "completed"});
    problem(milepost.post(PUSH, &wrapped("3", &completed)), "run_terminal").await;
    assert_eq!(text(&milepost).await["error"], json!({"code": "job_failed", "message": "No ink"}));
}

#[tokio::test]
async fn unwrapped_pushes_are_taken_whatever_they_are_called() {
    let milepost = Milepost::start().await;
    campaign(&milepost).await;
    let data = json!({"campaign_id": "c", "job_type": "text", "progress": 0.5}).to_string();
    let unwrapped = |headers: &[(&str, &str)]| {
        let request =
            milepost.request(reqwest::Method::POST, PUSH).header("content-type", "application/x-www-form-urlencoded");
        headers.iter().fold(request.body(data.clone()), |request, (name, value)| request.header(*name, *value))
    };
    let goog = [("x-goog-pubsub-message-id", "9"), ("x-goog-ordering-key", "c")];
    assert_eq!(ask(unwrapped(&goog), 200).await["outcome"], "applied");
    assert_eq!(ask(unwrapped(&goog), 200).await["outcome"], "duplicate");
    assert_eq!(push(&milepost, "9", serde_json::from_str(&data).unwrap()).await, "duplicate", "it is the same message");
    let events = [("ce-specversion", "1.0"), ("ce-id", "an id"), ("ce-type", "t"), ("ce-source", "s")];
    assert_eq!(ask(unwrapped(&events), 200).await["outcome"], "applied");
    assert_eq!(ask(unwrapped(&events), 200).await["outcome"], "duplicate");
    assert_eq!(ask(unwrapped(&[]), 200).await["outcome"], "applied");
}

#[tokio::test]
async fn a_campaign_that_is_cancelled_takes_the_acknowledgement_only() {
    let milepost = Milepost::start().await;
    campaign(&milepost).await;
    push(&milepost, "1", json!({"campaign_id": "c", "job_type": "text", "progress": 0.5})).await;
    ask(milepost.post("/runs/c/cancel", &json!({"grace_seconds": 600})), 202).await;
    let said = |status: &str| json!({"campaign_id": "c", "job_type": "text", "status": status, "progress": 0.75});
    assert_eq!(push(&milepost, "2", said("processing")).await, "ignored");
    assert_eq!(push(&milepost, "3", said("cancelled")).await, "applied");
    assert_eq!(text(&milepost).await["state"], "cancelled");
    assert_eq!(push(&milepost, "4", said("cancelled")).await, "ignored");
}

const SENDER: &str = "pusher@project.iam.gserviceaccount.com";

#[tokio::test]
async fn tokens_are_verified() {
    let issuer = Issuer::start().await;
    let milepost =
        Milepost::start_with(|config| config.push = Some(issuer.push("https://milepost.example/push", SENDER))).await;
    campaign(&milepost).await;
    let message = wrapped("1", &json!({"campaign_id": "c", "job_type": "text", "progress": 0.5}));
    let with = |token: String| milepost.post(PUSH, &message).bearer_auth(token);
    let good = issuer.claims("https://milepost.example/push", SENDER);

    problem(milepost.post(PUSH, &message), "unauthorized").await;
    problem(milepost.post(PUSH, &message).basic_auth("me", Some("pass")), "unauthorized").await;
    let but = |member: &str, value: Value| {
        let mut claims = good.clone();
        claims[member] = value;
        claims
    };
    let now = good["iat"].as_u64().unwrap();
    let wrong = [
        but("aud", json!("https://elsewhere.example")),
        but("iss", json!("https://accounts.example")),
        but("exp", json!(now - 31)),
        but("exp", json!("soon")),
        but("exp", Value::Null),
        but("nbf", json!(now + 3_600)),
        but("email", json!("somebody@project.iam.gserviceaccount.com")),
        but("email", Value::Null),
        but("email_verified", json!(false)),
        but("email_verified", Value::Null),
    ];
    for claims in wrong {
        let refused = problem(with(issuer.sign(&claims)), "unauthorized").await;
        assert!(refused["detail"].as_str().unwrap().starts_with("the token is refused: "), "{refused}");
    }
    for token in issuer.forged(&good) {
        let refused = problem(with(token.clone()), "unauthorized").await.to_string();
        assert!(token.is_empty() || !refused.contains(&token));
    }
    assert_eq!(text(&milepost).await["state"], "queued", "nothing of it has happened");
    let aud = json!(["https://elsewhere.example", "https://milepost.example/push"]);
    for claims in [good.clone(), but("aud", aud), but("exp", json!(now - 5))] {
        ask(with(issuer.sign(&claims)), 200).await;
    }
    assert_eq!(issuer.fetches(), 2, "one for all tokens, and one for the key that nobody knows");
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_found_and_made_up_ones_are_not_looked_for_without_end() {
    let mut issuer = Issuer::start().await;
    let milepost = Milepost::start_with(|config| config.push = Some(issuer.push("a", SENDER))).await;
    campaign(&milepost).await;
    let message = wrapped("1", &json!({"campaign_id": "c", "job_type": "text", "progress": 0.5}));
    let with = |token: String| milepost.post(PUSH, &message).bearer_auth(token);
    let claims = issuer.claims("a", SENDER);
    let old = issuer.sign(&claims);
    ask(with(old.clone()), 200).await;
    issuer.rotate();
    ask(with(issuer.sign(&claims)), 200).await;
    problem(with(old), "unauthorized").await;
    let fetches = issuer.fetches();
    for number in 0..20 {
        problem(with(issuer.sign_as(&format!("made-up-{number}"), &claims)), "unauthorized").await;
    }
    assert!(issuer.fetches() <= 5, "{} after {fetches}", issuer.fetches());
    ask(with(issuer.sign(&claims)), 200).await;
}

#[tokio::test]
async fn an_issuer_that_is_away_is_no_reason_to_give_a_message_up() {
    let issuer = Issuer::start().await;
    let milepost = Milepost::start_with(|config| config.push = Some(issuer.push("a", SENDER))).await;
    campaign(&milepost).await;
    let message = wrapped("1", &json!({"campaign_id": "c", "job_type": "text", "progress": 0.5}));
    let token = issuer.sign(&issuer.claims("a", SENDER));
    issuer.break_down(true);
    problem(milepost.post(PUSH, &message).bearer_auth(&token), "keys_unavailable").await;
    issuer.break_down(false);
    ask(milepost.post(PUSH, &message).bearer_auth(&token), 200).await;
    issuer.break_down(true);
    ask(milepost.post(PUSH, &message).bearer_auth(&token), 200).await;
}
