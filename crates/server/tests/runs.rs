//! Runs, over real HTTP.

mod support;

use serde_json::json;
use support::{Milepost, header, json as ask, problem, send};

#[tokio::test]
async fn a_run_is_created_worked_on_and_looked_at() {
    let milepost = Milepost::start().await;
    let created = milepost.run("c1").await;
    assert_eq!((&created["run"], &created["stream"], &created["seq"]), (&json!("c1"), &json!("c1"), &json!(2)));
    let published =
        milepost.publish("c1", json!({"id": "e1", "type": "run.progressed", "data": {"current": 1, "total": 4}})).await;
    assert_eq!(published, json!({"stream": "c1", "seq": 3, "events": [{"id": "e1", "seq": 3}]}));
    let snapshot = milepost.snapshot("c1").await;
    assert_eq!(snapshot["seq"], 3);
    assert_eq!(snapshot["runs"][0]["progress"]["fraction"], 0.25);
    milepost.stop().await;
}
