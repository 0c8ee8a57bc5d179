use std::time::Duration;

use bytes::Bytes;
use milepost_core::{Code, Cursor, Epoch, EventType, Kind, RunState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::{ArtifactSource, Client, Item};

/// Answers one request per connection, each with the next of `answers`, and tells what was asked.
async fn server(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            asked.push(request(&mut socket).await);
            // In small pieces, so that nothing depends on how they arrive.
            for piece in answer.chunks(7) {
                // A client that has seen enough hangs up.
                if socket.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        asked
    });
    (url, task)
}

async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let chunked = head.contains("transfer-encoding: chunked");
            if (chunked && body.ends_with("0\r\n\r\n")) || (!chunked && body.len() >= length.unwrap_or(0)) {
                return text;
            }
        }
        let mut piece = [0; 1024];
        let read = socket.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn answer(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

fn json(body: &str) -> Vec<u8> {
    answer("200 OK", "application/json", body)
}

fn nothing(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// A live stream: it ends where the connection does.
fn sse(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

fn transport(url: &str) -> HttpTransport {
    HttpTransport::new(url, Project::new("p:1").unwrap(), Some("s3cret")).unwrap()
}

fn run(id: &str) -> RunId {
    RunId::new(id).unwrap()
}

/// The request lines, without the version.
fn lines(asked: &[String]) -> Vec<&str> {
    asked.iter().map(|request| request.lines().next().unwrap().trim_end_matches(" HTTP/1.1")).collect()
}

#[tokio::test]
async fn calls_are_those_of_the_contract() {
    let time = "2026-11-20T02:17:10.123Z";
    let (url, task) = server(vec![
        json(r#"{"run":"r","stream":"r","seq":2,"cursor":"00000001-2","new":true}"#),
        json(r#"{"stream":"r","seq":3,"events":[{"id":"e","seq":3}]}"#),
        json(&format!(r#"{{"run":"r","cancel":{{"by":null,"reason":"x","requested_at":"{time}","deadline":"{time}","acknowledged":null}}}}"#)),
        json(r#"{"runs":[],"next_page":"7"}"#),
        json(&format!(r#"{{"lease_expires_at":"{time}"}}"#)),
        json(&format!(r#"{{"commands":[{{"command":"cancel","run":"r","reason":null,"deadline":"{time}"}},{{"command":"dance"}}]}}"#)),
        nothing("204 No Content"),
        nothing("304 Not Modified"),
        nothing("204 No Content"),
        nothing("204 No Content"),
    ])
    .await;
    let http = transport(&url);
    let created = http.create_run(&CreateRun::new(Kind::new("job").unwrap())).await.unwrap();
    assert_eq!(created.cursor, Cursor::new(Epoch(1), 2));
    let event = InputEvent { id: None, event_type: EventType::RunStarted, run: None, time: None, data: None };
    assert_eq!(http.publish(&run("r~1"), &[event], Some("L")).await.unwrap().events[0].seq, 3);
    http.cancel(&run("r"), &CancelRequest::default()).await.unwrap();
    let query = ListRuns {
        kind: Some(Kind::new("job").unwrap()),
        state: Some(RunState::Running),
        page: Some("a&b".to_owned()),
        ..ListRuns::default()
    };
    assert_eq!(http.list(&query).await.unwrap().next_page.as_deref(), Some("7"));
    http.heartbeat(&run("r"), Some("L")).await.unwrap();
    assert_eq!(http.control(&run("r"), Duration::from_secs(2)).await.unwrap().len(), 1);
    assert_eq!(http.control(&run("r"), Duration::from_secs(2)).await.unwrap(), []);
    let newer = NewerThan { cursor: Cursor::new(Epoch(1), 5), wait: Duration::from_secs(9) };
    assert_eq!(http.snapshot(&run("r"), Some(newer)).await.unwrap(), None);
    let claim = ClaimRequest { kinds: vec![Kind::new("job").unwrap()], lease_seconds: 5, wait: None };
    assert_eq!(http.claim(&claim).await.unwrap(), None);
    http.delete(&run("r")).await.unwrap();

    let asked = task.await.unwrap();
    let base = "/base/v1/projects/p:1";
    let expect = [
        format!("POST {base}/runs"),
        format!("POST {base}/runs/r~1/events"),
        format!("POST {base}/runs/r/cancel"),
        format!("GET {base}/runs?kind=job&state=running&page=a%26b"),
        format!("POST {base}/runs/r/heartbeat"),
        format!("GET {base}/runs/r/control?wait=2"),
        format!("GET {base}/runs/r/control?wait=2"),
        format!("GET {base}/runs/r?wait=9"),
        format!("POST {base}/claims"),
        format!("DELETE {base}/runs/r"),
    ];
    assert_eq!(lines(&asked), expect);
    assert!(asked.iter().all(|request| request.contains("authorization: Bearer s3cret")));
    assert!(asked[0].ends_with(r#"{"kind":"job","state":"queued"}"#), "{}", asked[0]);
    assert!(
        asked[1].ends_with(r#"[{"type":"run.started"}]"#) && asked[1].contains("milepost-lease: L"),
        "{}",
        asked[1]
    );
    assert!(asked[4].contains("milepost-lease: L"));
    assert!(asked[7].contains("if-none-match: \"00000001-5\""));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let problem = concat!(
        r#"{"type":"urn:milepost:problem:run_cancelling","title":"t","status":409,"detail":"stop","code":"run_cancelling","#,
        r#""cancel":{"run":"r","by":"me","reason":null,"requested_at":"2026-11-20T02:17:10Z","deadline":"2026-11-20T02:17:40Z"}}"#
    );
    let (url, _task) = server(vec![
        answer("409 Conflict", "application/problem+json", problem),
        answer("502 Bad Gateway", "text/html", "<h1>nginx</h1>"),
        json("{}"),
    ])
    .await;
    let http = transport(&url);
    let ask = async || http.heartbeat(&run("r"), None).await;
    let refused = ask().await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::RunCancelling));
    assert_eq!(refused.cancel().unwrap().by.as_deref(), Some("me"));
    assert!(!refused.is_transient());
    let gateway = ask().await.unwrap_err();
    assert!(gateway.is_transient() && gateway.code().is_none(), "{gateway}");
    // Nobody answers any more.
    let created = http.create_run(&CreateRun::new(Kind::new("job").unwrap())).await.unwrap_err();
    assert!(matches!(created, ClientError::Unintelligible(_)), "{created}");
    let away = ask().await.unwrap_err();
    assert!(matches!(away, ClientError::Unreachable(_)) && away.is_transient(), "{away}");
}

#[tokio::test]
async fn artifacts_are_streamed() {
    let stored = r#"{"run":"r","artifact":"a","seq":4,"size":5,"sha256":"00","url":"/x"}"#;
    let (url, task) =
        server(vec![answer("201 Created", "application/json", stored), answer("200 OK", "text/plain", "bytes")]).await;
    let http = transport(&url);
    let artifact = NewArtifact {
        artifact_type: Some("report".to_owned()),
        name: Some("a b.txt".to_owned()),
        media_type: Some("text/plain".to_owned()),
        ..NewArtifact::new(ArtifactId::new("a").unwrap())
    };
    let bytes = ArtifactSource::Bytes(Bytes::from_static(b"bytes")).open().await.unwrap();
    assert_eq!(http.put_artifact(&run("r"), &artifact, bytes, None).await.unwrap().seq, 4);
    let got = http.get_artifact(&run("r"), &artifact.artifact).await.unwrap();
    assert_eq!((got.media_type.as_deref(), got.size), (Some("text/plain"), Some(5)));
    let chunks: Vec<_> = got.bytes.collect().await;
    assert_eq!(chunks.into_iter().map(Result::unwrap).collect::<Vec<_>>().concat(), b"bytes");
    let asked = task.await.unwrap();
    assert!(asked[0].contains("/artifacts/a?type=report&name=a+b.txt"), "{}", asked[0]);
    assert!(asked[0].contains("content-type: text/plain") && asked[0].contains("\r\nbytes\r\n"), "{}", asked[0]);
}

#[tokio::test]
async fn live_streams_are_read() {
    let event = concat!(
        r#"{"seq":5,"stream":"r","run":"r","type":"run.waiting","time":"2026-11-20T02:17:10.123Z","id":"e","data":{},"#,
        r#""coalesced":{"from":4}}"#
    );
    let text = format!(
        ":\n\nid: 00000001-5\ndata: {event}\n\nid: 00000001-6\n\nevent: novelty\ndata: {{}}\n\nevent: caught_up\ndata: {{}}\n\n\
         event: reset\ndata: {{\"reason\":\"too_slow\"}}\n\nid: 00000001-7\nevent: end\ndata: {{}}\n\n"
    );
    let broken = format!("data: {}\n\ndata: {event}\n\n", event.replace("run.waiting", "run.exploded"));
    let (url, task) = server(vec![sse(&text), nothing("204 No Content"), sse(&broken)]).await;
    let http = transport(&url);
    let items: Vec<_> = http.events(&run("r"), Start::Snapshot).await.unwrap().collect().await;
    let items: Vec<Item> = items.into_iter().map(Result::unwrap).collect();
    let at = |seq| Cursor::new(Epoch(1), seq);
    assert!(
        matches!(&items[0], Item::Event { event, cursor, coalesced_from: Some(4) } if event.seq == 5 && *cursor == at(5))
    );
    let expect = [
        Item::Moved(at(6)),
        // The last id holds for what comes after it.
        Item::CaughtUp { cursor: Some(at(6)) },
        Item::Reset { reason: "too_slow".to_owned() },
        Item::End { cursor: Some(at(7)) },
    ];
    assert_eq!(items[1..], expect);

    let ended: Vec<_> = http.events(&run("r"), Start::After(at(7))).await.unwrap().collect().await;
    assert_eq!(ended, [Ok(Item::End { cursor: None })]);
    let unknown: Vec<_> = http.events(&run("r"), Start::Beginning).await.unwrap().collect().await;
    assert!(matches!(unknown[..], [Err(ClientError::Unintelligible(_))]), "nothing is read after an error");
    let asked = task.await.unwrap();
    let base = "GET /base/v1/projects/p:1/runs/r/events";
    assert_eq!(lines(&asked), [base.to_owned(), format!("{base}?after=00000001-7"), format!("{base}?from=start")]);
    assert!(asked[0].contains("accept: text/event-stream"));
}

#[test]
fn what_cannot_be_sent_is_told_without_the_token() {
    let project = || Project::new("p").unwrap();
    let errors = [
        HttpTransport::new("nonsense", project(), None).unwrap_err(),
        HttpTransport::new("ftp://example.org", project(), None).unwrap_err(),
        HttpTransport::new("http://example.org", project(), Some("s3cret\n")).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ClientError::Local(_)) && !error.to_string().contains("s3cret"), "{error}");
    }
    assert!(!format!("{:?}", transport("http://example.org")).contains("s3cret"));
    assert!(Client::http("http://example.org", "a b", None).is_err());
}
