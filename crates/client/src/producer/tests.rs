use std::time::Duration;

use bytes::Bytes;
use milepost_core::event::{ArtifactPending, MessageAppended, RunCancelled};
use milepost_core::{ArtifactId, Code, Cursor, Epoch, Kind, MessageId, RunState, Time};
use milepost_wire::native::Problem;
use milepost_wire::native::answers::Claimed;
use milepost_wire::native::requests::{CancelRequest, ClaimRequest};
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use super::*;
use crate::caps::LINGER;
use crate::testing::{FakeServer, Fault, away};
use crate::{ArtifactSource, Client, NewArtifact, Progress, RunHandle};

async fn started() -> (Arc<FakeServer>, Client, RunHandle) {
    let server = FakeServer::new();
    let client = Client::new(server.clone());
    let run = client.run("job").id("r").start().await.unwrap();
    (server, client, run)
}

fn says(text: &str) -> MessageAppended {
    MessageAppended { message: MessageId::new("m").unwrap(), role: None, content: text.to_owned(), is_final: false }
}

fn said(text: &str) -> String {
    format!(r#"r message.appended {{"message":"m","content":"{text}","final":false}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_run_is_reported_in_order() {
    let (server, _, run) = started().await;
    run.stage("Reading", "one");
    run.message(says("hello")).await.unwrap();
    let child = run.child("step").id("r.1").weight(2.0).start().await.unwrap();
    child.progress(Progress::of(1, 2).message("half"));
    run.state("key", 5.into()).await.unwrap();
    child.complete(None).await.unwrap();
    run.complete(None).await.unwrap();
    let expect = [
        "r run.created".to_owned(),
        r#"r run.started {"attempt":1}"#.to_owned(),
        "r Reading -1 one".to_owned(),
        said("hello"),
        "r.1 run.created".to_owned(),
        r#"r.1 run.started {"attempt":1}"#.to_owned(),
        "r.1  1 half".to_owned(),
        r#"r state.updated {"key":"key","value":5}"#.to_owned(),
        "r.1 run.completed {}".to_owned(),
        "r run.completed {}".to_owned(),
    ];
    assert_eq!(server.log(), expect);
}

#[tokio::test(start_paused = true)]
async fn progress_is_coalesced_and_the_last_one_arrives() {
    let (server, _, run) = started().await;
    for current in 1..=100 {
        run.progress(Progress::of(current, 100).message(format!("file {current}")));
        sleep(Duration::from_millis(10)).await;
    }
    run.flush().await.unwrap();
    let log = server.log();
    assert!((11..=13).contains(&log.len()), "2 events and one report every 100 ms: {log:?}");
    assert_eq!(log[2], "r  1 file 1", "the first goes out at once");
    assert_eq!(log.last().unwrap(), "r  100 file 100");
}

#[tokio::test(start_paused = true)]
async fn a_report_keeps_what_later_ones_do_not_say() {
    let (server, _, run) = started().await;
    run.progress(Progress::of(1, 9));
    sleep(Duration::from_millis(50)).await;
    run.progress(Progress::default().stage("Parsing"));
    run.progress(Progress::of(5, 9));
    run.flush().await.unwrap();
    assert_eq!(server.log().last().unwrap(), "r Parsing 5 ");
}

#[tokio::test(start_paused = true)]
async fn stages_and_events_do_not_wait_for_the_interval() {
    let (server, _, run) = started().await;
    run.progress(Progress::of(1, 9));
    sleep(Duration::from_millis(10)).await;
    run.stage("Parsing", "now");
    sleep(Duration::from_millis(10)).await;
    run.progress(Progress::of(2, 9));
    run.message(says("hello")).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let times: Vec<u64> = server.lock().publishes.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1, 11, 21]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_answered_is_sent_again_and_stored_once() {
    let (server, _, run) = started().await;
    let busy = ClientError::refused(Code::StoreUnavailable, "the disk is full");
    server.lock().faults =
        [Fault::Before(away()), Fault::After(away()), Fault::Before(busy), Fault::After(away())].into();
    run.message(says("one")).await.unwrap();
    run.message(says("two")).await.unwrap();
    run.complete(None).await.unwrap();
    assert_eq!(server.log()[2..], [said("one"), said("two"), "r run.completed {}".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_costs_no_other() {
    for index in [true, false] {
        let (server, _, run) = started().await;
        if !index {
            // A refusal that names no event, and is repeated for every part.
            let refuse = || Fault::Before(Problem::new(Code::BodyTooLarge, "too much").into());
            server.lock().faults = [refuse(), refuse()].into();
        }
        run.message(says("one")).await.unwrap();
        run.resumed().await.unwrap();
        run.message(says("two")).await.unwrap();
        let error = run.flush().await.unwrap_err();
        assert_eq!(error.code(), Some(if index { Code::IllegalTransition } else { Code::BodyTooLarge }));
        assert_eq!(run.flush().await, Ok(()), "a refusal is told once");
        let log = server.log();
        assert!(log.contains(&said("two")), "{log:?}");
        assert_eq!(log.contains(&said("one")), index, "{log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_belong_together_stay_together() {
    let (server, _, run) = started().await;
    let artifact =
        ArtifactPending { artifact: ArtifactId::new("a").unwrap(), artifact_type: None, name: None, media_type: None };
    let bodies = [Body::ArtifactPending(artifact), Body::RunResumed(Default::default())];
    assert_eq!(run.commit(&bodies).await.unwrap_err().code(), Some(Code::IllegalTransition));
    assert_eq!(server.log().len(), 2, "nothing of it was taken");
    let bodies = [Body::RunCompleted(Default::default()), Body::RunAuditStarted(Default::default())];
    assert_eq!(run.commit(&bodies).await, Ok(4));
    assert_eq!(server.lock().publishes.last().unwrap().1, 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_stops_and_says_so() {
    let (server, client, run) = started().await;
    let child = run.child("step").id("r.1").start().await.unwrap();
    let other = client.run("step").child_of(run.id()).id("r.2").start().await.unwrap();
    run.flush().await.unwrap();
    let request = CancelRequest { reason: Some("enough".to_owned()), ..CancelRequest::default() };
    client.cancel(run.id(), &request).await.unwrap();
    timeout(Duration::from_millis(10), child.cancellation().cancelled()).await.expect("the long poll told it");
    assert!(run.cancellation().is_cancelled() && other.cancellation().is_cancelled());
    assert_eq!(child.cancel_request().unwrap().reason.as_deref(), Some("enough"));

    child.progress(Progress::of(1, 1));
    assert_eq!(child.complete(None).await.unwrap_err().code(), Some(Code::RunCancelling));
    assert_eq!(run.publish(Body::RunResumed(Default::default())).await.unwrap_err().code(), Some(Code::RunCancelling));
    run.cancelled().await.unwrap();
    assert_eq!(server.lock().tree.as_ref().unwrap().root().unwrap().state, RunState::Cancelled);
    assert_eq!(server.log()[7..].len(), 3, "r.2, r.1, r: {:?}", server.log());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_child_leaves_its_siblings_alone() {
    let (server, client, run) = started().await;
    let first = run.child("step").id("r.1").start().await.unwrap();
    let second = run.child("step").id("r.2").start().await.unwrap();
    run.flush().await.unwrap();
    // The request comes while a batch of both is on its way, so the batch is refused.
    first.message(says("lost")).await.unwrap();
    second.message(says("kept")).await.unwrap();
    client.cancel(first.id(), &CancelRequest::default()).await.unwrap();
    second.complete(None).await.unwrap();
    assert!(first.cancellation().is_cancelled() && !second.cancellation().is_cancelled());
    assert_eq!(first.flush().await.unwrap_err().code(), Some(Code::RunCancelling));
    first.cancelled().await.unwrap();
    run.complete(None).await.unwrap();
    let log = server.log().join("\n");
    assert!(log.contains("kept") && !log.contains("lost"), "{log}");
    assert!(server.lock().controls < 10, "no spinning on a request that is known");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_child_hears_of_its_own_cancellation() {
    let (server, client, run) = started().await;
    let child = run.child("step").id("r.1").start().await.unwrap();
    let mut quick = Vec::new();
    for _ in 0..50 {
        quick.push(run.child("step").start().await.unwrap());
    }
    for child in &quick {
        child.complete(None).await.unwrap();
    }
    sleep(Duration::from_secs(60)).await;
    assert!(server.lock().controls < 10, "those that are over are not asked about: {}", server.lock().controls);
    client.cancel(child.id(), &CancelRequest::default()).await.unwrap();
    timeout(Duration::from_millis(10), child.cancellation().cancelled()).await.expect("it was told");
    assert!(!run.cancellation().is_cancelled());
    child.cancelled().await.unwrap();
    run.complete(None).await.unwrap();
    let asked = server.lock().controls;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(server.lock().controls, asked, "nobody asks about what is over");
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_stops_everything() {
    let server = FakeServer::new();
    let client = Client::new(server.clone());
    let root = client.run("job").id("r").start().await.unwrap();
    let run = server.lock().tree.as_ref().unwrap().root().unwrap().clone();
    let cursor = Cursor::new(Epoch(1), 2);
    let lease_expires_at = Time::from_millis(9_000);
    let claimed = Claimed { run, stream: root.id().clone(), cursor, lease: "L".to_owned(), lease_expires_at };
    server.lock().claimable = Some(claimed);
    let request = ClaimRequest { kinds: vec![Kind::new("job").unwrap()], lease_seconds: 9, wait: None };
    let (run, _) = client.claim(&request).await.unwrap().expect("there is one");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(server.lock().heartbeats, 3);
    let lost = ClientError::refused(Code::LeaseLost, "another worker has it");
    server.lock().faults = [Fault::Before(lost.clone())].into();
    run.message(says("late")).await.unwrap();
    run.cancellation().cancelled().await;
    assert_eq!(run.cancel_request(), None);
    assert_eq!(run.complete(None).await, Err(lost.clone()));
    assert_eq!(run.flush().await, Err(lost));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_progress_and_nothing_else() {
    let (server, _, run) = started().await;
    // The server is away for a while, so everything waits.
    server.lock().faults = std::iter::repeat_n(Fault::Before(away()), 6).collect();
    run.message(says("first")).await.unwrap();
    tokio::task::yield_now().await;
    let mut expect = vec![said("first")];
    for count in 0..OUTBOX_ENTRIES as u64 + 50 {
        run.progress(Progress::of(count, 99_999).stage("Counting"));
        let message = run.message(says(&count.to_string()));
        // Waits while there is no room; given up, it is not queued.
        if timeout(Duration::from_millis(1), message).await.is_ok_and(|queued| queued.is_ok()) {
            expect.push(said(&count.to_string()));
        }
    }
    run.complete(None).await.unwrap();
    let log = server.log();
    let messages: Vec<String> = log.iter().filter(|line| line.contains("message.appended")).cloned().collect();
    assert_eq!(messages, expect);
    assert_eq!(expect.len(), OUTBOX_ENTRIES, "it was full");
    assert!(!log.iter().any(|line| line.contains("Counting")), "all progress made room for messages");
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_sent_after_the_last_handle_went() {
    let (server, client, run) = started().await;
    server.lock().faults = [Fault::Before(away()), Fault::Before(away())].into();
    run.message(says("bye")).await.unwrap();
    run.progress(Progress::of(1, 1));
    drop((run, client));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(server.log()[2..], [said("bye"), "r  1 ".to_owned()]);
    let publishes = server.lock().publishes.len();
    sleep(LINGER * 10).await;
    assert_eq!(server.lock().publishes.len(), publishes);
    assert_eq!(Arc::strong_count(&server), 1, "the tasks are gone");
}

#[tokio::test(start_paused = true)]
async fn nobody_tries_for_ever() {
    let (server, client, run) = started().await;
    server.lock().faults = std::iter::repeat_n(Fault::Before(away()), 10_000).collect();
    run.message(says("bye")).await.unwrap();
    drop((run, client));
    sleep(LINGER * 3).await;
    assert_eq!(Arc::strong_count(&server), 1, "the tasks are gone");
}

#[tokio::test(start_paused = true)]
async fn artifacts_follow_what_was_said_and_are_sent_again() {
    let (server, _, run) = started().await;
    server.lock().faults = [Fault::Before(away()), Fault::Before(away())].into();
    let child = run.child("step").id("r.1").start().await.unwrap();
    let artifact = NewArtifact::new(ArtifactId::new("report").unwrap());
    let stored = child.artifact(&artifact, &ArtifactSource::Bytes(Bytes::from_static(b"bytes"))).await.unwrap();
    assert_eq!(stored.seq, 4, "after the creation of the child");
    assert_eq!(server.lock().artifacts[&artifact.artifact], b"bytes");
    let missing = ArtifactSource::File("/nonexistent/file".into());
    assert!(matches!(child.artifact(&artifact, &missing).await, Err(ClientError::Local(_))));
}

#[tokio::test(start_paused = true)]
async fn a_description_that_is_wrong_is_told_at_the_start() {
    let client = Client::new(FakeServer::new());
    for builder in [client.run("a b"), client.run("job").id("a/b").name("x")] {
        assert!(matches!(builder.start().await, Err(ClientError::Local(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn acknowledging_twice_is_refused_by_the_server_alone() {
    let (_, client, run) = started().await;
    client.cancel(run.id(), &CancelRequest::default()).await.unwrap();
    run.commit(&[Body::RunCancelled(RunCancelled::default())]).await.unwrap();
    assert_eq!(run.cancelled().await.unwrap_err().code(), Some(Code::RunTerminal));
}

/// What a producer may do at one point.
#[derive(Debug, Clone)]
enum Act {
    Say(u8),
    Report(u8),
    Pause(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![any::<u8>().prop_map(Act::Say), any::<u8>().prop_map(Act::Report), (1..200_u8).prop_map(Act::Pause),]
}

fn fault() -> impl Strategy<Value = Fault> {
    let busy = || ClientError::refused(Code::TooManyRequests, "slow down");
    prop::sample::select(vec![Fault::Before(away()), Fault::After(away()), Fault::Before(busy()), Fault::After(busy())])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to the connection: every event once, in order, and the last report of all.
    #[test]
    fn nothing_is_lost_or_doubled(acts in prop::collection::vec(act(), 1..40), faults in prop::collection::vec(fault(), 0..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (server, _, run) = started().await;
            server.lock().faults = faults.into();
            let (mut spoken, mut reported) = (Vec::new(), None);
            for act in acts {
                match act {
                    Act::Say(number) => {
                        spoken.push(said(&number.to_string()));
                        run.message(says(&number.to_string())).await.unwrap();
                    }
                    Act::Report(number) => {
                        reported = Some(format!("r  {number} "));
                        run.progress(Progress::of(number.into(), 255));
                    }
                    Act::Pause(millis) => sleep(Duration::from_millis(millis.into())).await,
                }
            }
            run.complete(None).await.unwrap();
            let log = server.log();
            let messages: Vec<&String> = log.iter().filter(|line| line.contains("message.appended")).collect();
            prop_assert_eq!(messages, spoken.iter().collect::<Vec<_>>());
            prop_assert_eq!(log.iter().rfind(|line| line.starts_with("r  ")), reported.as_ref());
            prop_assert_eq!(log.iter().filter(|line| line.contains("run.completed")).count(), 1);
            Ok(())
        })?;
    }
}
