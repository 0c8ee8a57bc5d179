//! Campaigns whose jobs somebody else does, and what the database says about them.

use std::time::Duration;

use rusqlite::Connection;

use super::*;

fn database(server: &Server) -> Connection {
    let path = server.data_dir().join("milepost.db");
    Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// The rows of a campaign: `type status progress content_id`.
fn rows(database: &Connection, campaign: &str) -> Vec<String> {
    let sql = "SELECT id, campaign_id, job_type, status, progress, content_id, result_data, created_at, updated_at
               FROM generation_jobs WHERE campaign_id = ? ORDER BY id";
    let mut statement = database.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let text = |at: usize| row.get::<_, String>(at);
        assert_eq!(text(0)?, format!("{}:{}", text(1)?, text(2)?));
        let content: Option<String> = row.get(5)?;
        Ok(format!("{} {} {} {}", text(2)?, text(3)?, row.get::<_, f64>(4)?, content.unwrap_or_default())
            .trim()
            .to_owned())
    };
    statement.query_map([campaign], row).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Looks again until the rows are these: somebody is at work.
async fn rows_become(server: &Server, expect: &[&str]) {
    let database = database(server);
    milepost_tests::api::eventually(&format!("{expect:?}"), || rows(&database, "c1") == expect).await;
}

#[tokio::test]
async fn others_do_the_jobs() {
    let server = Server::start().await;
    let api = server.api();
    expect(generate(&server, brief_with("c1", json!({"worker": "external"}))).await, 202).await;
    let mut viewer = watch(&server, "c1", None).await;
    let first = viewer.next().await.unwrap();
    assert_eq!(in_short(&first.data), "text=queued image=queued video=queued");
    // Nothing happens, and the viewer hears that.
    let at = Instant::now();
    let alive = viewer.next().await.unwrap();
    assert!(at.elapsed() < Duration::from_secs(5) && alive.data["jobs"] == first.data["jobs"], "{alive:?}");
    rows_become(&server, &["image queued 0", "text queued 0", "video queued 0"]).await;

    // One job is claimed, one is reported about by somebody without a lease, one is cancelled.
    let claimed = expect(api.post("/claims", json!({"kinds": ["text"], "lease_seconds": 60})).await, 200).await;
    assert_eq!((&claimed["run"]["id"], &claimed["stream"]), (&json!("c1:text"), &json!("c1")));
    api.publish(
        "c1:text",
        json!([{"type": "run.progressed", "data": {"current": 1, "total": 4, "message": "One of four"}}]),
    )
    .await;
    let frame = loop {
        let frame = viewer.next().await.unwrap();
        if frame.data["jobs"][0]["progress"] == 0.25 {
            break frame;
        }
    };
    assert_eq!(
        (&frame.data["jobs"][0]["status"], &frame.data["jobs"][0]["message"]),
        (&json!("processing"), &json!("One of four"))
    );
    rows_become(&server, &["image queued 0", "text processing 0.25", "video queued 0"]).await;
    let done = json!([
        {"type": "state.updated", "data": {"key": "content_id", "value": "doc-7"}},
        {"type": "run.completed", "data": {"result": {"words": 120}}},
    ]);
    api.publish("c1:text", done).await;
    api.publish("c1:image", json!([{"type": "run.failed", "data": {"error": {"code": "gpu", "message": "No GPU"}}}]))
        .await;
    expect(api.post("/runs/c1:video/cancel", json!({"grace_seconds": 0})).await, 202).await;
    let rest = viewer.rest().await;
    let last = &rest.last().unwrap().data;
    assert_eq!(in_short(last), "text=completed image=failed video=cancelled");
    assert_eq!((&last["jobs"][0]["content_id"], &last["jobs"][1]["message"]), (&json!("doc-7"), &json!("No GPU")));
    assert_eq!(last["overall_progress"], 1.0);
    // The server ends and audits the campaign all the same.
    let snapshot = over(&api, "c1").await;
    let root = &snapshot["runs"][0];
    assert_eq!((&root["state"], &root["audit"]), (&json!("completed"), &json!("completed")));
    assert_eq!(root["result"]["jobs"], json!({"text": "completed", "image": "failed", "video": "cancelled"}));
    rows_become(&server, &["image failed 0", "text completed 1 doc-7", "video cancelled 0"]).await;
}

#[tokio::test]
async fn nothing_came_of_it() {
    let server = Server::start().await;
    let api = server.api();
    expect(generate(&server, brief_with("c1", json!({"worker": "external"}))).await, 202).await;
    for job in ["text", "image", "video"] {
        let failed = json!([{"type": "run.failed", "data": {"error": {"code": "gpu", "message": "No GPU"}}}]);
        api.publish(&format!("c1:{job}"), failed).await;
    }
    let snapshot = over(&api, "c1").await;
    let root = &snapshot["runs"][0];
    assert_eq!((&root["state"], &root["error"]["code"]), (&json!("failed"), &json!("all_jobs_failed")));
    assert_eq!(root["error"]["details"]["failures"][0]["code"], "gpu");
    // Every job of another one is cancelled, before anybody began.
    expect(generate(&server, brief_with("c2", json!({"worker": "external"}))).await, 202).await;
    for job in ["text", "image", "video"] {
        expect(api.post(&format!("/runs/c2:{job}/cancel"), json!({"grace_seconds": 0})).await, 202).await;
    }
    assert_eq!(over(&api, "c2").await["runs"][0]["state"], "cancelled");
}

#[tokio::test]
async fn the_database_tells_about_jobs() {
    let server = Server::start().await;
    expect(generate(&server, brief("c1")).await, 202).await;
    over(&server.api(), "c1").await;
    let expect = ["image completed 1 image-1.png", "text completed 1 posts.json", "video completed 1 campaign.png"];
    rows_become(&server, &expect).await;
    let database = database(&server);
    let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("SELECT json_extract(result_data, '$.posts') || '' FROM generation_jobs WHERE id = 'c1:text'"), "6");
    // SQLite knows the times for what they are.
    assert_eq!(one("SELECT (julianday(updated_at) >= julianday(created_at)) || '' FROM generation_jobs"), "1");
    assert_eq!(one("SELECT (abs(unixepoch('now') - unixepoch(created_at)) < 600) || '' FROM generation_jobs"), "1");
    let plan = "EXPLAIN QUERY PLAN SELECT * FROM generation_jobs WHERE campaign_id = 'c1' AND status = 'completed'";
    let plan: String = database
        .prepare(plan)
        .unwrap()
        .query_map([], |row| row.get::<_, String>(3))
        .unwrap()
        .map(Result::unwrap)
        .collect::<Vec<_>>()
        .join("; ");
    assert!(plan.contains("generation_jobs_by_status (parent=? AND job_status=?)"), "{plan}");
    // The pictures of the campaign are runs of their own, and no jobs.
    assert_eq!(one("SELECT count(*) || '' FROM generation_jobs"), "3");
}
