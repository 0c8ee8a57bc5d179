//! Events: published in every form, read in pages.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use serde_json::{Value, json};

use crate::support::{Milepost, json as ask, problem, send};

#[tokio::test]
async fn events_are_taken_in_every_form() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let structured = r#"{"specversion":"1.0","id":"s1","source":"/w","type":"run.progressed","data":{"current":1}}"#;
    let cases: &[(&[(&str, &str)], &str, &[&str])] = &[
        (&[], r#"{"id":"n1","type":"run.progressed","data":{"current":1}}"#, &["n1"]),
        (
            &[("content-type", "application/json")],
            r#"[{"id":"a1","type":"x.a"},{"id":"a2","type":"x.b"}]"#,
            &["a1", "a2"],
        ),
        (
            &[("content-type", "application/x-ndjson")],
            "{\"id\":\"l1\",\"type\":\"x.a\"}\n\n{\"id\":\"l2\",\"type\":\"x.b\"}\n",
            &["l1", "l2"],
        ),
        (&[("content-type", "application/cloudevents+json")], structured, &["s1"]),
        (
            &[("content-type", "application/cloudevents-batch+json")],
            r#"[{"specversion":"1.0","id":"b1","source":"/w","type":"io.milepost.run.waiting"},
                {"specversion":"1.0","id":"b2","source":"/w","type":"com.example.done","data":{"a":1}}]"#,
            &["b1", "b2"],
        ),
        (
            &[
                ("content-type", "application/json"),
                ("ce-specversion", "1.0"),
                ("ce-id", "h1"),
                ("ce-source", "/w"),
                ("ce-type", "run.resumed"),
                ("ce-subject", "c1"),
            ],
            r#"{"reason":"go on"}"#,
            &["h1"],
        ),
    ];
    for (headers, body, ids) in cases {
        let mut request = milepost.request(Method::POST, "/runs/c1/events").body(*body);
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let published = ask(request, 200).await;
        let told: Vec<_> = published["events"].as_array().unwrap().iter().map(|event| &event["id"]).collect();
        assert_eq!(told, *ids, "{body}");
    }
    let page = ask(milepost.get("/runs/c1/events"), 200).await;
    let types: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expect = [
        "run.created",
        "run.started",
        "run.progressed",
        "x.a",
        "x.b",
        "x.a",
        "x.b",
        "run.progressed",
        "run.waiting",
        "x.com.example.done",
        "run.resumed",
    ];
    assert_eq!(types, expect);
}

#[tokio::test]
async fn the_same_id_is_stored_once() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let event = json!({"id": "e1", "type": "run.waiting"});
    let first = milepost.publish("c1", event.clone()).await;
    assert_eq!(first, json!({"stream": "c1", "seq": 3, "events": [{"id": "e1", "seq": 3}]}));
    milepost.publish("c1", json!({"type": "run.resumed"})).await;
    let again = milepost.publish("c1", json!([event, {"id": "e2", "type": "x.mine"}])).await;
    let expect = json!([{"id": "e1", "seq": 3, "duplicate": true}, {"id": "e2", "seq": 5}]);
    assert_eq!((&again["events"], &again["seq"]), (&expect, &json!(5)));
    // Also after the server forgot what it had in memory.
    let milepost = milepost.restart().await;
    let again = milepost.publish("c1", json!({"id": "e2", "type": "x.mine"})).await;
    assert_eq!(again["events"], json!([{"id": "e2", "seq": 5, "duplicate": true}]));
}

#[tokio::test]
async fn a_writer_may_insist_on_the_head() {
    let milepost = Milepost::start().await;
    let created = milepost.run("c1").await;
    let head = created["cursor"].as_str().unwrap();
    let event = json!({"type": "x.mine"});
    let publish = |expected: String| milepost.post("/runs/c1/events", &event).header(IF_MATCH, expected);
    let published = ask(publish(format!("\"{head}\"")), 200).await;
    assert_eq!(published["seq"], 3);
    let moved = problem(publish(head.to_owned()), "head_moved").await;
    let now = moved["cursor"].as_str().unwrap().to_owned();
    assert!(now.ends_with("-3"));
    ask(publish(now), 200).await;
    ask(publish("4".to_owned()), 200).await;
    ask(publish("*".to_owned()), 200).await;
    problem(publish("nonsense".to_owned()), "invalid_header").await;
    assert_eq!(milepost.snapshot("c1").await["seq"], 6);
}

#[tokio::test]
async fn the_log_is_read_in_pages() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    send(milepost.post("/runs", &json!({"id": "kid", "kind": "step", "parent": "c1"})), 201).await;
    for event in [json!({"type": "x.a"}), json!({"type": "x.b", "run": "kid"}), json!({"type": "x.a"})] {
        milepost.publish("c1", event).await;
    }
    let seqs = |page: &Value| -> Vec<u64> {
        page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
    };
    // path, sequences, next, head
    let cases: &[(&str, &[u64], u64)] = &[
        ("/runs/c1/events", &[1, 2, 3, 4, 5, 6], 6),
        ("/runs/c1/events?after=", &[1, 2, 3, 4, 5, 6], 6),
        ("/runs/c1/events?limit=2", &[1, 2], 2),
        ("/runs/c1/events?after=2&limit=2", &[3, 4], 4),
        ("/runs/c1/events?after=6", &[], 6),
        ("/runs/c1/events?types=x.a", &[4, 6], 6),
        ("/runs/kid/events", &[3, 5], 6),
        ("/runs/kid/events?limit=4", &[3], 4),
        ("/runs/kid/events?limit=2", &[], 2),
    ];
    for (path, expect, next) in cases {
        let page = ask(milepost.get(path), 200).await;
        assert_eq!(seqs(&page), *expect, "{path}");
        assert!(page["next"].as_str().unwrap().ends_with(&format!("-{next}")), "{path}: {}", page["next"]);
        assert!(page["head"].as_str().unwrap().ends_with("-6"), "{path}: {}", page["head"]);
        assert!(page.get("reset").is_none(), "{path}");
    }
    for (after, reason) in [("0-3", "epoch"), ("7", "ahead"), ("18446744073709551615", "ahead")] {
        let page = ask(milepost.get(&format!("/runs/c1/events?limit=3&after={after}")), 200).await;
        assert_eq!((seqs(&page), &page["reset"]), (vec![1, 2, 3], &json!(reason)), "{after}");
    }
}

#[tokio::test]
async fn a_page_is_waited_for() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let waiting = milepost.get("/runs/c1/events?after=2&wait=60&types=x.mine");
    let (page, _) = tokio::join!(ask(waiting, 200), async {
        milepost.publish("c1", json!({"type": "x.other"})).await;
        milepost.publish("c1", json!({"type": "x.mine"})).await
    });
    assert_eq!(page["events"][0]["seq"], 4);
    let none = ask(milepost.get("/runs/c1/events?after=4&wait=1"), 200).await;
    assert_eq!(none["events"], json!([]));
    // Nothing follows the end, so there is nothing to wait for.
    milepost.publish("c1", json!({"type": "run.completed"})).await;
    let end = ask(milepost.get("/runs/c1/events?after=5&wait=60"), 200).await;
    assert_eq!((&end["events"], &end["next"]), (&json!([]), &end["head"]));
}

#[tokio::test]
async fn a_large_batch_is_one() {
    let milepost = Milepost::start().await;
    milepost.run("c1").await;
    let lines: String = (0..5_000).map(|at| format!("{{\"type\":\"x.a\",\"data\":{{\"at\":{at}}}}}\n")).collect();
    let request = milepost.request(Method::POST, "/runs/c1/events").header(CONTENT_TYPE, "application/x-ndjson");
    let published = ask(request.body(lines), 200).await;
    assert_eq!((&published["seq"], published["events"].as_array().unwrap().len()), (&json!(5_002), 5_000));
    let page = ask(milepost.get("/runs/c1/events?after=5001&limit=1000"), 200).await;
    assert_eq!(page["events"][0]["data"], json!({"at": 4_999}));
}
