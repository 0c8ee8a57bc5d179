//! The answers to `POST negotiate`.

use http::StatusCode;
use milepost_signalr::{Options, Transports};
use serde_json::{Value, json};

use crate::support::{ask, hub, hub_with};

#[tokio::test(start_paused = true)]
async fn every_version_has_its_answer() {
    let hub = hub();
    let all = json!([
        {"transport": "WebSockets", "transferFormats": ["Text", "Binary"]},
        {"transport": "ServerSentEvents", "transferFormats": ["Text"]},
        {"transport": "LongPolling", "transferFormats": ["Text", "Binary"]},
    ]);
    let non_integer = json!({"error": "The client requested a non-integer protocol version."});
    let cases = [
        ("", Ok((0, false))),
        ("?negotiateVersion=0", Ok((0, false))),
        ("?negotiateVersion=1", Ok((1, false))),
        ("?NEGOTIATEVERSION=1&id=stray", Ok((1, false))),
        ("?negotiateVersion=7", Ok((1, false))),
        ("?negotiateVersion=1&useStatefulReconnect=true", Ok((1, true))),
        ("?negotiateVersion=1&usestatefulreconnect=TRUE", Ok((1, true))),
        ("?negotiateVersion=1&useStatefulReconnect=false", Ok((1, false))),
        ("?negotiateVersion=1&useStatefulReconnect=1", Ok((1, false))),
        ("?negotiateVersion=", Err(non_integer.clone())),
        ("?negotiateVersion=one", Err(non_integer)),
        (
            "?negotiateVersion=-1",
            Err(json!({"error": "The client requested version '-1', but the server does not support this version."})),
        ),
    ];
    for (query, expected) in cases {
        let answer = ask(&hub, "POST", &format!("/negotiate{query}"), "").await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
        assert_eq!(answer.header("content-type"), "application/json");
        let mut body = answer.json();
        match expected {
            Err(error) => assert_eq!(body, error, "{query}"),
            Ok((version, stateful)) => {
                assert_eq!(body["negotiateVersion"], json!(version), "{query}");
                assert_eq!(body["availableTransports"], all);
                assert_eq!(body.get("useStatefulReconnect"), stateful.then_some(&json!(true)), "{query}");
                let id = body["connectionId"].take();
                let token = body.get("connectionToken").cloned();
                assert_eq!(id.as_str().unwrap().len(), 22);
                assert_eq!(token.is_some(), version == 1, "{query}");
                assert_ne!(token, Some(id));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_offered_is_listed() {
    let transports = Transports { web_sockets: false, ..Transports::default() };
    let hub = hub_with(Options { transports, ..Options::default() });
    let answer = ask(&hub, "POST", "/negotiate?negotiateVersion=1&useStatefulReconnect=true", "").await.json();
    let names: Vec<_> = answer["availableTransports"].as_array().unwrap().iter().map(|t| &t["transport"]).collect();
    assert_eq!(names, ["ServerSentEvents", "LongPolling"]);
    // Without WebSockets there is nothing to resume on.
    assert_eq!(answer.get("useStatefulReconnect"), None);

    let hub = hub_with(Options { stateful_reconnect: false, ..Options::default() });
    let answer = ask(&hub, "POST", "/negotiate?negotiateVersion=1&useStatefulReconnect=true", "").await.json();
    assert_eq!(answer.get("useStatefulReconnect"), None::<&Value>);
}

#[tokio::test(start_paused = true)]
async fn other_verbs_are_refused() {
    let hub = hub();
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = ask(&hub, method, "/negotiate?negotiateVersion=1", "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_and_its_type_do_not_matter() {
    let hub = hub();
    let headers = [("content-type", "application/json")];
    let answer = crate::support::ask_with(&hub, "POST", "/negotiate?negotiateVersion=1", &headers, "").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn there_is_an_end_to_the_room() {
    let hub = hub_with(Options { max_connections: 2, ..Options::default() });
    for expected in [StatusCode::OK, StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE] {
        assert_eq!(ask(&hub, "POST", "/negotiate?negotiateVersion=1", "").await.status, expected);
    }
    // Nobody came for them, so there is room again.
    tokio::time::sleep(Options::default().disconnect_timeout * 2).await;
    assert_eq!(ask(&hub, "POST", "/negotiate?negotiateVersion=1", "").await.status, StatusCode::OK);
}
