//! Logs for tests of dialects: each event with its view, as the hub would give them.

use milepost_core::decide::{Author, decide};
use milepost_core::{Body, Draft, Epoch, Project, Record, RunId, Snapshot, Time, Tree, View};

/// What became of the steps of a story, one entry per event.
pub(super) struct Story {
    pub(super) tree: Tree,
    pub(super) events: Vec<(Record, View)>,
}

impl Story {
    /// Plays `steps`, each `RUN TYPE [DATA]`. The stream is the run of the first one; times go up by a second.
    pub(super) fn play(steps: &[&str]) -> Self {
        let stream = RunId::new(steps[0].split(' ').next().unwrap()).unwrap();
        let mut story =
            Self { tree: Tree::empty(Project::new("p").unwrap(), stream.clone(), Epoch(1)), events: Vec::new() };
        for (second, step) in steps.iter().enumerate() {
            story.step(step, Time::from_millis(1_000 * i64::try_from(second).unwrap()));
        }
        story
    }

    fn step(&mut self, step: &str, now: Time) {
        let mut words = step.splitn(3, ' ');
        let run = RunId::new(words.next().unwrap()).unwrap();
        let body = Body::parse(words.next().unwrap().parse().unwrap(), words.next()).unwrap();
        let draft = Draft { run, id: None, time: None, body };
        for event in decide(&self.tree, Author::Server, draft, now).unwrap_or_else(|error| panic!("{step}: {error}")) {
            self.tree.evolve(&event);
            let view = self.tree.view_of(&event).unwrap();
            self.events.push((Record::of(&event), view));
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.tree.snapshot(Time::from_millis(99_000)).unwrap()
    }
}
