//! Writing by a chat endpoint, and what becomes of a campaign when that misbehaves.

use milepost_tests::Reply;
use milepost_tests::chat::asks_for_analysis;

use super::*;

const POST: &str = "Bread\n\nFresh bread, every single morning of the week.\n\n#bread";

fn text_of(posts: u32) -> Value {
    json!({"generate_visuals": false, "post_count": posts})
}

#[tokio::test]
async fn a_model_writes_and_everybody_reads_along() {
    let chat = Chat::start(|body, before| {
        if asks_for_analysis(body) {
            return Reply::text(r#"Here: {"name": "Luna", "audience": "families", "keywords": ["bread"]}"#);
        }
        let pieces = ["Bread", " number ", &before.to_string(), "\n\nIt is fresh, and it is warm", ".\n\n#bread #luna"];
        Reply::Say(pieces.iter().map(|&piece| piece.to_owned()).collect(), Duration::from_millis(60))
    })
    .await;
    let server = with_chat(&chat).await;
    let api = server.api();
    expect(generate(&server, brief_with("c1", text_of(2))).await, 202).await;
    let snapshot = over(&api, "c1").await;
    let text = run(&snapshot, "c1:text");
    assert_eq!(text["result"]["written_by"], "parrot-1");
    assert_eq!(text["values"]["usage"], json!({"requests": 3, "prompt_tokens": 30, "completion_tokens": 11}));
    let post = api.get("/runs/c1:text/artifacts/post-1.md").await.text().await.unwrap();
    assert!(
        post.starts_with("# Bread number ") && post.contains("It is fresh") && post.contains("Written by parrot-1."),
        "{post}"
    );
    let chunks: String = api
        .log("c1")
        .await
        .iter()
        .filter(|event| event["type"] == "artifact.appended" && event["data"]["artifact"] == "post-1.md")
        .map(|event| event["data"]["chunk"].as_str().unwrap().to_owned())
        .collect();
    assert!(chunks.starts_with("Bread number ") && chunks.ends_with("#bread #luna"), "{chunks}");
    let calls = chat.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.authorization == "Bearer sk-hush"
        && call.body["stream"] == true
        && call.body["model"] == "parrot-1"));
    assert!(calls[0].body["messages"].to_string().contains("sourdough"), "it is told the brief");
    // The key is nowhere to be seen.
    let shown = snapshot.to_string() + &serde_json::to_string(&api.log("c1").await).unwrap();
    assert!(!shown.contains("sk-hush"));
}

/// Runs a campaign of one post against an endpoint, and returns the text job and how often the endpoint was called for the post.
async fn one_post(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> (Value, Value, usize) {
    let posts = std::sync::atomic::AtomicUsize::new(0);
    let chat = Chat::start(move |body, _| {
        if asks_for_analysis(body) {
            return Reply::text("{}");
        }
        script(posts.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    })
    .await;
    let server = with_chat(&chat).await;
    expect(generate(&server, brief_with("c1", text_of(1))).await, 202).await;
    let snapshot = over(&server.api(), "c1").await;
    (run(&snapshot, "c1:text").clone(), snapshot, chat.calls().len() - 1)
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let busy = |headers: &[&str]| {
        Reply::Refuse(429, headers.iter().map(|&header| header.to_owned()).collect(), "{}".to_owned())
    };
    let cases: [(Reply, Duration); 3] = [
        (busy(&["retry-after: 1"]), Duration::from_secs(1)),
        (Reply::Refuse(503, Vec::new(), "overloaded".to_owned()), Duration::ZERO),
        (Reply::BreakOff("Half a po".to_owned()), Duration::ZERO),
    ];
    for (first, at_least) in cases {
        let (began, shown) = (Instant::now(), format!("{first:?}"));
        let (job, snapshot, calls) =
            one_post(move |before| if before == 0 { first.clone() } else { Reply::text(POST) }).await;
        assert_eq!((&job["state"], calls), (&json!("completed"), 2), "{shown}: {job}");
        assert!(began.elapsed() >= at_least, "{shown}");
        let post = snapshot["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .rfind(|artifact| artifact["artifact_type"] == "post")
            .unwrap();
        assert_eq!((&post["state"], &post["text"]), (&json!("ready"), &json!(POST)), "nothing half is left in it");
    }
}

#[tokio::test]
async fn what_does_not_pass_fails_with_a_code() {
    let refusal = r#"{"error": {"message": "bad key"}}"#.to_owned();
    let cases = [
        (Reply::Refuse(401, Vec::new(), refusal), "llm_refused", 1),
        (Reply::Nonsense("<html>hello</html>".to_owned()), "llm_unintelligible", 1),
        (Reply::Garbage("data: {nonsense}\n\n".to_owned()), "llm_unintelligible", 1),
        (Reply::text("  \n "), "llm_unintelligible", 1),
        (Reply::Say(vec!["x".repeat(4_000); 3], Duration::ZERO), "llm_unintelligible", 1),
        (Reply::BreakOff("Half a po".to_owned()), "llm_broken_off", 2),
        (Reply::Refuse(429, vec!["retry-after: 3600".to_owned()], String::new()), "llm_busy", 1),
    ];
    for (reply, code, expect) in cases {
        let shown = format!("{reply:?}");
        let (job, snapshot, calls) = one_post(move |_| reply.clone()).await;
        let shown = &shown[..shown.len().min(100)];
        assert_eq!(
            (&job["state"], &job["error"]["code"], calls),
            (&json!("failed"), &json!(code), expect),
            "{shown}: {job}"
        );
        let posts =
            snapshot["artifacts"].as_array().unwrap().iter().filter(|artifact| artifact["artifact_type"] == "post");
        assert!(
            posts.clone().count() > 0 && posts.clone().all(|post| post["state"] == "failed"),
            "{shown}: nothing half-visible"
        );
        // The analysis is there, so the campaign did come to something.
        assert_eq!(snapshot["runs"][0]["state"], "completed", "{shown}");
        assert_eq!(snapshot["runs"][0]["result"]["jobs"]["text"], "failed", "{shown}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_fails_the_text_and_spares_the_pictures() {
    let chat = Chat::start(|_, _| Reply::Silence).await;
    let environment = chat.environment();
    drop(chat);
    let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let server = Server::start_with(&[], &environment).await;
    expect(generate(&server, brief_with("c1", json!({"post_count": 2}))).await, 202).await;
    let seen = frames(&server, "c1").await;
    assert_eq!(in_short(&seen.last().unwrap().data), "text=failed image=completed video=completed");
    let snapshot = over(&server.api(), "c1").await;
    assert_eq!(run(&snapshot, "c1:text")["error"]["code"], "llm_unreachable");
    assert_eq!(
        (&snapshot["runs"][0]["state"], &snapshot["runs"][0]["verdict"]),
        (&json!("completed"), &json!("passed"))
    );
    assert_eq!(artifacts(&snapshot, "ready"), ["campaign.png", "image-1.png", "image-2.png"]);
}

#[tokio::test]
async fn one_post_fails_and_the_others_are_written() {
    let chat = Chat::start(|body, _| {
        let words = body["messages"].to_string();
        match () {
            () if asks_for_analysis(body) => Reply::text("{}"),
            () if words.contains("Write post 2 of 3") => Reply::Refuse(400, Vec::new(), String::new()),
            () if words.contains("Write post 1 of 3") => {
                Reply::text("Bread\n\nThis bread is guaranteed to make you smile.\n\n#bread")
            }
            () => Reply::text("Cake\n\nThis cake was baked this morning, and it shows.\n\n#cake"),
        }
    })
    .await;
    let server = with_chat(&chat).await;
    expect(generate(&server, brief_with("c1", json!({"post_count": 3}))).await, 202).await;
    let seen = frames(&server, "c1").await;
    assert_eq!(in_short(&seen.last().unwrap().data), "text=completed image=completed video=completed");
    let snapshot = over(&server.api(), "c1").await;
    assert_eq!(run(&snapshot, "c1:text")["result"]["failed"][0]["code"], "llm_refused");
    let root = &snapshot["runs"][0];
    assert_eq!(
        (&root["result"]["failures"][0]["run"], &root["verdict"]),
        (&json!("c1:text:post-2"), &json!("findings"))
    );
    let audited = server.api().log("c1").await.pop().unwrap();
    let finding = &audited["data"]["notes"]["findings"][0];
    assert_eq!(
        (&audited["type"], &finding["code"], &finding["artifact"]),
        (&json!("run.audited"), &json!("banned_word"), &json!("post-1.md"))
    );
}

#[tokio::test]
async fn a_silent_endpoint_is_not_waited_for_for_ever() {
    let chat = Chat::start(|_, _| Reply::Silence).await;
    let server = with_chat_and(&chat, &[("TIMEOUT_S", "1")]).await;
    expect(generate(&server, brief_with("c1", text_of(1))).await, 202).await;
    let snapshot = over(&server.api(), "c1").await;
    let error = &run(&snapshot, "c1:text")["error"];
    assert_eq!((&error["code"], chat.calls().len()), (&json!("llm_unreachable"), 4), "{error}");
    assert_eq!(
        (&snapshot["runs"][0]["state"], &snapshot["runs"][0]["error"]["code"]),
        (&json!("failed"), &json!("all_jobs_failed"))
    );
}

/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn an_endpoint_makes_the_pictures_and_says_what_it_costs() {
    let chat = Chat::start(|body, _| match body["prompt"].as_str() {
        Some(prompt) if prompt.contains("Bread 1") => Reply::Json(json!({"data": [{"b64_json": PIXEL}]})),
        Some(_) => Reply::Json(json!({"data": [{"b64_json": "bm8gcGljdHVyZQ=="}]})),
        None if asks_for_analysis(body) => Reply::text("{}"),
        None => {
            let number = if body["messages"].to_string().contains("Write post 1 of 2") { 1 } else { 2 };
            Reply::text(&format!(
                "Bread {number}\n\nFresh bread number {number}, every single morning of the week.\n\n#bread"
            ))
        }
    })
    .await;
    let more = [("IMAGE_MODEL", "painter-1"), ("PROMPT_USD_PER_MILLION", "2"), ("COMPLETION_USD_PER_MILLION", "10")];
    let server = with_chat_and(&chat, &more).await;
    expect(generate(&server, brief_with("c1", json!({"post_count": 2}))).await, 202).await;
    let snapshot = over(&server.api(), "c1").await;
    assert_eq!(run(&snapshot, "c1:image:image-1")["state"], "completed");
    assert_eq!(run(&snapshot, "c1:image:image-2")["error"]["code"], "llm_unintelligible");
    assert_eq!(run(&snapshot, "c1:image")["state"], "completed", "one picture is there");
    let picture = server.api().get("/runs/c1:image/artifacts/image-1.png").await.bytes().await.unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() < 200);
    let asked: Vec<_> = chat.calls().into_iter().filter(|call| call.body["prompt"].is_string()).collect();
    assert!(asked.iter().all(|call| call.body["model"] == "painter-1" && call.authorization == "Bearer sk-hush"));
    // 30 prompt tokens and 3 others.
    let cost = run(&snapshot, "c1:text")["values"]["usage"]["cost_usd"].as_f64().unwrap();
    assert!((cost - 0.000_09).abs() < 1e-9, "{cost}");
}
