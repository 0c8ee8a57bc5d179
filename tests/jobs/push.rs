//! Pub/Sub tells how the jobs of a campaign go, and everybody who watches sees it.

use milepost_tests::api::{expect, expect_problem, in_short};
use milepost_tests::{Api, Server};
use reqwest::Response;
use serde_json::{Value, json};

/// Base64 of a text, so that the test does not trust the library that is tested.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for piece in text.as_bytes().chunks(3) {
        let bits = piece.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - piece.len()));
        for at in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize] as char;
            out.push(if at > piece.len() { '=' } else { letter });
        }
    }
    out
}

async fn push(server: &Server, id: &str, data: Value) -> Response {
    let message = json!({"data": base64(&data.to_string()), "messageId": id, "message_id": id, "attributes": {}, "orderingKey": "c1"});
    let body = json!({"subscription": "projects/p/subscriptions/s", "message": message});
    server.api().client().post(server.url("/api/v1/webhooks/progress")).json(&body).send().await.unwrap()
}

async fn campaign(api: &Api) {
    api.running("c1", "campaign").await;
    for kind in ["text", "image"] {
        let job = json!({"id": format!("c1:{kind}"), "kind": kind, "name": kind, "parent": "c1"});
        expect(api.post("/runs", job).await, 201).await;
    }
}

#[tokio::test]
async fn messages_survive_redelivery_and_a_killed_server() {
    let mut server = Server::start().await;
    let api = server.api();
    campaign(&api).await;
    let mut watching = api.follow("c1", "?after=4").await;
    assert_eq!(watching.next().await.unwrap().name, "caught_up");
    let said = |kind: &str, progress: f64| json!({"campaign_id": "c1", "job_type": kind, "progress": progress});
    assert_eq!(expect(push(&server, "1", said("text", 0.25)).await, 200).await["outcome"], "applied");
    assert_eq!(watching.next_solid().await.unwrap().data["type"], "run.started");
    server.kill().await;
    server.start_again().await;
    // Everything of the ordering key comes again.
    assert_eq!(expect(push(&server, "1", said("text", 0.25)).await, 200).await["outcome"], "duplicate");
    assert_eq!(expect(push(&server, "2", said("text", 0.5)).await, 200).await["outcome"], "applied");
    assert_eq!(expect(push(&server, "2b", said("text", 0.75)).await, 200).await["outcome"], "applied");
    let database = rusqlite::Connection::open(server.data_dir().join("milepost.db")).unwrap();
    let sql = "SELECT progress FROM generation_jobs WHERE campaign_id = 'c1' AND status = 'processing'";
    let progress: f64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(progress, 0.75, "the database has what was acknowledged");
    let done =
        json!({"campaign_id": "c1", "job_id": "c1:text", "status": "completed", "content_id": "x", "result": {"n": 1}});
    expect(push(&server, "3", done).await, 200).await;
    let failed = json!({"campaign_id": "c1", "job_type": "image", "status": "failed", "progress": 0.5, "message": "No ink", "result": {"ink": 0}});
    expect(push(&server, "4", failed).await, 200).await;
    let sql = "SELECT status, progress, result_data FROM generation_jobs WHERE job_type = 'image'";
    let row: (String, f64, String) =
        database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(row, ("failed".to_owned(), 0.5, r#"{"ink":0}"#.to_owned()), "a failure says what there is");
    expect_problem(push(&server, "5", said("video", 0.5)).await, 404, "run_not_found").await;
    let expect_log = [
        "5 run.started c1:text",
        "6 run.progressed c1:text",
        "7 run.progressed c1:text",
        "8 run.progressed c1:text",
        "9 state.updated c1:text",
        "10 run.completed c1:text",
        "11 run.started c1:image",
        "12 state.updated c1:image",
        "13 run.progressed c1:image",
        "14 run.failed c1:image",
    ];
    assert_eq!(in_short(&api.log("c1").await)[4..], expect_log);
    let snapshot = api.snapshot("c1").await;
    assert_eq!(
        (&snapshot["runs"][1]["result"], &snapshot["runs"][1]["values"]["content_id"]),
        (&json!({"n": 1}), &json!("x"))
    );
    assert_eq!(snapshot["runs"][0]["state"], "running");
}
