//! Campaigns are generated while people watch.

mod cancelling;
mod documented;
mod endpoint;
mod restarts;
mod tracking;

use std::time::{Duration, Instant};

use milepost_tests::api::{expect, expect_problem, header};
use milepost_tests::{Api, Chat, Events, Frame, Server};
use reqwest::Response;
use serde_json::{Value, json};

const BAKERY: &str = "Luna Bakery is a family bakery in Lisbon. We bake sourdough bread in a wood-fired oven every morning. \
    On Saturdays there are baking classes for children.";

fn brief(id: &str) -> Value {
    json!({"campaign_id": id, "business_description": BAKERY, "objective": "Bring more guests into the shop"})
}

/// A brief with other members, too.
fn brief_with(id: &str, more: Value) -> Value {
    let (Value::Object(mut members), Value::Object(more)) = (brief(id), more) else { panic!("these are objects") };
    members.extend(more);
    members.into()
}

async fn generate(server: &Server, body: Value) -> Response {
    let request = server.api().client().post(server.url("/api/v1/content/generate-with-progress"));
    // What `curl -d` says of any body.
    request.header("content-type", "application/x-www-form-urlencoded").body(body.to_string()).send().await.unwrap()
}

async fn watch(server: &Server, campaign: &str, last_event_id: Option<&str>) -> Events {
    let url = server.url(&format!("/api/v1/content/progress/{campaign}"));
    Events::get(server.api().client(), &url, last_event_id).await
}

/// All frames to the end of the stream.
async fn frames(server: &Server, campaign: &str) -> Vec<Frame> {
    let seen = watch(server, campaign, None).await.rest().await;
    check_frames(&seen);
    seen
}

/// What holds for every viewer.
fn check_frames(seen: &[Frame]) {
    for frame in seen {
        let data = &frame.data;
        assert_eq!(frame.name, "progress");
        assert!(data["campaign_id"].is_string() && data["timestamp"].is_string(), "{data}");
        for job in data["jobs"].as_array().unwrap() {
            let members: Vec<_> = job.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members.len(), 6, "{job}");
            assert!(
                ["queued", "processing", "completed", "failed", "cancelled"].contains(&job["status"].as_str().unwrap())
            );
            assert!((0.0..=1.0).contains(&job["progress"].as_f64().unwrap()) && job["message"].is_string(), "{job}");
        }
    }
    for pair in seen.windows(2) {
        let overall = |frame: &Frame| frame.data["overall_progress"].as_f64().unwrap();
        assert!(overall(&pair[0]) <= overall(&pair[1]), "{pair:?}");
        assert!(pair[0].seq() <= pair[1].seq());
    }
    let over = |frame: &Frame| {
        statuses(&frame.data).iter().all(|(_, status)| ["completed", "failed", "cancelled"].contains(&&**status))
    };
    assert!(seen.iter().rev().skip(1).all(|frame| !over(frame)), "nothing follows the last frame");
    assert!(over(seen.last().unwrap()), "the last frame has every job at its end");
}

fn statuses(data: &Value) -> Vec<(String, String)> {
    let word = |job: &Value, member: &str| job[member].as_str().unwrap().to_owned();
    data["jobs"].as_array().unwrap().iter().map(|job| (word(job, "type"), word(job, "status"))).collect()
}

/// Statuses in short: `text=completed image=failed`.
fn in_short(data: &Value) -> String {
    statuses(data).iter().map(|(job, status)| format!("{job}={status}")).collect::<Vec<_>>().join(" ")
}

/// The campaign's root once the campaign is over and its audit done.
async fn over(api: &Api, campaign: &str) -> Value {
    let done = |root: &Value| {
        let terminal = ["completed", "failed", "cancelled"].contains(&root["state"].as_str().unwrap());
        terminal && root["audit"] != "in_progress"
    };
    api.until(campaign, |snapshot| done(&snapshot["runs"][0])).await
}

fn run<'a>(snapshot: &'a Value, id: &str) -> &'a Value {
    snapshot["runs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["id"] == id)
        .unwrap_or_else(|| panic!("no {id}: {snapshot}"))
}

/// Artifacts of a state, by name.
fn artifacts(snapshot: &Value, state: &str) -> Vec<String> {
    let all = snapshot["artifacts"].as_array().unwrap().iter();
    let mut names: Vec<String> = all
        .filter(|artifact| artifact["state"] == state)
        .map(|artifact| artifact["artifact"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

async fn with_chat(chat: &Chat) -> Server {
    with_chat_and(chat, &[]).await
}

/// With more settings of the endpoint.
async fn with_chat_and(chat: &Chat, more: &[(&str, &str)]) -> Server {
    let mut environment = chat.environment();
    environment
        .extend(more.iter().map(|(name, value)| (format!("MILEPOST_CAMPAIGN__LLM__{name}"), (*value).to_owned())));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Server::start_with(&[], &environment).await
}

#[tokio::test]
async fn a_campaign_is_accepted_watched_and_opened() {
    let server = Server::start().await;
    let asked = Instant::now();
    let accepted = expect(generate(&server, brief("c1")).await, 202).await;
    assert!(asked.elapsed() < Duration::from_secs(2));
    let job = |id: &str| json!({"id": format!("c1:{id}"), "type": id, "status": "queued", "progress": 0.0, "message": "Queued"});
    let answer = json!({
        "campaign_id": "c1", "status": "processing", "jobs": [job("text"), job("image"), job("video")],
        "progress_endpoint": "/api/v1/content/progress/c1",
    });
    assert_eq!(accepted, answer);
    let seen = frames(&server, "c1").await;
    let last = seen.last().unwrap();
    assert_eq!(in_short(&last.data), "text=completed image=completed video=completed");
    assert_eq!(last.data["overall_progress"], 1.0);
    let content: Vec<_> = last.data["jobs"].as_array().unwrap().iter().map(|job| job["content_id"].clone()).collect();
    assert_eq!(content, ["posts.json", "image-1.png", "campaign.png"]);

    // One who comes late, one who has seen all, and one who has seen all but the end.
    let late = frames(&server, "c1").await;
    assert_eq!((late.len(), &late[0].data["jobs"]), (1, &last.data["jobs"]));
    let again = |id: String| {
        server.api().client().get(server.url("/api/v1/content/progress/c1")).header("last-event-id", id).send()
    };
    assert_eq!(again(last.id.clone()).await.unwrap().status(), 204);
    assert_eq!(again(late[0].id.clone()).await.unwrap().status(), 204);
    let missed = watch(&server, "c1", Some(&seen[0].id)).await.rest().await;
    assert_eq!((missed.len(), &missed[0].data["jobs"]), (1, &last.data["jobs"]));

    let snapshot = over(&server.api(), "c1").await;
    let root = &snapshot["runs"][0];
    assert_eq!((&root["state"], &root["verdict"]), (&json!("completed"), &json!("passed")), "{root}");
    assert_eq!(root["result"]["failures"], json!([]));
    open_everything(&server, &snapshot).await;
}

/// What was made is what it says it is.
async fn open_everything(server: &Server, snapshot: &Value) {
    let mut posts = Vec::new();
    for artifact in snapshot["artifacts"].as_array().unwrap() {
        assert_eq!(artifact["state"], "ready");
        let answer = server.api().client().get(server.url(artifact["url"].as_str().unwrap())).send().await.unwrap();
        assert_eq!(header(&answer, "content-type"), artifact["media_type"].as_str().unwrap());
        let bytes = answer.bytes().await.unwrap();
        match artifact["artifact_type"].as_str().unwrap() {
            "post" => posts.push(String::from_utf8(bytes.to_vec()).unwrap()),
            "image" => assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.len() > 10_000),
            "video" => assert!(bytes.windows(4).any(|window| window == b"acTL"), "it is animated"),
            _ => drop(serde_json::from_slice::<Value>(&bytes).unwrap()),
        }
    }
    assert_eq!(posts.len(), 6);
    assert!(posts.iter().all(|post| post.contains("without a language model")), "they say who wrote them");
    assert!(posts.iter().any(|post| post.contains("We bake sourdough bread")), "they are about the brief");
    posts.sort();
    posts.dedup();
    assert_eq!(posts.len(), 6);
}

#[tokio::test]
async fn without_visuals_there_is_text_alone() {
    let server = Server::start().await;
    let body = brief_with("c1", json!({"generate_visuals": false, "post_count": 2, "project": "bakeries"}));
    let accepted = expect(generate(&server, body).await, 202).await;
    assert_eq!(accepted["progress_endpoint"], "/api/v1/content/progress/c1?project=bakeries");
    let seen = frames(&server, "c1?project=bakeries").await;
    assert_eq!(in_short(&seen.last().unwrap().data), "text=completed");
    expect_problem(
        server.api().client().get(server.url("/api/v1/content/progress/c1")).send().await.unwrap(),
        404,
        "run_not_found",
    )
    .await;
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let server = Server::start().await;
    let first = expect(generate(&server, brief("c1")).await, 202).await;
    let (second, third) = tokio::join!(generate(&server, brief("c1")), generate(&server, brief("c1")));
    assert_eq!((expect(second, 202).await, expect(third, 202).await), (first.clone(), first.clone()));
    over(&server.api(), "c1").await;
    assert_eq!(expect(generate(&server, brief("c1")).await, 202).await, first, "also when it is over");
    let jobs = server
        .api()
        .log("c1")
        .await
        .iter()
        .filter(|event| event["type"] == "run.created" && event["data"]["parent"] == "c1")
        .count();
    assert_eq!(jobs, 3, "each job was made once");
    for other in [json!({"post_count": 7}), json!({"objective": "Something else"}), json!({"worker": "external"})] {
        expect_problem(generate(&server, brief_with("c1", other)).await, 409, "campaign_exists").await;
    }
    // Another run has the id.
    server.api().running("taken", "job").await;
    expect_problem(generate(&server, brief("taken")).await, 409, "run_exists").await;
    server.api().running("c2:image", "job").await;
    expect_problem(generate(&server, brief("c2")).await, 409, "run_exists").await;
    assert_eq!(over(&server.api(), "c2").await["runs"][0]["error"]["code"], "run_exists");
    server.api().running("native", "campaign").await;
    expect_problem(generate(&server, brief("native")).await, 409, "campaign_exists").await;
}

#[tokio::test]
async fn ids_may_be_as_long_as_ids_are() {
    let server = Server::start().await;
    let id = "i".repeat(128);
    let accepted = expect(generate(&server, brief_with(&id, json!({"post_count": 1}))).await, 202).await;
    let seen = frames(&server, &id).await;
    assert_eq!(in_short(&seen.last().unwrap().data), "text=completed image=completed video=completed");
    let ids = |data: &Value| data["jobs"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&accepted), ids(&seen.last().unwrap().data));
}

#[tokio::test]
async fn bad_input_is_told_what_is_wrong() {
    let server = Server::start().await;
    let cases = [
        (json!({"business_description": ""}), 422, "invalid_request", "business_description"),
        (json!({"business_description": " \n"}), 422, "invalid_request", "business_description"),
        (json!({"business_description": "x".repeat(100_000)}), 422, "invalid_request", "business_description"),
        (json!({"objective": ""}), 422, "invalid_request", "objective"),
        (json!({"post_count": 0}), 422, "invalid_request", "post_count"),
        (json!({"post_count": 1_000}), 422, "invalid_request", "post_count"),
        (json!({"post_count": "six"}), 422, "invalid_request", ""),
        (json!({"campaign_id": "no spaces"}), 422, "invalid_id", ""),
        (json!({"worker": "nobody"}), 422, "invalid_request", ""),
    ];
    for (members, status, code, named) in cases {
        let problem = expect_problem(generate(&server, brief_with("c1", members)).await, status, code).await;
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }
    let huge = generate(&server, brief_with("c1", json!({"business_description": "x".repeat(5 << 20)}))).await;
    expect_problem(huge, 413, "body_too_large").await;
    for body in ["", "not json", "a=b"] {
        let url = server.url("/api/v1/content/generate-with-progress");
        let answer = server.api().client().post(url).body(body).send().await.unwrap();
        expect_problem(answer, 400, "malformed_json").await;
    }
    server.api().running("other", "job").await;
    for (path, status, code) in
        [("none", 404, "run_not_found"), ("other", 404, "run_not_found"), ("a%20b", 422, "invalid_id")]
    {
        let url = server.url(&format!("/api/v1/content/progress/{path}"));
        expect_problem(server.api().client().get(url).send().await.unwrap(), status, code).await;
    }
    expect_problem(server.api().get("/runs/c1").await, 404, "run_not_found").await;
}
