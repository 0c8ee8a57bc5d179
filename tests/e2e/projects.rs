//! What happens in a project, over `WebSocket`.

use std::collections::BTreeMap;

use milepost_tests::api::expect;
use milepost_tests::git::Repository;
use milepost_tests::{Api, Server, Socket};
use serde_json::{Value, json};

const ENTITY: [&str; 14] = [
    "created_at",
    "current",
    "error",
    "finished_at",
    "id",
    "message",
    "metadata",
    "progress",
    "project_id",
    "stage",
    "started_at",
    "status",
    "total",
    "updated_at",
];

fn at(project: &str, rest: &str) -> String {
    format!("/api/stream/projects/{project}{rest}")
}

/// `name@sequence`.
fn short(frame: &Value) -> String {
    format!("{}@{}", frame["type"].as_str().unwrap(), frame["sequence"])
}

fn all(frames: &[Value]) -> String {
    frames.iter().map(short).collect::<Vec<_>>().join(" ")
}

async fn hear(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut frames = Vec::new();
    for _ in 0..count {
        frames.push(socket.hear().await);
    }
    frames
}

/// Creates a run that is queued; `rest` has more of its members.
async fn create(api: &Api, id: &str, kind: &str, rest: Value) {
    let mut body = rest;
    body["id"] = json!(id);
    body["kind"] = json!(kind);
    expect(api.post("/runs", body).await, 201).await;
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_job_is_followed_from_its_snapshot_to_its_end() {
    let server = Server::start().await;
    let api = server.api();
    create(&api, "j", "ingest", json!({"metadata": {"repository": "r"}})).await;
    let mut socket = Socket::open_at(&server, &at("default", "/ingest/j")).await;
    let snapshot = socket.hear().await;
    assert_eq!(keys(&snapshot), ["job", "projectId", "sequence", "timestamp", "type"]);
    assert_eq!(keys(&snapshot["job"]), ENTITY);
    assert_eq!((short(&snapshot), &snapshot["job"]["status"]), ("snapshot@1".to_owned(), &json!("queued")));

    api.publish("j", json!({"type": "run.started"})).await;
    let progress = json!({"stage": "PREPROCESSING", "message": "Reading", "current": 1, "total": 4});
    api.publish("j", json!({"type": "run.progressed", "data": progress})).await;
    api.publish("j", json!({"type": "run.completed"})).await;
    let (frames, code) = socket.rest().await;
    assert_eq!(all(&frames), "ingest.job.updated@2 ingest.job.updated@3 ingest.job.completed@4");
    assert_eq!(code, Some(1000));
    for frame in &frames {
        assert_eq!(keys(frame), ["job", "projectId", "sequence", "timestamp", "type"]);
        assert_eq!(keys(&frame["job"]), ENTITY);
        assert_eq!(frame["projectId"], "default");
    }
    let job = &frames[1]["job"];
    assert_eq!(
        (&job["stage"], &job["message"], &job["progress"], &job["current"], &job["total"], &job["finished_at"]),
        (&json!("PREPROCESSING"), &json!("Reading"), &json!(0.25), &json!(1), &json!(4), &Value::Null)
    );
    assert_eq!((&job["metadata"], &job["project_id"]), (&json!({"repository": "r"}), &json!("default")));
    assert_eq!(frames[1]["timestamp"], job["updated_at"]);

    // Whoever comes later sees the end, and each event as it was then.
    let (frames, code) = Socket::open_at(&server, &at("default", "/ingest/j")).await.rest().await;
    assert_eq!((all(&frames).as_str(), code), ("snapshot@4", Some(1000)));
    let (frames, code) = Socket::open_at(&server, &at("default", "/ingest/j?after=0")).await.rest().await;
    assert_eq!(all(&frames), "ingest.job.created@1 ingest.job.updated@2 ingest.job.updated@3 ingest.job.completed@4");
    let told: Vec<_> = frames.iter().map(|frame| (&frame["job"]["status"], &frame["job"]["progress"])).collect();
    let (queued, running, completed) = (json!("queued"), json!("running"), json!("completed"));
    assert_eq!(
        told,
        [(&queued, &Value::Null), (&running, &Value::Null), (&running, &json!(0.25)), (&completed, &json!(1.0))]
    );
    assert_eq!(code, Some(1000));
}

#[tokio::test]
async fn bad_ends_have_names_of_their_own() {
    let server = Server::start().await;
    let api = server.api();
    let families = [
        ("ingest", "/ingest/", "ingest.job", "job"),
        ("agent", "/agent-runs/", "agent.run", "run"),
        ("workflow", "/workflows/runs/", "workflow.run", "run"),
    ];
    for (kind, path, name, payload) in families {
        let (failed, cancelled) = (format!("{kind}-f"), format!("{kind}-c"));
        api.running(&failed, kind).await;
        let error = json!({"code": "boom", "message": "It broke."});
        api.publish(&failed, json!({"type": "run.failed", "data": {"error": error}})).await;
        let (frames, code) =
            Socket::open_at(&server, &at("default", &format!("{path}{failed}?after=2"))).await.rest().await;
        assert_eq!((all(&frames), code), (format!("{name}.failed@3"), Some(1000)));
        assert_eq!((&frames[0]["errorMessage"], &frames[0][payload]["error"]), (&json!("It broke."), &error));

        api.running(&cancelled, kind).await;
        expect(api.post(&format!("/runs/{cancelled}/cancel"), json!({"reason": "enough"})).await, 202).await;
        api.publish(&cancelled, json!({"type": "run.cancelled"})).await;
        let (frames, _) =
            Socket::open_at(&server, &at("default", &format!("{path}{cancelled}?after=0"))).await.rest().await;
        assert_eq!(all(&frames), format!("{name}.created@1 {name}.updated@2 {name}.updated@3 {name}.cancelled@4"));
        assert_eq!((&frames[3][payload]["status"], frames[3].get("errorMessage")), (&json!("cancelled"), None));
    }
}

#[tokio::test]
async fn an_agent_tells_its_steps_and_messages() {
    let server = Server::start().await;
    let api = server.api();
    api.running("a", "agent").await;
    let mut socket = Socket::open_at(&server, &at("default", "/agent-runs/a")).await;
    let snapshot = socket.hear().await;
    assert_eq!(
        keys(&snapshot),
        ["messages", "nodeStates", "nodes", "projectId", "run", "sequence", "steps", "timestamp", "type"]
    );
    create(&api, "s", "step", json!({"parent": "a", "name": "Search"})).await;
    api.publish("s", json!([{"type": "run.started"}, {"type": "run.progressed", "data": {"current": 1, "total": 2}}]))
        .await;
    api.publish("a", json!({"type": "message.appended", "data": {"message": "m", "role": "user", "content": "Hello", "final": true}})).await;
    api.publish("a", json!({"type": "state.updated", "data": {"key": "plan", "value": [1, 2]}})).await;
    api.publish("s", json!({"type": "run.completed"})).await;
    let frames = hear(&mut socket, 6).await;
    assert_eq!(
        all(&frames),
        "agent.step.updated@3 agent.step.updated@4 agent.step.updated@5 agent.message.appended@6 \
         workflow.node_state.updated@7 agent.step.updated@8"
    );
    let step = &frames[2]["step"];
    let mut of_step = ENTITY.to_vec();
    of_step.extend(["attempt", "name", "run_id"]);
    of_step.sort_unstable();
    assert_eq!(keys(step), of_step);
    assert_eq!(
        (&step["id"], &step["run_id"], &step["name"], &step["attempt"], &step["progress"]),
        (&json!("s"), &json!("a"), &json!("Search"), &json!(1), &json!(0.5))
    );
    assert_eq!(
        frames[3]["message"],
        json!({"id": "m", "run_id": "a", "role": "user", "content": "Hello", "final": true})
    );
    assert_eq!(frames[4]["nodeState"], json!({"run_id": "a", "node_id": "a", "key": "plan", "value": [1, 2]}));
}

#[tokio::test]
async fn a_workflow_tells_its_nodes() {
    let server = Server::start().await;
    let api = server.api();
    api.running("w", "workflow").await;
    let mut socket = Socket::open_at(&server, &at("default", "/workflows/runs/w")).await;
    assert_eq!(short(&socket.hear().await), "snapshot@2");
    for node in ["n", "broken", "late"] {
        create(&api, node, "node", json!({"parent": "w", "name": node})).await;
    }
    api.publish("n", json!([{"type": "run.started"}, {"type": "run.progressed", "data": {"current": 1, "total": 2}}]))
        .await;
    api.publish(
        "n",
        json!([{"type": "state.updated", "data": {"key": "k", "value": {"n": 1}}}, {"type": "run.completed"}]),
    )
    .await;
    api.publish("broken", json!({"type": "run.failed", "data": {"error": {"code": "boom", "message": "It broke."}}}))
        .await;
    api.publish("late", json!({"type": "run.started"})).await;
    api.publish("w", json!({"type": "run.completed"})).await;
    let (frames, code) = socket.rest().await;
    assert_eq!(code, Some(1000));
    assert_eq!(
        all(&frames),
        "workflow.run.updated@3 workflow.run.updated@4 workflow.run.updated@5 workflow.node.started@6 \
         workflow.run.updated@7 workflow.node_state.updated@8 workflow.node.completed@9 workflow.node.failed@10 \
         workflow.node.started@11 workflow.node.failed@12 workflow.run.completed@13"
    );
    assert_eq!(frames[6]["node"]["run_id"], "w");
    assert_eq!(frames[5]["nodeState"], json!({"run_id": "w", "node_id": "n", "key": "k", "value": {"n": 1}}));
    assert_eq!(frames[7]["errorMessage"], "It broke.");
    // It was still open when the workflow ended.
    assert_eq!(frames[9]["node"]["status"], "cancelled");
    assert_eq!(frames[9]["errorMessage"], "Cancelled: parent_ended");
    assert!(frames[4]["run"]["progress"].as_f64().unwrap() > 0.0, "the workflow moves with its nodes");
}

#[tokio::test]
async fn a_viewer_resumes_and_filters() {
    let server = Server::start().await;
    let api = server.api();
    api.running("a", "agent").await;
    let cursor = api.cursor("a").await;
    api.publish(
        "a",
        json!([
            {"type": "message.appended", "data": {"message": "m", "content": "x"}},
            {"type": "run.waiting"},
            {"type": "artifact.pending", "data": {"artifact": "f"}},
            {"type": "x.mine"},
        ]),
    )
    .await;
    api.publish("a", json!({"type": "run.completed"})).await;
    let cases = [
        (
            "after=0".to_owned(),
            "agent.run.created@1 agent.run.updated@2 agent.message.appended@3 agent.run.updated@4 agent.run.updated@5 agent.run.updated@6 agent.run.completed@7",
        ),
        ("after=5".to_owned(), "agent.run.updated@6 agent.run.completed@7"),
        (format!("after={cursor}&types=agent.message.*"), "agent.message.appended@3"),
        ("after=0&types=agent.run.created,agent.run.completed".to_owned(), "agent.run.created@1 agent.run.completed@7"),
        ("types=agent.run.failed".to_owned(), "snapshot@7"),
        ("after=7".to_owned(), ""),
        // What cannot be continued begins anew.
        ("after=8".to_owned(), "snapshot@7"),
        ("after=0-3".to_owned(), "snapshot@7"),
    ];
    for (query, expected) in cases {
        let mut socket = Socket::open_at(&server, &at("default", &format!("/agent-runs/a?{query}"))).await;
        let (frames, code) = socket.rest().await;
        assert_eq!((all(&frames).as_str(), code), (expected, Some(1000)), "{query}");
    }
}

#[tokio::test]
async fn refusals_are_told_on_the_socket() {
    let server = Server::start().await;
    let api = server.api();
    api.running("a", "agent").await;
    create(&api, "s", "step", json!({"parent": "a"})).await;
    Api::new(&server.url(""), "other").running("elsewhere", "agent").await;
    let missing = [
        "/agent-runs/none",
        "/agent-runs/elsewhere",
        "/agent-runs/s",
        "/ingest/a",
        "/workflows/runs/a",
        "/agent-runs/a%20b",
    ];
    for path in missing {
        let (frames, code) = Socket::open_at(&server, &at("default", path)).await.rest().await;
        assert_eq!(
            (frames.len(), &frames[0]["type"], &frames[0]["code"]),
            (1, &json!("error"), &json!("run_not_found")),
            "{path}"
        );
        assert_eq!(code, Some(4404), "{path}");
    }
    let refused = [
        ("/agent-runs/a?after=x", "invalid_query"),
        ("/agent-runs/a?types=run.*", "invalid_query"),
        ("/agent-runs/a?types=", "invalid_query"),
        ("?after=1", "invalid_query"),
        ("?types=nonsense", "invalid_query"),
    ];
    for (path, code) in refused {
        let problem = expect(upgrade(&server, &at("default", path), &[]).await, 400).await;
        assert_eq!(problem["code"], code, "{path}");
    }
    let plain = api.client().get(server.url(&at("default", ""))).send().await.unwrap();
    assert_eq!(expect(plain, 400).await["code"], "invalid_header");
    let foreign = upgrade(&server, &at("default", "/agent-runs/a"), &[("Origin", "http://evil.example")]).await;
    assert_eq!(expect(foreign, 403).await["code"], "forbidden");
}

/// A request for an upgrade, and how it is answered.
async fn upgrade(server: &Server, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = server.api().client().get(server.url(path));
    let asked = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (name, value) in asked.iter().chain(headers) {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_project_is_followed_as_a_whole_and_alone() {
    let server = Server::start().await;
    let (api, other) = (server.api(), Api::new(&server.url(""), "other"));
    api.running("open", "workflow").await;
    api.running("campaign", "campaign").await;
    api.running("over", "agent").await;
    api.publish("over", json!({"type": "run.completed"})).await;
    other.running("theirs", "agent").await;
    let mut socket = Socket::open_at(&server, &at("default", "")).await;
    let snapshot = socket.hear().await;
    assert_eq!(keys(&snapshot), ["projectId", "runs", "timestamp", "type"]);
    let listed: Vec<_> =
        snapshot["runs"].as_array().unwrap().iter().map(|run| (&run["id"], &run["kind"], &run["sequence"])).collect();
    assert_eq!(listed, [(&json!("open"), &json!("workflow"), &json!(2))]);

    let mut steps = Socket::open_at(&server, &at("default", "?types=agent.step.*")).await;
    assert_eq!(short(&steps.hear().await), "snapshot@null");
    create(&api, "j", "ingest", json!({})).await;
    other.publish("theirs", json!({"type": "run.completed"})).await;
    api.publish("campaign", json!({"type": "run.completed"})).await;
    api.running("a", "agent").await;
    create(&api, "s", "step", json!({"parent": "a"})).await;
    create(&api, "n", "node", json!({"parent": "open"})).await;
    api.publish("open", json!({"type": "run.completed"})).await;
    let frames = hear(&mut socket, 7).await;
    assert_eq!(
        all(&frames),
        "ingest.job.created@1 agent.run.created@1 agent.run.updated@2 agent.step.updated@3 workflow.run.updated@3 \
         workflow.node.failed@4 workflow.run.completed@5"
    );
    assert!(frames.iter().all(|frame| frame["projectId"] == "default"));
    assert_eq!(short(&steps.hear().await), "agent.step.updated@3");
}

#[tokio::test]
async fn every_event_arrives_once_over_cut_sockets_and_restarts() {
    let mut server = Server::start().await;
    let api = server.api();
    api.running("a", "agent").await;
    let mut seen: Vec<Value> = Vec::new();
    for round in 0..6 {
        let path = at("default", &format!("/agent-runs/a?after={}", seen.len()));
        let mut socket = Socket::open_at(&server, &path).await;
        // Some of it is there already, some comes while the socket is open, and the rest when nobody looks.
        let publish = |api: Api, from: u32, count: u32| async move {
            for number in from..from + count {
                let data = json!({"current": number, "total": 1_000});
                api.publish("a", json!({"type": "run.progressed", "data": data})).await;
            }
        };
        let (_, more) = tokio::join!(publish(server.api(), round * 30, 10), hear(&mut socket, 8));
        seen.extend(more);
        drop(socket);
        publish(server.api(), round * 30 + 10, 5).await;
        if round == 2 {
            server.kill().await;
            server.start_again().await;
        } else if round == 4 {
            assert!(server.terminate().await.success());
            server.start_again().await;
        }
    }
    server.api().publish("a", json!({"type": "run.completed"})).await;
    let path = at("default", &format!("/agent-runs/a?after={}", seen.len()));
    let (rest, code) = Socket::open_at(&server, &path).await.rest().await;
    seen.extend(rest);
    let log = server.api().log("a").await;
    assert_eq!(code, Some(1000));
    assert!(seen.iter().map(|frame| frame["sequence"].as_u64().unwrap()).eq(1..=log.len() as u64));
    for (frame, event) in seen.iter().zip(&log) {
        assert_eq!(frame["timestamp"], event["time"]);
        if event["type"] == "run.progressed" {
            assert_eq!(frame["run"]["current"], event["data"]["current"], "as it was then");
        }
    }
}

#[tokio::test]
async fn a_hundred_viewers_see_the_same_in_order() {
    const VIEWERS: usize = 100;
    const EVENTS: u32 = 300;
    let server = Server::start().await;
    let api = server.api();
    api.running("w", "workflow").await;
    create(&api, "n", "node", json!({"parent": "w"})).await;
    api.publish("n", json!({"type": "run.started"})).await;
    let mut sockets = Vec::new();
    for viewer in 0..VIEWERS {
        let path = if viewer % 10 == 0 { at("default", "") } else { at("default", "/workflows/runs/w") };
        let mut socket = Socket::open_at(&server, &path).await;
        socket.hear().await;
        sockets.push(socket);
    }
    let metrics = api.client().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"milepost_sessions{transport="project"} 100"#), "{metrics}");
    let viewers: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| tokio::spawn(async move { hear(&mut socket, EVENTS as usize).await }))
        .collect();
    for batch in 0..EVENTS / 10 {
        let event = |at: u32| {
            let data = json!({"current": batch * 10 + at, "total": EVENTS});
            json!({"type": "run.progressed", "data": data})
        };
        api.publish("n", (0..10).map(event).collect()).await;
    }
    let mut first: Option<Vec<Value>> = None;
    for viewer in viewers {
        let frames = viewer.await.unwrap();
        assert!(
            frames.iter().map(|frame| frame["sequence"].as_u64().unwrap()).eq(5..5 + u64::from(EVENTS)),
            "one for each event"
        );
        assert!(frames.is_sorted_by(|a, b| a["run"]["progress"].as_f64() <= b["run"]["progress"].as_f64()));
        assert_eq!(*first.get_or_insert_with(|| frames.clone()), frames);
    }
}

#[tokio::test]
async fn sockets_are_told_that_the_server_goes_away() {
    let mut server = Server::start().await;
    let api = server.api();
    api.running("a", "agent").await;
    let mut sockets = Vec::new();
    for path in ["/agent-runs/a", ""] {
        let mut socket = Socket::open_at(&server, &at("default", path)).await;
        socket.hear().await;
        sockets.push(socket);
    }
    let (status, first) = tokio::join!(server.terminate(), sockets[0].rest());
    let second = sockets[1].rest().await;
    assert_eq!((status.code(), first.1, second.1), (Some(0), Some(1001), Some(1001)));
}

#[tokio::test]
async fn a_real_ingestion_is_shown() {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::init(directory.path().join("code"));
    repository.write("a.rs", "fn a() {}").write("b.py", "def b(): pass").commit();
    let started = json!({"repository": repository.0, "job_id": "j"});
    let answer = server.api().client().post(server.url("/api/v1/ingest/github")).json(&started).send().await.unwrap();
    expect(answer, 202).await;
    let (frames, code) = Socket::open_at(&server, &at("default", "/ingest/j?after=0")).await.rest().await;
    assert_eq!(code, Some(1000));
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for frame in &frames {
        *counted.entry(frame["type"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!((counted["ingest.job.created"], counted["ingest.job.completed"]), (1, 1));
    assert!(counted["ingest.job.updated"] >= 3, "{counted:?}");
    assert_eq!(counted.len(), 3, "its stages are runs of another kind: {counted:?}");
    let last = frames.last().unwrap();
    assert_eq!((&last["type"], &last["job"]["progress"]), (&json!("ingest.job.completed"), &json!(1.0)));
}
