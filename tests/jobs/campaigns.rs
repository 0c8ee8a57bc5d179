//! Jobs of campaigns, done by `milepost work`.

use milepost_tests::api::expect;
use milepost_tests::{Server, Worker};
use serde_json::{Value, json};

#[tokio::test]
async fn workers_elsewhere_make_a_campaign_although_one_is_killed() {
    let server = Server::start().await;
    let brief = json!({
        "campaign_id": "spring", "business_description": "A bakery in Lisbon that ferments its bread for two days",
        "objective": "More orders on weekday mornings", "post_count": 3, "worker": "external"
    });
    let start = server.api().client().post(server.url("/api/v1/content/generate-with-progress")).json(&brief);
    let accepted = expect(start.send().await.unwrap(), 202).await;
    assert_eq!(accepted["jobs"][0]["status"], "queued");

    let flags = ["--kinds", "campaign", "--concurrency", "3", "--lease", "2"];
    let killed = Worker::start(&server, &flags);
    let started = |snapshot: &Value| jobs(snapshot).any(|job| job["state"] != "queued");
    server.api().until("spring", started).await;
    killed.kill().await;

    let _other = Worker::start(&server, &flags);
    let over = |snapshot: &Value| snapshot["state"] == "completed" && snapshot["runs"][0]["audit"] == "completed";
    let snapshot = server.api().until("spring", over).await;
    let states: Vec<_> = jobs(&snapshot).map(|job| (job["kind"].clone(), job["state"].clone())).collect();
    let completed = ["text", "image", "video"].map(|kind| (json!(kind), json!("completed")));
    assert_eq!(states, completed);
    let artifacts = snapshot["artifacts"].as_array().unwrap();
    let ready = |kind: &str| {
        let is_so = |artifact: &&Value| artifact["artifact_type"] == kind && artifact["state"] == "ready";
        artifacts.iter().filter(is_so).count()
    };
    assert_eq!(ready("post"), 3, "{artifacts:#?}");
    assert!(ready("image") > 0 && ready("video") == 1, "{artifacts:#?}");
}

fn jobs(snapshot: &Value) -> impl Iterator<Item = &Value> {
    let runs = snapshot["runs"].as_array().unwrap();
    runs.iter().filter(|run| ["text", "image", "video"].iter().any(|kind| run["kind"] == *kind))
}
