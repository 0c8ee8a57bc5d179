//! What viewers fold comes to what the server folds: also below one run, also when progress was coalesced.

use milepost_core::{Body, Event, RunId, Snapshot, Time, Tree};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::commands::{play, wishes};
use crate::common::{LATER, Play};

fn snapshot_of(tree: &Tree, run: &RunId) -> Snapshot {
    tree.snapshot_of(run, Time::from_millis(LATER)).unwrap()
}

/// The state after the first `count` events.
fn state(play: &Play, count: usize) -> Tree {
    let mut tree = Play::new().tree;
    play.events[..count].iter().for_each(|event| tree.evolve(event));
    tree
}

/// Some run of the log, and a number of events after which it exists.
fn top_and_start(play: &Play, run: Index, at: Index) -> (RunId, usize) {
    let run = run.get(play.tree.runs());
    let created = usize::try_from(run.created_seq).unwrap();
    (run.id.clone(), created + at.index(play.events.len() - created + 1))
}

/// A viewer that keeps up by coalescing: of what is held back the latest of each run is left.
#[derive(Default)]
struct Held<'a>(Vec<&'a Event>);

impl<'a> Held<'a> {
    fn hold(&mut self, event: &'a Event) {
        self.0.retain(|held| held.run != event.run);
        self.0.push(event);
    }

    fn release(&mut self, viewer: &mut Tree) {
        self.0.drain(..).for_each(|event| viewer.evolve(event));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_viewer_of_a_part_sees_that_part(wishes in wishes(), run: Index, at: Index) {
        let play = play(&wishes);
        let (top, start) = top_and_start(&play, run, at);
        let mut viewer = Tree::from(snapshot_of(&state(&play, start), &top));
        for event in play.events[start..].iter().filter(|event| play.tree.is_within(&event.run, &top)) {
            viewer.evolve(event);
        }
        let expect = snapshot_of(&play.tree, &top);
        let seen = snapshot_of(&viewer, &top);
        // The cursor moves over events of others, which are not handed to the viewer.
        let seen = Snapshot { seq: expect.seq, cursor: expect.cursor, ..seen };
        prop_assert_eq!(seen, expect);
    }

    #[test]
    fn a_viewer_that_misses_superseded_progress_misses_nothing(
        wishes in wishes(), run: Index, at: Index, pauses in vec(any::<bool>(), 1..20),
    ) {
        let play = play(&wishes);
        let (top, start) = top_and_start(&play, run, at);
        let mut server = state(&play, start);
        let mut viewer = Tree::from(snapshot_of(&server, &top));
        let mut held = Held::default();
        for (event, pause) in play.events[start..].iter().zip(pauses.iter().cycle()) {
            server.evolve(event);
            if !play.tree.is_within(&event.run, &top) {
                continue;
            }
            let progress = matches!(event.body, Body::RunProgressed(_));
            if progress {
                held.hold(event);
            }
            if *pause || !progress {
                held.release(&mut viewer);
            }
            if !progress {
                viewer.evolve(event);
            }
            if *pause || !progress {
                prop_assert_eq!(snapshot_of(&viewer, &top), snapshot_of(&server, &top), "at {}", event.seq);
            }
        }
    }
}
