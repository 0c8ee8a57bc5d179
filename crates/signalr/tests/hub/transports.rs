//! Who may attach what, when: the table of status codes.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use http::{Extensions, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use milepost_signalr::{Options, Transports};
use serde_json::json;
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

use crate::support::{SOON, Socket, ask, ask_with, begin, builder, hub, hub_with, negotiate, record, router};

const SSE: [(&str, &str); 1] = [("accept", "text/event-stream")];

#[tokio::test(start_paused = true)]
async fn requests_without_a_connection() {
    let hub = hub();
    let cases = [
        ("PUT", "", StatusCode::METHOD_NOT_ALLOWED, ""),
        ("OPTIONS", "?id=unknown", StatusCode::METHOD_NOT_ALLOWED, ""),
        ("GET", "", StatusCode::BAD_REQUEST, "Connection ID required"),
        ("GET", "?id=", StatusCode::BAD_REQUEST, "Connection ID required"),
        ("POST", "", StatusCode::BAD_REQUEST, "Connection ID required"),
        ("DELETE", "", StatusCode::BAD_REQUEST, "Connection ID required"),
        ("GET", "?id=unknown", StatusCode::NOT_FOUND, "No Connection with that ID"),
        ("POST", "?id=unknown", StatusCode::NOT_FOUND, "No Connection with that ID"),
        ("DELETE", "?id=unknown", StatusCode::NOT_FOUND, "No Connection with that ID"),
    ];
    for (method, query, status, body) in cases {
        let answer = ask(&hub, method, query, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{method} {query}");
    }
    assert_eq!(ask_with(&hub, "GET", "", &SSE, "").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(Socket::try_open(&hub, "?id=unknown").await.err(), Some(StatusCode::NOT_FOUND));
}

#[tokio::test(start_paused = true)]
async fn the_public_id_opens_nothing() {
    let hub = hub();
    let answer = ask(&hub, "POST", "/negotiate?negotiateVersion=1", "").await.json();
    let public = format!("?id={}", answer["connectionId"].as_str().unwrap());
    assert_eq!(ask(&hub, "GET", &public, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(Socket::try_open(&hub, &public).await.err(), Some(StatusCode::NOT_FOUND));
    // In version 0 there is nothing else.
    let answer = ask(&hub, "POST", "/negotiate", "").await.json();
    let public = format!("?id={}", answer["connectionId"].as_str().unwrap());
    assert_eq!(ask(&hub, "GET", &public, "").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_is_off_is_not_found() {
    let off = Transports { web_sockets: false, server_sent_events: false, long_polling: false };
    let hub = hub_with(Options { transports: off, ..Options::default() });
    let id = format!("?id={}", negotiate(&hub, "").await);
    let missing = |answer: crate::support::Answer| (answer.status, answer.body);
    let text = |name| (StatusCode::NOT_FOUND, format!("{name} transport not supported by this end point type"));
    assert_eq!(missing(ask(&hub, "GET", &id, "").await), text("LongPolling"));
    assert_eq!(missing(ask_with(&hub, "GET", &id, &SSE, "").await), text("ServerSentEvents"));
    let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
    assert_eq!(missing(ask_with(&hub, "GET", &id, &upgrade, "").await), text("WebSockets"));
    assert_eq!(missing(ask_with(&hub, "GET", "", &upgrade, "").await), text("WebSockets"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_keeps_its_transport() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    assert_eq!(ask(&hub, "GET", &id, "").await.status, StatusCode::OK);
    let other = ask_with(&hub, "GET", &id, &SSE, "").await;
    assert_eq!(
        (other.status, other.body.as_str()),
        (StatusCode::BAD_REQUEST, "Cannot change transports mid-connection")
    );
    assert_eq!(Socket::try_open(&hub, &id).await.err(), Some(StatusCode::BAD_REQUEST));
}

#[tokio::test(start_paused = true)]
async fn one_stream_or_socket_at_a_time() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    let first = begin(&hub, "GET", &id, &SSE, "").await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(ask_with(&hub, "GET", &id, &SSE, "").await.status, StatusCode::CONFLICT);
    let id = format!("?id={}", negotiate(&hub, "").await);
    let _socket = Socket::open(&hub, &id).await;
    assert_eq!(Socket::try_open(&hub, &id).await.err(), Some(StatusCode::CONFLICT));
}

#[tokio::test(start_paused = true)]
async fn posting_and_deleting_depend_on_the_transport() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    // Not attached yet: bytes are taken, there is nothing to delete.
    let posted = ask(&hub, "POST", &id, record(&json!({"protocol": "json", "version": 1}))).await;
    assert_eq!(
        (posted.status, posted.header("content-type"), posted.body.as_str()),
        (StatusCode::OK, "text/plain", "")
    );
    let refused = (StatusCode::BAD_REQUEST, "Cannot terminate this connection using the DELETE endpoint.".to_owned());
    let deleted = ask(&hub, "DELETE", &id, "").await;
    assert_eq!((deleted.status, deleted.body), refused);
    // Server-Sent Events
    let _stream = begin(&hub, "GET", &id, &SSE, "").await;
    let deleted = ask(&hub, "DELETE", &id, "").await;
    assert_eq!((deleted.status, deleted.body), refused);
    // WebSockets
    let id = format!("?id={}", negotiate(&hub, "").await);
    let _socket = Socket::open(&hub, &id).await;
    let posted = ask(&hub, "POST", &id, "").await;
    let text = "POST requests are not allowed for WebSocket connections.";
    assert_eq!((posted.status, posted.body.as_str()), (StatusCode::METHOD_NOT_ALLOWED, text));
    let deleted = ask(&hub, "DELETE", &id, "").await;
    assert_eq!((deleted.status, deleted.body), refused);
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_is_one() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    let headers = [("accept", "text/html, text/event-stream;q=0.9, */*")];
    let response = begin(&hub, "GET", &id, &headers, "").await;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache,no-store"),
        (header::PRAGMA, "no-cache"),
        (header::CONTENT_ENCODING, "identity"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let mut chunks = response.into_body().into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), ":\r\n");
    let handshake = record(&json!({"protocol": "json", "version": 1}));
    let call = record(&json!({"type": 1, "invocationId": "1", "target": "echo", "arguments": ["a\nb"]}));
    ask(&hub, "POST", &id, handshake + &call).await;
    let mut text = String::new();
    while text.matches('\u{1e}').count() < 2 {
        text.push_str(&String::from_utf8_lossy(&chunks.next().await.unwrap().unwrap()));
    }
    let expected = "data: {}\u{1e}\r\n\r\ndata: {\"type\":3,\"invocationId\":\"1\",\"result\":\"a\\nb\"}\u{1e}\r\n\r\n";
    assert_eq!(text, expected);
    // A client that goes away is gone.
    drop(chunks);
    tokio::time::sleep(SOON).await;
    assert_eq!(hub.connections(), 0);
    assert_eq!(ask(&hub, "POST", &id, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn messagepack_needs_a_binary_transport() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    let response = begin(&hub, "GET", &id, &SSE, "").await;
    ask(&hub, "POST", &id, record(&json!({"protocol": "messagepack", "version": 1}))).await;
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let error = "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' \
                 transfer format.";
    assert_eq!(text, format!(":\r\ndata: {{\"error\":\"{error}\"}}\u{1e}\r\n\r\n"));
}

#[tokio::test(start_paused = true)]
async fn every_request_is_authorized() {
    let hub = builder()
        .authorize(|parts| match parts.uri.query().unwrap_or_default().contains("key=1") {
            true => Ok(Extensions::new()),
            false => Err((StatusCode::UNAUTHORIZED, "who are you?")),
        })
        .build();
    let id =
        format!("?id={}", ask(&hub, "POST", "/negotiate?key=1", "").await.json()["connectionId"].as_str().unwrap());
    for (method, path) in [("POST", "/negotiate"), ("GET", id.as_str()), ("POST", &id), ("DELETE", &id), ("GET", "")] {
        let answer = ask(&hub, method, path, "").await;
        let expected = (StatusCode::UNAUTHORIZED, "who are you?");
        assert_eq!((answer.status, answer.body.as_str()), expected, "{method} {path}");
    }
    assert_eq!(Socket::try_open(&hub, "").await.err(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(ask(&hub, "GET", &format!("{id}&key=1"), "").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn cross_origin_rules_go_around_it() {
    let origin = "https://app.example";
    let cors =
        CorsLayer::new().allow_origin(origin.parse::<HeaderValue>().unwrap()).allow_credentials(true).allow_headers([
            header::CONTENT_TYPE,
            "x-requested-with".parse().unwrap(),
            "x-signalr-user-agent".parse().unwrap(),
        ]);
    let app = router(&hub()).layer(cors);
    let request = |method: &str| {
        let request =
            Request::builder().method(method).uri("/hub/negotiate?negotiateVersion=1").header("origin", origin);
        request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
    };
    for method in ["OPTIONS", "POST"] {
        let answer = app.clone().oneshot(request(method)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{method}");
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
        assert_eq!(answer.headers()["access-control-allow-credentials"], "true");
    }
    // Without it there are no such headers: nobody is let in by accident.
    let bare = router(&hub()).oneshot(request("POST")).await.unwrap();
    assert!(!bare.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test(start_paused = true)]
async fn what_is_negotiated_and_not_used_expires() {
    let hub = hub();
    let id = format!("?id={}", negotiate(&hub, "").await);
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert_eq!(ask(&hub, "POST", &id, "").await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ask(&hub, "GET", &id, "").await.status, StatusCode::NOT_FOUND);
}
