//! The server goes away in the middle of a campaign.

use milepost_tests::Reply;
use milepost_tests::chat::asks_for_analysis;

use super::*;

/// An endpoint that writes two posts, and then says no more until the test lets it.
async fn held_chat() -> (Chat, std::sync::Arc<std::sync::atomic::AtomicBool>) {
    let go_on = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (told, posts) = (go_on.clone(), std::sync::atomic::AtomicUsize::new(0));
    let chat = Chat::start(move |body, _| {
        if asks_for_analysis(body) {
            return Reply::text("{}");
        }
        let number = posts.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if number < 2 || told.load(std::sync::atomic::Ordering::SeqCst) {
            return Reply::text(&format!(
                "Bread {number}\n\nFresh bread, every single morning of the week, number {number}.\n\n#bread"
            ));
        }
        Reply::Say(vec!["Half a post ".to_owned(); 100_000], Duration::from_millis(200))
    })
    .await;
    (chat, go_on)
}

#[tokio::test]
async fn a_campaign_goes_on_after_the_server_was_killed() {
    for kill in [true, false] {
        let (chat, go_on) = held_chat().await;
        let mut server = with_chat(&chat).await;
        expect(generate(&server, brief_with("c1", json!({"post_count": 4}))).await, 202).await;
        let half = |snapshot: &Value| {
            let ready = artifacts(snapshot, "ready");
            let posts = ready.iter().filter(|name| name.starts_with("post-")).count();
            posts == 2 && ready.iter().any(|name| name.starts_with("image-"))
        };
        let before = server.api().until("c1", half).await;
        let mut viewer = watch(&server, "c1", None).await;
        let seen = viewer.next().await.unwrap();
        let mut follower = server.api().follow("c1", "").await;
        follower.next().await.unwrap();
        if kill {
            server.kill().await;
        } else {
            assert!(server.terminate().await.success());
        }
        go_on.store(true, std::sync::atomic::Ordering::SeqCst);
        let calls = chat.calls().len();
        server.start_again().await;
        let api = server.api();

        // Those who watched go on where they were.
        let resumed = watch(&server, "c1", Some(&seen.id)).await.rest().await;
        check_frames(&resumed);
        let overall = |frame: &Frame| frame.data["overall_progress"].as_f64().unwrap();
        assert!(overall(&resumed[0]) >= overall(&seen), "{seen:?} {resumed:?}");
        let last = &resumed.last().unwrap().data;
        assert_eq!(in_short(last), "text=completed image=completed video=completed");
        let rest = api.resume("c1", &follower.last_event_id).await.rest().await;
        assert!(rest.iter().all(|frame| frame.name != "reset"), "the cursor is known");

        let snapshot = over(&api, "c1").await;
        assert_eq!(
            (&snapshot["runs"][0]["state"], &snapshot["runs"][0]["verdict"]),
            (&json!("completed"), &json!("passed"))
        );
        for job in ["c1:text", "c1:image", "c1:video"] {
            assert_eq!(run(&snapshot, job)["attempt"], 2, "{job}");
        }
        let pending = artifacts(&snapshot, "pending");
        assert!(pending.is_empty(), "what was half written is given up: {pending:?}");
        // What was there is not made again.
        assert_eq!(chat.calls().len() - calls, 2);
        for artifact in before["artifacts"].as_array().unwrap().iter().filter(|artifact| artifact["state"] == "ready") {
            let now =
                snapshot["artifacts"].as_array().unwrap().iter().find(|now| now["artifact"] == artifact["artifact"]);
            assert_eq!(now.unwrap()["sha256"], artifact["sha256"]);
        }
        let log = api.log("c1").await;
        let sequences: Vec<u64> = log.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(sequences, (1..=log.len() as u64).collect::<Vec<_>>());
        let posts = api.get("/runs/c1:text/artifacts/posts.json").await.json::<Value>().await.unwrap();
        assert_eq!(posts.as_array().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn jobs_of_others_are_still_theirs_after_a_restart() {
    let mut server = Server::start().await;
    expect(generate(&server, brief_with("c1", json!({"worker": "external"}))).await, 202).await;
    let claim = json!({"kinds": ["text"], "lease_seconds": 600});
    let claimed = expect(server.api().post("/claims", claim).await, 200).await;
    server.kill().await;
    server.start_again().await;
    let api = server.api();
    let headers = [("milepost-lease", claimed["lease"].as_str().unwrap()), ("content-type", "application/json")];
    let done = json!([{"type": "run.completed"}]).to_string();
    expect(api.send(reqwest::Method::POST, "/runs/c1:text/events", &headers, done).await, 200).await;
    for job in ["image", "video"] {
        api.publish(&format!("c1:{job}"), json!([{"type": "run.started"}, {"type": "run.completed"}])).await;
    }
    let snapshot = over(&api, "c1").await;
    assert_eq!(
        (&snapshot["runs"][0]["state"], &run(&snapshot, "c1:text")["attempt"]),
        (&json!("completed"), &json!(1))
    );
}

#[tokio::test]
async fn a_campaign_survives_being_killed_again_and_again() {
    let mut server = Server::start().await;
    expect(generate(&server, brief("c1")).await, 202).await;
    // At other moments each time, so that some of them are awkward.
    for millis in [3, 20, 45, 70, 100, 150, 220, 300, 10, 60, 130, 400] {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        server.kill().await;
        server.start_again().await;
    }
    let api = server.api();
    let seen = frames(&server, "c1").await;
    assert_eq!(in_short(&seen.last().unwrap().data), "text=completed image=completed video=completed");
    let snapshot = over(&api, "c1").await;
    let root = &snapshot["runs"][0];
    assert_eq!(
        (&root["state"], &root["verdict"], &root["result"]["failures"]),
        (&json!("completed"), &json!("passed"), &json!([]))
    );
    assert_eq!(artifacts(&snapshot, "pending"), [] as [&str; 0]);
    let ready = artifacts(&snapshot, "ready");
    assert_eq!(ready.iter().filter(|name| name.starts_with("post-")).count(), 6, "{ready:?}");
    assert_eq!(ready.iter().filter(|name| name.starts_with("image-")).count(), 4, "{ready:?}");
    let log = api.log("c1").await;
    let sequences: Vec<u64> = log.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=log.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_campaign_that_cannot_be_read_keeps_no_other_from_going_on() {
    let mut server = Server::start().await;
    for campaign in ["broken", "whole"] {
        expect(generate(&server, brief_with(campaign, json!({"worker": "external"}))).await, 202).await;
    }
    assert!(server.terminate().await.success());
    let database = rusqlite::Connection::open(server.data_dir().join("milepost.db")).unwrap();
    let stream = "stream = (SELECT id FROM streams WHERE root = 'broken')";
    assert_eq!(database.execute(&format!("DELETE FROM checkpoints WHERE {stream}"), []).unwrap(), 1);
    assert!(database.execute(&format!("UPDATE events SET data = '{{\"kind\":5}}' WHERE {stream}"), []).unwrap() > 1);
    drop(database);

    server.start_again().await;
    let api = server.api();
    expect(api.post("/runs/whole/cancel", json!({})).await, 202).await;
    // Nobody works on its jobs, so the server acknowledges: it looks after this one.
    api.until("whole", |snapshot| snapshot["state"] == "cancelled").await;
    expect_problem(api.get("/runs/broken").await, 500, "internal").await;
}
