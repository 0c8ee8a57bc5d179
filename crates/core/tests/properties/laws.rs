//! The contract's rules as laws over a whole log, told by a model of their own that knows nothing of the fold.

use std::collections::HashMap;

use milepost_core::event::{Body, Event};
use milepost_core::{Record, RunId, Snapshot, Tree};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::commands::{play, wishes};
use crate::common::{EPOCH, Play, shown};

/// What the rules have to know about a run.
#[derive(Debug, Default)]
struct Known {
    parent: Option<RunId>,
    over: bool,
    cancelling: bool,
}

/// Checks the rules of one log, event by event.
#[derive(Default)]
struct Rules(HashMap<RunId, Known>);

impl Rules {
    fn lineage(&self, run: &RunId) -> Vec<RunId> {
        let parent = |run: &RunId| self.0.get(run)?.parent.clone();
        std::iter::successors(Some(run.clone()), parent).collect()
    }

    fn within(&self, run: &RunId) -> Vec<RunId> {
        self.0.keys().filter(|other| self.lineage(other).contains(run)).cloned().collect()
    }

    fn check(&mut self, event: &Event) {
        let Event { run, body, .. } = event;
        if let Body::RunCreated(data) = body {
            let known = Known { parent: data.parent.clone(), ..Known::default() };
            assert!(self.0.insert(run.clone(), known).is_none(), "created once");
        }
        let audit = matches!(body, Body::RunAuditStarted(_) | Body::RunAudited(_));
        assert!(!self.0[run].over || audit, "after the end of {run} only its audit, not {body:?}");
        let cancelling = self.lineage(run).iter().any(|run| self.0[run].cancelling);
        assert!(!cancelling || matches!(body, Body::RunCancelled(_)), "{run} is being cancelled, so not {body:?}");
        if let Body::RunCancelRequested(_) = body {
            self.0.get_mut(run).unwrap().cancelling = true;
        }
        if matches!(body, Body::RunCompleted(_) | Body::RunFailed(_) | Body::RunCancelled(_)) {
            let known = self.0.get_mut(run).unwrap();
            (known.over, known.cancelling) = (true, false);
            let open: Vec<_> = self.within(run).into_iter().filter(|below| !self.0[below].over).collect();
            assert!(open.is_empty(), "{open:?} are open under {run}, which is over");
        }
    }
}

/// Folds `events` on top of `tree`.
fn fold<'a>(mut tree: Tree, events: impl IntoIterator<Item = &'a Event>) -> Tree {
    events.into_iter().for_each(|event| tree.evolve(event));
    tree
}

/// The trees after each event, the empty one first.
fn states(play: &Play) -> Vec<Tree> {
    let mut states = vec![Play::new().tree];
    for event in &play.events {
        states.push(fold(states[states.len() - 1].clone(), [event]));
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_log_keeps_the_rules(wishes in wishes()) {
        let play = play(&wishes);
        let mut rules = Rules::default();
        for (event, seq) in play.events.iter().zip(1..) {
            prop_assert_eq!(event.seq, seq, "contiguous from 1");
            rules.check(event);
        }
    }

    #[test]
    fn fractions_never_fall_within_an_attempt(wishes in wishes()) {
        let states = states(&play(&wishes));
        for (before, after) in states.iter().zip(&states[1..]) {
            for run in after.runs() {
                let fraction = run.progress.fraction;
                prop_assert!(fraction.is_none_or(|fraction| (0.0..=1.0).contains(&fraction)));
                let completed = run.state == milepost_core::RunState::Completed;
                prop_assert!(!completed || fraction == Some(1.0), "{} is completed at {fraction:?}", run.id);
                let former = before.run(&run.id).filter(|former| former.attempt == run.attempt);
                prop_assert!(former.is_none_or(|former| former.progress.fraction <= fraction), "{} fell", run.id);
            }
        }
    }

    #[test]
    fn a_checkpoint_and_the_tail_make_the_same_state(wishes in wishes(), at: Index) {
        let play = play(&wishes);
        let expect = play.snapshot();
        let states = states(&play);
        prop_assert_eq!(shown(&states[states.len() - 1]).unwrap(), expect.clone());
        let at = at.index(play.events.len()) + 1;
        let (text, tail) = (states[at].to_checkpoint(play.now).unwrap(), &play.events[at..]);
        let restored = Tree::from_checkpoint(EPOCH, at as u64, &text).unwrap();
        prop_assert_eq!(restored.is_over(), states[at].is_over());
        let restored = fold(restored, tail);
        prop_assert_eq!(&shown(&restored).unwrap(), &expect);
        // What is restored decides alike, so it also knows what only the server has to know.
        for run in restored.runs() {
            let claimed = |tree: &Tree| tree.run(&run.id).map(|run| (run.claimed, run.lease_seconds, run.expected_children));
            prop_assert_eq!(claimed(&restored), claimed(&play.tree));
        }
        prop_assert_eq!(Tree::from_checkpoint(EPOCH, at as u64 + 1, &text).map(|_| ()), None, "it stands elsewhere");
    }

    #[test]
    fn a_snapshot_is_read_as_it_is_written(wishes in wishes()) {
        let snapshot = play(&wishes).snapshot();
        let text = serde_json::to_string(&snapshot).unwrap();
        let read: Snapshot = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &snapshot);
        prop_assert_eq!(shown(&Tree::from(read)).unwrap(), snapshot);
    }

    #[test]
    fn a_record_is_read_as_it_is_written(wishes in wishes()) {
        let play = play(&wishes);
        for event in &play.events {
            let record = Record::of(event);
            prop_assert!(!record.data.contains('\n'), "it stands in one line");
            prop_assert_eq!(&record.event(play.tree.stream()).unwrap(), event);
        }
    }
}
