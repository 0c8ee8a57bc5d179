//! The projection of runs.

use std::sync::Arc;

use milepost_core::{Project, RunId, RunState};

use super::fixture::{append, append_with, create, created, head, kind, log, project, roots, run};
use crate::contract::{Append, EventStore, ListRuns, RunRow};

/// The names in a page, and where the next one begins.
async fn list(store: &dyn EventStore, query: ListRuns) -> (Vec<String>, Option<u64>) {
    let page = store.list(query).await.expect("a page");
    (page.runs.iter().map(|(_, body)| body.split('"').nth(3).unwrap_or("").to_owned()).collect(), page.next)
}

pub async fn listings_are_newest_first_and_paged(store: Arc<dyn EventStore>) {
    for number in 1..=7 {
        create(&*store, &format!("r{number}"), "step").await;
    }
    let (all, next) = list(&*store, roots(7)).await;
    assert_eq!((all, next), (["r7", "r6", "r5", "r4", "r3", "r2", "r1"].map(str::to_owned).to_vec(), None));

    let (mut paged, next) = list(&*store, roots(3)).await;
    let mut before = next;
    while before.is_some() {
        // What is made meanwhile does not shift the pages.
        create(&*store, &format!("later{}", paged.len()), "step").await;
        let (page, next) = list(&*store, ListRuns { before, ..roots(3) }).await;
        paged.extend(page);
        before = next;
    }
    assert_eq!(paged, ["r7", "r6", "r5", "r4", "r3", "r2", "r1"]);
}

pub async fn listings_are_filtered(store: Arc<dyn EventStore>) {
    let running = |row: RunRow| RunRow { state: RunState::Running, ..row };
    let rows =
        vec![created("a", None, "campaign"), created("a1", Some("a"), "agent"), created("a2", Some("a"), "step")];
    store.append(append_with("a", 0, 1, rows)).await.expect("a tree");
    let rows = vec![running(created("b", None, "campaign")), running(created("b1", Some("b"), "agent"))];
    store.append(append_with("b", 0, 1, rows)).await.expect("a tree");
    store.append(append_with("c", 0, 1, vec![running(created("c", None, "ingest"))])).await.expect("a tree");
    let queued = Some(RunState::Queued);
    let started = Some(RunState::Running);
    let cases: [(Option<&str>, Option<&str>, Option<RunState>, &[&str]); 10] = [
        (None, None, None, &["c", "b", "a"]),
        (None, Some("campaign"), None, &["b", "a"]),
        (None, None, started, &["c", "b"]),
        (None, Some("campaign"), queued, &["a"]),
        (None, Some("agent"), None, &[]),
        (Some("a"), None, None, &["a2", "a1"]),
        (Some("a"), Some("agent"), None, &["a1"]),
        (Some("b"), None, started, &["b1"]),
        (Some("b"), Some("agent"), queued, &[]),
        (Some("none"), None, None, &[]),
    ];
    for (parent, of_kind, state, expect) in cases {
        let query = ListRuns { parent: parent.map(run), kind: of_kind.map(kind), state, ..roots(10) };
        let (found, next) = list(&*store, query.clone()).await;
        assert_eq!((found, next), (expect.iter().map(|&name| name.to_owned()).collect(), None), "{query:?}");
    }
    let page = store.list(ListRuns { parent: Some(run("a")), ..roots(1) }).await.expect("a page");
    assert_eq!(page.runs[0].0, run("a"), "a listing tells the stream");
}

pub async fn rows_change_with_the_append(store: Arc<dyn EventStore>) {
    create(&*store, "a", "step").await;
    create(&*store, "b", "step").await;
    let changed = |state, body: &str| RunRow {
        created: false,
        state,
        body: body.to_owned(),
        ..created("a", Some("ignored"), "ignored")
    };
    let bodies = async |state| {
        let page = store.list(ListRuns { state, ..roots(10) }).await.expect("a page");
        page.runs.into_iter().map(|(_, body)| body).collect::<Vec<_>>()
    };
    store.append(append_with("a", 1, 1, vec![changed(RunState::Queued, "progress")])).await.expect("with an event");
    assert_eq!(bodies(Some(RunState::Queued)).await, ["{\"id\":\"b\"}", "progress"]);
    store.append(append_with("a", 2, 0, vec![changed(RunState::Running, "running")])).await.expect("rows only");
    assert_eq!(bodies(Some(RunState::Running)).await, ["running"]);
    assert_eq!(bodies(None).await, ["{\"id\":\"b\"}", "running"], "the place in the list stays");
    assert_eq!(head(&*store, "a").await, Some(2));
    assert_eq!(log(&*store, "a").await.len(), 2);
}

pub async fn rows_of_other_streams_do_not_change(store: Arc<dyn EventStore>) {
    create(&*store, "a", "step").await;
    create(&*store, "b", "step").await;
    let row = |name| RunRow { created: false, body: "taken over".to_owned(), ..created(name, None, "step") };
    store.append(append_with("a", 1, 1, vec![row("b"), row("unknown")])).await.expect("it is appended");
    let (found, _) = list(&*store, roots(10)).await;
    assert_eq!(found, ["b", "a"]);
}

pub async fn unfinished_roots_are_found(store: Arc<dyn EventStore>) {
    let over = |row: RunRow| RunRow { state: RunState::Completed, ..row };
    let rows = vec![created("a", None, "campaign"), created("a1", Some("a"), "campaign")];
    store.append(append_with("a", 0, 1, rows)).await.expect("a tree");
    store.append(append_with("b", 0, 1, vec![over(created("b", None, "campaign"))])).await.expect("a run");
    store.append(append_with("c", 0, 1, vec![created("c", None, "ingest")])).await.expect("a run");
    let other = Project::new("other").expect("a name");
    let elsewhere = append_with("a", 0, 1, vec![created("a", None, "campaign")]);
    store.append(Append { project: other.clone(), ..elsewhere }).await.expect("a run");
    let mut found = store.unfinished(&kind("campaign")).await.expect("an answer");
    found.sort_by_key(|(project, _)| project.to_string());
    let mut expect = [(project(), run("a")), (other, run("a"))];
    expect.sort_by_key(|(project, _)| project.to_string());
    assert_eq!(found, expect);
}

pub async fn timed_streams_are_found(store: Arc<dyn EventStore>) {
    let timed = |timed, row: RunRow| RunRow { timed, ..row };
    let rows = vec![timed(true, created("a", None, "step")), timed(true, created("a1", Some("a"), "step"))];
    store.append(append_with("a", 0, 1, rows)).await.expect("a tree");
    store.append(append_with("b", 0, 1, vec![timed(true, created("b", None, "step"))])).await.expect("a run");
    create(&*store, "c", "step").await;
    let mut found = store.timed().await.expect("an answer");
    found.sort();
    assert_eq!(found, [(project(), run("a")), (project(), run("b"))]);
    let over = RunRow { created: false, ..created("b", None, "step") };
    store.append(append_with("b", 1, 1, vec![over])).await.expect("it ends");
    store.delete(&project(), &run("a")).await.expect("it is deleted");
    assert_eq!(store.timed().await.expect("an answer"), []);
}

pub async fn claimable_runs_are_oldest_first(store: Arc<dyn EventStore>) {
    let offer = |name: &str, of_kind| {
        let row = RunRow { claimable: true, ..created(name, None, of_kind) };
        store.append(append_with(name, 0, 1, vec![row]))
    };
    for (name, of_kind) in [("r1", "x"), ("r2", "y"), ("r3", "x"), ("r4", "z"), ("r5", "y")] {
        offer(name, of_kind).await.expect("a run");
    }
    create(&*store, "r6", "x").await;
    let claimed = RunRow { created: false, ..created("r1", None, "x") };
    store.append(append_with("r1", 1, 1, vec![claimed])).await.expect("it is claimed");
    let child = RunRow { claimable: true, ..created("r2.child", Some("r2"), "x") };
    store.append(append_with("r2", 1, 1, vec![child])).await.expect("a child");
    let cases: [(&[&str], usize, &[(&str, &str)]); 6] = [
        (&["x"], 10, &[("r3", "r3"), ("r2.child", "r2")]),
        (&["x", "y"], 10, &[("r2", "r2"), ("r3", "r3"), ("r5", "r5"), ("r2.child", "r2")]),
        (&["y", "x"], 2, &[("r2", "r2"), ("r3", "r3")]),
        (&["y", "y"], 10, &[("r2", "r2"), ("r5", "r5")]),
        (&["none"], 10, &[]),
        (&[], 10, &[]),
    ];
    for (kinds, limit, expect) in cases {
        let kinds: Vec<_> = kinds.iter().map(|name| kind(name)).collect();
        let found = store.claimable(&project(), &kinds, limit).await.expect("an answer");
        let expect: Vec<(RunId, RunId)> = expect.iter().map(|(name, stream)| (run(name), run(stream))).collect();
        assert_eq!(found, expect, "{limit} of {kinds:?}");
    }
}

pub async fn queues_are_counted_by_kind(store: Arc<dyn EventStore>) {
    assert_eq!(store.queued(10).await.expect("an answer"), []);
    for (name, of_kind, claimable) in
        [("a", "rare", true), ("b", "often", true), ("c", "often", true), ("d", "none", false)]
    {
        let row = RunRow { claimable, ..created(name, None, of_kind) };
        store.append(append_with(name, 0, 1, vec![row])).await.expect("a new stream");
    }
    let expect = [(kind("often"), 2), (kind("rare"), 1)];
    assert_eq!(store.queued(10).await.expect("counts"), expect);
    assert_eq!(store.queued(1).await.expect("a bound"), expect[..1]);
    let taken = RunRow { created: false, claimable: false, ..created("b", None, "often") };
    store.append(append_with("b", 1, 0, vec![taken])).await.expect("a change");
    assert_eq!(store.queued(10).await.expect("counts"), [(kind("often"), 1), (kind("rare"), 1)]);
}

pub async fn projects_are_apart(store: Arc<dyn EventStore>) {
    let other = Project::new("other").expect("a valid project");
    create(&*store, "a", "step").await;
    let append = Append { project: other.clone(), ..append_with("a", 0, 3, vec![created("a", None, "step")]) };
    store.append(append).await.expect("the same names in another project");
    store.append(Append { project: other.clone(), ..append_at(3) }).await.expect("more there");
    assert_eq!(log(&*store, "a").await.len(), 1);
    assert_eq!(store.read(&other, &run("a"), 0, 10).await.expect("a log").len(), 4);
    assert_eq!(store.list(roots(10)).await.expect("a page").runs.len(), 1);
    store.delete(&other, &run("a")).await.expect("it is deleted");
    assert_eq!(log(&*store, "a").await.len(), 1);
    assert_eq!(store.stream_of(&other, &run("a")).await.expect("an answer"), None);
}

fn append_at(head: u64) -> Append {
    append("a", head, 1)
}
