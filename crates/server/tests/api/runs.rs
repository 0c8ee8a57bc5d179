//! Runs: create, list, look at, delete.

use reqwest::header::IF_NONE_MATCH;
use serde_json::{Value, json};

use crate::support::{Milepost, header, json as ask, problem, send};

#[tokio::test]
async fn a_run_is_created_once() {
    let milepost = Milepost::start().await;
    let body = json!({"id": "c1", "kind": "campaign", "name": "Spring", "state": "running"});
    let first = send(milepost.post("/runs", &body), 201).await;
    assert_eq!(header(&first, "location"), "/v1/projects/p/runs/c1");
    let first: Value = first.json().await.unwrap();
    assert_eq!((&first["run"], &first["stream"], &first["seq"]), (&json!("c1"), &json!("c1"), &json!(2)));

    let again = ask(milepost.post("/runs", &body), 200).await;
    assert_eq!(again, first);
    for other in [json!({"id": "c1", "kind": "ingest"}), json!({"id": "c1", "kind": "campaign", "parent": "c1"})] {
        problem(milepost.post("/runs", &other), "run_exists").await;
    }
    assert_eq!(milepost.snapshot("c1").await["runs"][0]["state"], "running");
}

#[tokio::test]
async fn an_id_is_made_where_none_is_given() {
    let milepost = Milepost::start().await;
    let created = ask(milepost.post("/runs", &json!({"kind": "work"})), 201).await;
    assert_eq!(created["seq"], 1);
    let run = created["run"].as_str().unwrap();
    assert_eq!(milepost.snapshot(run).await["runs"][0]["state"], "queued");
}

#[tokio::test]
async fn children_are_part_of_the_stream_of_their_root() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let child = json!({"id": "img", "kind": "step", "parent": "c1", "weight": 3});
    let child = ask(milepost.post("/runs", &child), 201).await;
    assert_eq!((&child["stream"], &child["seq"]), (&json!("c1"), &json!(3)));

    let whole = milepost.snapshot("c1").await;
    assert_eq!(whole["runs"].as_array().unwrap().len(), 2);
    let part = milepost.snapshot("img").await;
    assert_eq!((&part["stream"], &part["runs"][0]["id"]), (&json!("c1"), &json!("img")));
    assert_eq!(part["cursor"], whole["cursor"]);
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    problem(milepost.get("/v1/projects/q/runs/c1"), "run_not_found").await;
    let body = json!({"id": "c1", "kind": "other"});
    send(milepost.post("/v1/projects/q/runs", &body), 201).await;
    assert_eq!(milepost.snapshot("c1").await["runs"][0]["kind"], "work");
}

#[tokio::test]
async fn runs_are_listed_in_pages() {
    let milepost = Milepost::start().await;
    for at in 0..5 {
        let kind = if at % 2 == 0 { "even" } else { "odd" };
        send(milepost.post("/runs", &json!({"id": format!("r{at}"), "kind": kind})), 201).await;
    }
    send(milepost.post("/runs", &json!({"id": "child", "kind": "step", "parent": "r0"})), 201).await;
    let ids = |page: &Value| -> Vec<String> {
        page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    let cases: &[(&str, &[&str])] = &[
        ("", &["r4", "r3", "r2", "r1", "r0"]),
        ("?kind=odd", &["r3", "r1"]),
        ("?state=queued&limit=2", &["r4", "r3"]),
        ("?state=running", &[]),
        ("?parent=r0", &["child"]),
        ("?kind=odd&access_token=unknown-parameters-are-ignored", &["r3", "r1"]),
    ];
    for (query, expect) in cases {
        let page = ask(milepost.get(&format!("/runs{query}")), 200).await;
        assert_eq!(ids(&page), *expect, "{query}");
    }

    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = ask(milepost.get(&format!("/runs{query}")), 200).await;
        seen.extend(ids(&page));
        let Some(next) = page["next_page"].as_str() else { break };
        query = format!("?limit=2&page={next}");
    }
    assert_eq!(seen, ["r4", "r3", "r2", "r1", "r0"]);
}

#[tokio::test]
async fn a_snapshot_is_sent_when_there_is_a_newer_one() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let first = send(milepost.get("/runs/c1"), 200).await;
    let etag = header(&first, "etag").to_owned();
    let cursor = first.json::<Value>().await.unwrap()["cursor"].as_str().unwrap().to_owned();
    assert_eq!(etag, format!("\"{cursor}\""));

    for known in [etag.clone(), cursor.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let unchanged = send(milepost.get("/runs/c1").header(IF_NONE_MATCH, &known), 304).await;
        assert_eq!(header(&unchanged, "etag"), etag, "{known}");
        assert_eq!(unchanged.bytes().await.unwrap().len(), 0);
    }
    send(milepost.get("/runs/c1").header(IF_NONE_MATCH, "\"0-1\""), 200).await;

    // The wait ends with the event, not with the time.
    let waiting = milepost.get("/runs/c1?wait=60").header(IF_NONE_MATCH, &etag);
    let (newer, _) = tokio::join!(ask(waiting, 200), milepost.publish("c1", json!({"type": "run.waiting"})));
    assert_eq!((&newer["seq"], &newer["state"]), (&json!(3), &json!("waiting")));

    let stale = send(milepost.get("/runs/c1?wait=60").header(IF_NONE_MATCH, &etag), 200).await;
    let now = header(&stale, "etag").to_owned();
    send(milepost.get("/runs/c1?wait=1").header(IF_NONE_MATCH, now), 304).await;
}

#[tokio::test]
async fn a_finished_root_is_deleted_with_everything() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    send(milepost.post("/runs", &json!({"id": "child", "kind": "step", "parent": "c1"})), 201).await;
    let stored = ask(milepost.put("/runs/c1/artifacts/a", "bytes"), 201).await;
    assert_eq!(stored["size"], 5);
    problem(milepost.delete("/runs/c1"), "run_not_terminal").await;
    problem(milepost.delete("/runs/child"), "not_a_root").await;
    milepost.publish("c1", json!({"type": "run.completed"})).await;
    let before = milepost.snapshot("c1").await;

    assert_eq!(send(milepost.delete("/runs/c1"), 204).await.bytes().await.unwrap().len(), 0);
    for path in ["/runs/c1", "/runs/child", "/runs/c1/events", "/runs/c1/artifacts/a"] {
        problem(milepost.get(path), "run_not_found").await;
    }
    problem(milepost.delete("/runs/c1"), "run_not_found").await;
    assert_eq!(files(&milepost.data_dir().join("artifacts")), 0);

    // Made again it is another one, and a cursor of the former is noticed.
    milepost.run("c1").await;
    assert_ne!(milepost.snapshot("c1").await["cursor"], before["cursor"]);
    problem(milepost.get("/runs/c1/artifacts/a"), "artifact_not_found").await;
    let after = before["cursor"].as_str().unwrap();
    let page = ask(milepost.get(&format!("/runs/c1/events?after={after}")), 200).await;
    assert_eq!((&page["reset"], &page["events"][0]["seq"]), (&json!("epoch"), &json!(1)));
}

fn files(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}
