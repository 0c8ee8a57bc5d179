//! A viewer: takes what a session hands over, and folds it.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use milepost_core::{Body, EventType, RunId, Snapshot, Time, Tree};
use milepost_hub::{Item, Session};

use crate::world::{folded, project};

/// A session with what came out of it so far, one list per hand-over.
pub(crate) struct Viewer {
    pub(crate) session: Session,
    pub(crate) top: RunId,
    pub(crate) turns: Vec<Vec<Item>>,
}

impl Viewer {
    pub(crate) fn new(session: Session, top: RunId) -> Self {
        Self { session, top, turns: Vec::new() }
    }

    /// Takes what there is now, at most `turns` hand-overs, without waiting for more.
    pub(crate) fn take(&mut self, turns: usize) -> Vec<Item> {
        let mut items = Vec::new();
        for _ in 0..turns {
            let mut out = Vec::new();
            let mut context = Context::from_waker(Waker::noop());
            let poll = self.session.poll(&mut context, &mut out);
            let done = poll.is_pending() || out.is_empty();
            assert!(!poll.is_pending() || out.is_empty(), "who sleeps has handed over everything");
            items.extend_from_slice(&out);
            self.turns.push(out);
            if done {
                break;
            }
        }
        items
    }

    /// What there is now, as one line: see [`told`].
    pub(crate) fn seen(&mut self) -> String {
        told(&self.take(usize::MAX))
    }

    /// Waits for the next hand-over.
    pub(crate) async fn next(&mut self) -> String {
        let mut out = Vec::new();
        poll_fn(|context| self.session.poll(context, &mut out)).await.unwrap();
        let line = told(&out);
        self.turns.push(out);
        line
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.turns.iter().flatten()
    }
}

/// Items as one line: `snapshot@3 caught_up@3 4 7<5 reset:epoch end@9 closed`, where `7<5` is event 7 coalesced from 5.
pub(crate) fn told(items: &[Item]) -> String {
    let word = |item: &Item| match item {
        Item::Snapshot(shown) => format!("snapshot@{}", shown.snapshot().seq),
        Item::Event { frame, coalesced_from: None } => frame.record().seq.to_string(),
        Item::Event { frame, coalesced_from: Some(from) } => format!("{}<{from}", frame.record().seq),
        Item::CaughtUp(cursor) => format!("caught_up@{}", cursor.seq),
        Item::Reset(reason) => format!("reset:{reason}"),
        Item::End(cursor) => format!("end@{}", cursor.seq),
        Item::Closed => "closed".to_owned(),
    };
    items.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Folds `items` as a client does, and compares with `states`, the server's states by sequence, wherever both have to be
/// the same: at events that are not progress, and at what ends a hand-over or the replay.
pub(crate) fn check_fold(viewer: &Viewer, begin: Option<Tree>, states: &[Tree]) {
    let mut tree = begin;
    let compare = |tree: &Option<Tree>, seq: u64| {
        let Some(tree) = tree else { return };
        let shown = |tree: &Tree| folded(tree.snapshot_of(&viewer.top, Time::from_millis(0)));
        let server = shown(&states[usize::try_from(seq).unwrap()]);
        // The cursor of a part's viewer moves over the events of others.
        let seen = Snapshot { seq: server.seq, cursor: server.cursor, ..shown(tree) };
        assert_eq!(seen, server, "at {seq}");
    };
    for turn in &viewer.turns {
        for item in turn {
            match item {
                Item::Snapshot(shown) => {
                    tree = Some(Tree::from(shown.snapshot().clone()));
                    compare(&tree, shown.snapshot().seq);
                }
                Item::Event { frame, .. } => {
                    let event = frame.record().event(frame.stream()).unwrap();
                    let seq = event.seq;
                    let mut next = tree.take().unwrap_or_else(|| states[0].clone());
                    next.evolve(&event);
                    tree = Some(next);
                    if !matches!(event.body, Body::RunProgressed(_)) {
                        compare(&tree, seq);
                    }
                }
                Item::CaughtUp(cursor) | Item::End(cursor) if cursor.seq > 0 => compare(&tree, cursor.seq),
                Item::CaughtUp(_) | Item::End(_) | Item::Reset(_) | Item::Closed => {}
            }
        }
    }
}

/// Proves that nothing is missing, as a client can: every sequence that the viewer of a whole stream was not given lies in a
/// range that some frame names, and was progress that later progress of its run, handed over in the same turn, supersedes.
pub(crate) fn check_complete(viewer: &Viewer, begin: u64, states: &[Tree], log: &[milepost_core::Record]) {
    assert_eq!(states[0].project(), &project());
    let mut seen = begin;
    for turn in &viewer.turns {
        let seqs = |item: &Item| match item {
            Item::Event { frame, .. } => Some((frame.record().run.clone(), frame.record().seq)),
            _ => None,
        };
        let delivered: Vec<_> = turn.iter().filter_map(seqs).collect();
        for item in turn {
            match item {
                Item::Snapshot(shown) => seen = shown.snapshot().seq,
                Item::Event { frame, coalesced_from } => {
                    let seq = frame.record().seq;
                    assert_eq!(coalesced_from.unwrap_or(seq), seen + 1, "the gap before {seq} is explained");
                    for missing in seen + 1..seq {
                        let record = &log[usize::try_from(missing - 1).unwrap()];
                        assert_eq!(record.event_type, EventType::RunProgressed, "{missing} is missing");
                        let instead = delivered.iter().any(|(run, later)| *run == record.run && *later > missing);
                        assert!(instead, "{missing} is superseded in the same turn");
                    }
                    seen = seq;
                }
                Item::CaughtUp(cursor) | Item::End(cursor) => assert_eq!(cursor.seq, seen, "nothing is left behind"),
                Item::Reset(_) | Item::Closed => {}
            }
        }
    }
}

/// Whether polling again gives nothing.
pub(crate) fn is_quiet(viewer: &mut Viewer) -> bool {
    let mut out = Vec::new();
    let poll = viewer.session.poll(&mut Context::from_waker(Waker::noop()), &mut out);
    out.is_empty() && (viewer.session.is_done() || matches!(poll, Poll::Pending))
}
