//! `/v1/ws`: many subscriptions, publishing and cancelling over one socket.

use milepost_tests::api::expect;
use milepost_tests::{Server, Socket};
use reqwest::Method;
use serde_json::{Value, json};

/// `op@seq`, or `seq` for an event; what a message of a subscription says.
fn short(message: &Value) -> String {
    let at = message["cursor"].as_str().map_or("?", |cursor| cursor.rsplit('-').next().unwrap());
    match message["op"].as_str().unwrap() {
        "event" => at.to_owned(),
        "reset" => format!("reset:{}", message["data"]["reason"].as_str().unwrap()),
        "error" => message["problem"]["code"].as_str().unwrap().to_owned(),
        op => format!("{op}@{at}"),
    }
}

#[tokio::test]
async fn one_socket_carries_many_subscriptions() {
    let server = Server::start().await;
    let api = server.api();
    for run in ["one", "two"] {
        api.running(run, "job").await;
    }
    api.running_child("child", "one").await;
    let mut socket = Socket::open(&server).await;
    let cases = [
        (json!({"sub": "now", "project": "default", "run": "one"}), "snapshot@4 caught_up@4"),
        (json!({"sub": "start", "project": "default", "run": "one", "from": "start"}), "1 2 3 4 caught_up@4"),
        (json!({"sub": "after", "run": "one", "after": "3"}), "4 caught_up@4"),
        (json!({"sub": "ahead", "run": "one", "after": "9"}), "reset:ahead snapshot@4 caught_up@4"),
        (json!({"sub": "epoch", "run": "one", "after": "0-1"}), "reset:epoch snapshot@4 caught_up@4"),
        (json!({"sub": "child", "run": "child", "from": "start"}), "3 4 caught_up@4"),
        (json!({"sub": "types", "run": "one", "from": "start", "types": ["run.started"]}), "2 4 caught_up@4"),
        (json!({"sub": "two", "run": "two", "after": ""}), "invalid_cursor"),
        (json!({"sub": "two", "run": "none"}), "run_not_found"),
        (json!({"sub": "now", "run": "two"}), "invalid_request"),
        (json!({"sub": "two", "run": "two"}), "snapshot@2 caught_up@2"),
    ];
    for (mut subscribe, expect_messages) in cases {
        subscribe["op"] = json!("subscribe");
        socket.say(subscribe.clone()).await;
        let mut found = Vec::new();
        for _ in expect_messages.split(' ') {
            let message = socket.hear().await;
            assert_eq!(message["sub"], subscribe["sub"], "{message}");
            if message["op"] == "event" {
                assert_eq!(message["data"]["seq"].to_string(), short(&message));
            }
            found.push(short(&message));
        }
        assert_eq!(found.join(" "), expect_messages, "{subscribe}");
    }
    for gone in ["start", "after", "ahead", "epoch", "types"] {
        socket.say(json!({"op": "unsubscribe", "sub": gone})).await;
    }
    socket.say(json!({"op": "ping"})).await;
    assert_eq!(socket.hear().await, json!({"op": "pong"}));
    api.publish("child", json!({"type": "x.a"})).await;
    api.publish("two", json!({"type": "x.b"})).await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        let message = socket.hear().await;
        heard.push(format!("{} {}", message["sub"].as_str().unwrap(), short(&message)));
    }
    heard.sort();
    assert_eq!(heard, ["child 5", "now 5", "two 3"], "who unsubscribed hears nothing");
    api.publish("two", json!({"type": "run.completed"})).await;
    assert_eq!(short(&socket.hear_of("two").await), "4");
    assert_eq!(short(&socket.hear_of("two").await), "end@4");
    socket.say(json!({"op": "subscribe", "sub": "two", "run": "one", "after": "5"})).await;
    assert_eq!(short(&socket.hear_of("two").await), "caught_up@5", "a name is free again once its stream has ended");
}

#[tokio::test]
async fn a_snapshot_is_what_http_answers() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let mut socket = Socket::open(&server).await;
    socket.say(json!({"op": "subscribe", "sub": "s", "project": "default", "run": "r"})).await;
    let mut message = socket.hear().await;
    let mut answer = api.snapshot("r").await;
    for snapshot in [&mut message["data"], &mut answer] {
        snapshot.as_object_mut().unwrap().remove("time").unwrap();
    }
    assert_eq!((&message["data"], &message["cursor"]), (&answer, &answer["cursor"]));
}

#[tokio::test]
async fn a_snapshot_may_be_long() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    for index in 0..60 {
        let metadata = json!({"text": "x".repeat(60 * 1024)});
        let data = json!({"kind": "part", "parent": "r", "metadata": metadata});
        api.publish("r", json!({"type": "run.created", "run": format!("r.{index}"), "data": data})).await;
    }
    let mut socket = Socket::open(&server).await;
    socket.say(json!({"op": "subscribe", "sub": "s", "run": "r"})).await;
    let message = socket.hear().await;
    assert_eq!(message["data"]["runs"].as_array().unwrap().len(), 61);
    assert_eq!(short(&socket.hear().await), "caught_up@62");
}

#[tokio::test]
async fn publishing_and_cancelling_are_answered_like_over_http() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let mut socket = Socket::open(&server).await;
    let publish = |reference: &str, events: Value| json!({"op": "publish", "ref": reference, "project": "default", "run": "r", "events": events});
    socket.say(publish("p1", json!([{"id": "a", "type": "x.a"}]))).await;
    let first = json!({"stream": "r", "seq": 3, "events": [{"id": "a", "seq": 3}]});
    assert_eq!(socket.hear().await, json!({"op": "ack", "ref": "p1", "data": first}));
    socket.say(publish("p2", json!([{"id": "a", "type": "x.a"}]))).await;
    assert_eq!(socket.hear().await["data"]["events"][0], json!({"id": "a", "seq": 3, "duplicate": true}));
    socket.say(json!({"op": "publish", "run": "r", "events": [{"type": "x.b"}]})).await;
    let nameless = socket.hear().await;
    assert_eq!((&nameless["op"], nameless.get("ref"), &nameless["data"]["seq"]), (&json!("ack"), None, &json!(4)));
    // In one go, and taken in this order.
    for number in 0..50 {
        socket.say(publish(&number.to_string(), json!([{"id": format!("n{number}"), "type": "x.n"}]))).await;
    }
    for number in 0..50 {
        let ack = socket.hear_of(&number.to_string()).await;
        assert_eq!(ack["data"]["events"][0]["seq"], 5 + number, "{ack}");
    }
    let refused = [
        (json!([{"type": "x.a"}, {"type": "run.resumed"}]), 409, "illegal_transition"),
        (json!([{"type": "nonsense"}]), 422, "unknown_event_type"),
        (json!([{"type": "x.a", "run": "none"}]), 404, "run_not_found"),
        (json!([]), 422, "invalid_request"),
    ];
    for (events, status, code) in refused {
        socket.say(publish("e", events.clone())).await;
        let error = socket.hear().await;
        let (over_http, problem) = (api.post("/runs/r/events", events).await, &error["problem"]);
        assert_eq!((&error["op"], &error["ref"], &problem["code"]), (&json!("error"), &json!("e"), &json!(code)));
        let (mut over_http, mut problem) = (expect(over_http, status).await, problem.clone());
        for answer in [&mut over_http, &mut problem] {
            answer.as_object_mut().unwrap().remove("request_id");
        }
        assert_eq!(problem, over_http);
    }
    socket.say(json!({"op": "cancel", "ref": "c", "project": "default", "run": "r", "reason": "enough", "grace_seconds": 600})).await;
    let asked = socket.hear().await;
    let over_http = expect(api.send(Method::POST, "/runs/r/cancel", &[], "").await, 202).await;
    assert_eq!(asked, json!({"op": "ack", "ref": "c", "data": over_http}));
    socket.say(publish("late", json!([{"type": "x.a"}]))).await;
    let late = socket.hear().await;
    assert_eq!(
        (&late["problem"]["code"], &late["problem"]["cancel"]["reason"]),
        (&json!("run_cancelling"), &json!("enough"))
    );
    socket.say(json!({"op": "cancel", "project": "default", "run": "r"})).await;
    assert_eq!(socket.hear().await, json!({"op": "ack", "data": over_http}), "a `ref` is for those who want it");
}

#[tokio::test]
async fn nonsense_is_answered_and_the_socket_goes_on() {
    let server = Server::start().await;
    server.api().running("r", "job").await;
    let mut socket = Socket::open(&server).await;
    let cases = [
        ("nonsense", "malformed_json"),
        ("[]", "invalid_request"),
        (r#"["ping"]"#, "invalid_request"),
        ("{}", "invalid_request"),
        (r#"{"op":"dance"}"#, "invalid_request"),
        (r#"{"op":"ping","more":1}"#, "invalid_request"),
        (r#"{"op":"subscribe","run":"r"}"#, "invalid_request"),
        (r#"{"op":"subscribe","sub":"s","run":"a b"}"#, "invalid_id"),
        (r#"{"op":"subscribe","sub":"s","run":"r","after":"x"}"#, "invalid_cursor"),
        (r#"{"op":"unsubscribe","sub":"s"}"#, "invalid_request"),
        (r#"{"op":"cancel","ref":"c","run":"none"}"#, "run_not_found"),
        (r#"{"op":"publish","ref":"p","run":"r","events":[{"type":"x.a","data":{},"more":1}]}"#, "invalid_request"),
    ];
    for (text, code) in cases {
        socket.say_text(text).await;
        let error = socket.hear().await;
        assert_eq!((&error["op"], &error["problem"]["code"]), (&json!("error"), &json!(code)), "{text}: {error}");
    }
    socket.say(json!({"op": "ping", "ref": "still there"})).await;
    assert_eq!(socket.hear().await, json!({"op": "pong", "ref": "still there"}));
}
