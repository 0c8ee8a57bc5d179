//! Streams over SSE and NDJSON, long polls, and the feed of a project.

use std::collections::HashMap;

use milepost_tests::api::{expect, expect_problem, header, in_short};
use milepost_tests::events::text_until;
use milepost_tests::{Api, Events, Frame, Server};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const SSE: (&str, &str) = ("accept", "text/event-stream");
const NDJSON: (&str, &str) = ("accept", "application/x-ndjson");

/// `r` with the child `r.1`, at sequence 8: what happens at 6 and 7 is the child's.
async fn tree(api: &Api) {
    api.running("r", "job").await;
    api.running_child("r.1", "r").await;
    let events = json!([
        {"type": "run.progressed", "data": {"current": 1, "total": 4}},
        {"type": "x.note", "run": "r.1"},
        {"type": "artifact.pending", "run": "r.1", "data": {"artifact": "a"}},
        {"type": "x.note"},
    ]);
    assert_eq!(api.publish("r", events).await["seq"], 8);
}

async fn open(api: &Api, path: &str, headers: &[(&str, &str)]) -> Response {
    api.send(Method::GET, path, headers, "").await
}

fn shorts(frames: &[Frame]) -> String {
    frames.iter().map(Frame::in_short).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_stream_begins_where_its_viewer_wants() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    let cursor = api.cursor("r").await;
    let epoch = cursor.split('-').next().unwrap();
    let cases = [
        ("r", "", "", "snapshot@8 caught_up@8"),
        ("r", "?after=", "", "snapshot@8 caught_up@8"),
        ("r", "?from=start", "", "1 2 3 4 5 6 7 8 caught_up@8"),
        ("r", "?after=0", "", "1 2 3 4 5 6 7 8 caught_up@8"),
        ("r", "?after=6", "", "7 8 caught_up@8"),
        ("r", &format!("?after={epoch}-6"), "", "7 8 caught_up@8"),
        ("r", "?after=8", "", "caught_up@8"),
        ("r", "?after=2", "7", "8 caught_up@8"),
        ("r", "?from=start", &format!("{epoch}-7"), "8 caught_up@8"),
        ("r", "", &cursor, "caught_up@8"),
        ("r", "?after=9", "", "reset:ahead snapshot@8 caught_up@8"),
        ("r", "?after=18446744073709551615", "", "reset:ahead snapshot@8 caught_up@8"),
        ("r", "?after=0-3", "", "reset:epoch snapshot@8 caught_up@8"),
        ("r", "", "0-99", "reset:epoch snapshot@8 caught_up@8"),
        ("r", "?from=start&types=run.*", "", "1 2 3 4 5 caught_up@8"),
        ("r", "?from=start&types=x.*,artifact.pending", "", "6 7 8 caught_up@8"),
        ("r", "?from=start&types=artifact.ready", "", "caught_up@8"),
        ("r.1", "", "", "snapshot@8 caught_up@8"),
        ("r.1", "?from=start", "", "3 4 6 7 caught_up@8"),
        ("r.1", "?after=6", "", "7 caught_up@8"),
    ];
    for (run, query, last_event_id, expect) in cases {
        let last = Some(last_event_id).filter(|id| !id.is_empty());
        let mut events = Events::get(api.client(), &api.url(&format!("/runs/{run}/events{query}")), last).await;
        assert_eq!(shorts(&events.until("caught_up").await), expect, "{run}{query} {last_event_id}");
    }
}

#[tokio::test]
async fn frames_are_written_by_the_book() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    for query in ["?from=start", "", "?after=99"] {
        let response = open(&api, &format!("/runs/r/events{query}"), &[SSE]).await;
        assert!(header(&response, "cache-control").contains("no-cache"));
        assert_eq!(header(&response, "content-type"), "text/event-stream");
        let text = text_until(response, "event: caught_up\n").await;
        assert!(!text.contains('\r'), "LF only: {text:?}");
        let epoch = api.cursor("r").await.split('-').next().unwrap().to_owned();
        for frame in text.split("\n\n").filter(|frame| frame.contains("data: ")) {
            let names: Vec<&str> = frame.lines().map(|line| line.split(':').next().unwrap()).collect();
            let expect: &[&str] = match frame {
                _ if frame.contains("event: reset") => &["event", "data"],
                _ if frame.contains("event: ") => &["id", "event", "data"],
                _ => &["id", "data"],
            };
            assert_eq!(names, expect, "{frame}");
            assert!(names[0] != "id" || frame.starts_with(&format!("id: {epoch}-")), "{frame}");
        }
    }
}

#[tokio::test]
async fn a_snapshot_is_the_same_wherever_it_is_asked_for() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    for (run, runs) in [("r", vec!["r", "r.1"]), ("r.1", vec!["r.1"])] {
        let response = api.get(&format!("/runs/{run}")).await;
        let etag = header(&response, "etag");
        let mut answer = expect(response, 200).await;
        assert_eq!(etag, format!("\"{}\"", answer["cursor"].as_str().unwrap()));
        let ids: Vec<&str> = answer["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
        assert_eq!((ids, &answer["stream"], &answer["seq"]), (runs, &json!("r"), &json!(8)));
        let frame = api.follow(run, "").await.next().await.unwrap();
        let (mut frame, id) = (frame.data, frame.id);
        assert_eq!(id, answer["cursor"]);
        for snapshot in [&mut answer, &mut frame] {
            snapshot.as_object_mut().unwrap().remove("time").unwrap();
        }
        assert_eq!(frame, answer);
        for known in [etag.as_str(), &format!("W/{etag}"), &format!("\"0-1\", {etag}"), "*"] {
            let again = open(&api, &format!("/runs/{run}"), &[("if-none-match", known)]).await;
            assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag.clone()), "{known}");
        }
    }
}

#[tokio::test]
async fn a_finished_stream_says_so_and_is_not_connected_to_again() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    let mut live = api.follow("r", "?after=8").await;
    live.until("caught_up").await;
    api.publish("r", json!({"type": "run.completed"})).await;
    assert_eq!(shorts(&live.rest().await), "9 10 end@10", "the child is cancelled first, then the stream ends");
    let cursor = api.cursor("r").await;
    assert_eq!(live.last_event_id, cursor);
    for run in ["r", "r.1"] {
        let path = format!("/runs/{run}/events");
        let cases = [
            (path.clone(), vec![SSE, ("last-event-id", cursor.as_str())], ""),
            (format!("{path}?after={cursor}"), vec![SSE], ""),
            (format!("{path}?after=10"), vec![SSE], ""),
            (path.clone(), vec![NDJSON, ("last-event-id", cursor.as_str())], ""),
            (format!("{path}?after=9&types=x.*"), vec![SSE], "caught_up@10 end@10"),
            (format!("{path}?after=11"), vec![SSE], "reset:ahead snapshot@10 caught_up@10 end@10"),
            (path.clone(), vec![SSE], "snapshot@10 caught_up@10 end@10"),
        ];
        for (path, headers, expect) in cases {
            let response = open(&api, &path, &headers).await;
            if expect.is_empty() {
                assert_eq!(response.status(), 204, "{path} {headers:?}");
            } else {
                assert_eq!(shorts(&Events::of(response).rest().await), expect, "{path} {headers:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_audit_keeps_a_stream_open() {
    let server = Server::start().await;
    let api = server.api();
    api.running("r", "job").await;
    let mut viewer = api.follow("r", "?after=2").await;
    api.publish("r", json!([{"type": "run.completed"}, {"type": "run.audit_started"}])).await;
    assert_eq!(api.snapshot("r").await["runs"][0]["audit"], "in_progress");
    let at_the_end = api.cursor("r").await;
    let mut late = api.resume("r", &at_the_end).await;
    assert_eq!(late.next().await.unwrap().in_short(), "caught_up@4", "there is more to come, so no 204");
    expect_problem(api.post("/runs/r/events", json!({"type": "x.a"})).await, 409, "run_terminal").await;
    api.publish("r", json!({"type": "run.audited", "data": {"verdict": "fine", "notes": "n"}})).await;
    assert_eq!(shorts(&late.rest().await), "5 end@5");
    assert!(shorts(&viewer.rest().await).ends_with("5 end@5"));
    let run = &api.snapshot("r").await["runs"][0];
    assert_eq!(
        (&run["audit"], &run["verdict"], &run["state"]),
        (&json!("completed"), &json!("fine"), &json!("completed"))
    );
    assert_eq!(api.send(Method::GET, "/runs/r/events?after=5", &[SSE], "").await.status(), 204);
}

/// However progress is thinned out: every sequence is there or covered, what is covered is progress, and whenever something
/// else is shown, the newest progress of every run was shown before it.
#[tokio::test]
async fn progress_is_thinned_out_and_accounted_for() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    let mut viewers = HashMap::new();
    for query in ["", "&coalesce_ms=0", "&coalesce_ms=40", "&coalesce_ms=60000"] {
        viewers.insert(query, api.follow("r", &format!("?from=start{query}")).await);
    }
    for round in 1..=150 {
        let run = ["r", "r.1"][round % 2];
        let progress = json!({"type": "run.progressed", "run": run, "data": {"current": round, "total": 150}});
        api.publish("r", if round % 29 == 0 { json!([progress, {"type": "x.solid"}]) } else { progress }).await;
    }
    api.publish("r", json!({"type": "run.completed"})).await;
    viewers.insert("replay", api.follow("r", "?from=start&coalesce_ms=60000").await);
    let log = api.log("r").await;
    for (query, mut viewer) in viewers {
        let frames = viewer.rest().await;
        let shown = account(&frames, &log);
        let all = query == "&coalesce_ms=0";
        assert_eq!(shown == log.len(), all, "{query}: {shown} of {} were shown", log.len());
    }
}

fn account(frames: &[Frame], log: &[Value]) -> usize {
    let mut next = 1;
    let mut shown: HashMap<&str, u64> = HashMap::new();
    let events: Vec<&Value> = frames.iter().filter(|frame| frame.name == "message").map(|frame| &frame.data).collect();
    for event in &events {
        let seq = event["seq"].as_u64().unwrap();
        let from = event["coalesced"]["from"].as_u64().unwrap_or(seq);
        assert_eq!(from, next, "nothing is missing before {event}");
        let covered = &log[usize::try_from(from - 1).unwrap()..usize::try_from(seq - 1).unwrap()];
        assert!(covered.iter().all(|event| event["type"] == "run.progressed"), "only progress is superseded: {event}");
        next = seq + 1;
        if event["type"] == "run.progressed" {
            shown.insert(event["run"].as_str().unwrap(), seq);
            continue;
        }
        for run in ["r", "r.1"] {
            let mut before = log[..usize::try_from(seq).unwrap()].iter();
            let newest = before.rfind(|event| event["type"] == "run.progressed" && event["run"] == run);
            assert_eq!(newest.map(|event| event["seq"].as_u64().unwrap()), shown.get(run).copied(), "{run} at {event}");
        }
    }
    assert_eq!(next, log.len() as u64 + 1, "the end is there");
    events.len()
}

#[tokio::test]
async fn lines_are_a_stream_too() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    api.publish("r", json!({"type": "run.failed", "data": {"error": {"code": "c", "message": "m"}}})).await;
    let cursor = api.cursor("r").await;
    for (query, expect) in [
        ("?from=start&types=run.*", vec!["1", "2", "3", "4", "5", "9", "10", "caught_up", "end"]),
        ("?after=9", vec!["10", "caught_up", "end"]),
        ("", vec!["snapshot", "caught_up", "end"]),
        ("?after=0-1", vec!["reset", "snapshot", "caught_up", "end"]),
    ] {
        let response = open(&api, &format!("/runs/r/events{query}"), &[NDJSON]).await;
        assert_eq!(header(&response, "content-type"), "application/x-ndjson");
        let text = response.text().await.unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let name = |line: &Value| match line["seq"].as_u64() {
            Some(seq) => seq.to_string(),
            None => line.as_object().unwrap().keys().next().unwrap().clone(),
        };
        assert_eq!(lines.iter().map(name).collect::<Vec<_>>(), expect, "{query}");
        assert_eq!(lines.last().unwrap()["end"], cursor);
    }
}

#[tokio::test]
async fn who_waits_is_answered_as_soon_as_something_happens() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    let etag = format!("\"{}\"", api.cursor("r").await);
    let nothing = open(&api, "/runs/r?wait=1", &[("if-none-match", &etag)]).await;
    assert_eq!(nothing.status(), 304);
    let nothing = expect(api.get("/runs/r/events?after=8&wait=1").await, 200).await;
    assert_eq!((&nothing["events"], nothing["next"] == nothing["head"]), (&json!([]), true));
    let at_once = expect(open(&api, "/runs/r?wait=60", &[("if-none-match", "\"0-1\"")]).await, 200).await;
    assert_eq!(at_once["seq"], 8);
    let known = [("if-none-match", etag.as_str())];
    let (snapshot, page, child, ()) = tokio::join!(
        open(&api, "/runs/r?wait=60", &known),
        api.get("/runs/r/events?after=8&wait=60"),
        api.get("/runs/r.1/events?after=8&wait=60"),
        async {
            api.publish("r", json!({"type": "x.root"})).await;
            api.publish("r", json!({"type": "x.child", "run": "r.1"})).await;
        },
    );
    assert!(expect(snapshot, 200).await["seq"].as_u64() > Some(8));
    assert_eq!(in_short(expect(page, 200).await["events"].as_array().unwrap())[0], "9 x.root r");
    let child = expect(child, 200).await;
    assert_eq!(in_short(child["events"].as_array().unwrap()), ["10 x.child r.1"], "the other was not for it");
    assert_eq!(child["next"], child["head"]);
}

#[tokio::test]
async fn the_feed_of_a_project_shows_all_of_it() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    api.running("done", "job").await;
    api.publish("done", json!({"type": "run.completed"})).await;
    Api::new(&server.url(""), "other").running("elsewhere", "job").await;
    let mut feed = Events::get(api.client(), &api.url("/events"), None).await;
    let first = feed.next().await.unwrap();
    let open: Vec<&str> =
        first.data["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!((first.name.as_str(), open), ("snapshot", vec!["r"]));
    assert_eq!(first.data["heads"], json!({"r": api.cursor("r").await}));
    Api::new(&server.url(""), "other").publish("elsewhere", json!({"type": "x.a"})).await;
    api.publish("r", json!({"type": "x.last", "run": "r.1"})).await;
    api.running("new", "job").await;
    api.publish("r", json!({"type": "run.completed"})).await;
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.push(feed.next().await.unwrap().data);
    }
    let expect =
        ["9 x.last r.1", "1 run.created new", "2 run.started new", "10 run.cancelled r.1", "11 run.completed r"];
    assert_eq!(in_short(&seen), expect);
}

/// Every 15 s at least; this one test takes that long.
#[tokio::test]
async fn a_silent_stream_says_that_it_is_there() {
    let server = Server::start().await;
    let api = server.api();
    tree(&api).await;
    let began = tokio::time::Instant::now();
    let cases = [
        ("/runs/r/events?after=8", SSE, "\n:"),
        ("/events", SSE, "\n:"),
        ("/runs/r/control", SSE, ":"),
        ("/runs/r/events?after=8", NDJSON, "heartbeat"),
    ];
    let silent = cases.map(|(path, accept, sign)| {
        let api = api.clone();
        async move { text_until(open(&api, path, &[accept]).await, sign).await }
    });
    // One that hears nothing of what happens is told where it stands all the same.
    let filtered = async {
        let stream = open(&api, "/runs/r/events?after=8&types=artifact.*", &[SSE]).await;
        api.publish("r", json!({"type": "x.a"})).await;
        text_until(stream, "-9\n").await
    };
    tokio::join!(futures_util::future::join_all(silent), filtered);
    assert!(began.elapsed().as_secs() < 15);
}
