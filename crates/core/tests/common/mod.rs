//! A log in the making, and events as lines of text, so that tests are tables.
#![allow(dead_code, reason = "every test binary uses its part of this")]

use milepost_core::decide::Author;
use milepost_core::{Body, Draft, Epoch, Event, Project, Refusal, Run, RunId, Snapshot, Time, Tree};

/// The incarnation of every stream in these tests.
pub(crate) const EPOCH: Epoch = Epoch(0x0ace_0001);

/// When snapshots are taken.
pub(crate) const LATER: i64 = 2_000_000_000_000;

pub(crate) fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

/// One stream whose root is `r`, and the log that led to its state. Every word takes a second.
pub(crate) struct Play {
    pub(crate) tree: Tree,
    pub(crate) events: Vec<Event>,
    pub(crate) now: Time,
}

impl Play {
    pub(crate) fn new() -> Self {
        let tree = Tree::empty(Project::default_project(), id("r"), EPOCH);
        Self { tree, events: Vec::new(), now: Time::from_millis(1_700_000_000_000) }
    }

    /// Plays `lines`, none of which may be refused.
    pub(crate) fn of(lines: &[&str]) -> Self {
        let mut play = Self::new();
        play.go_on(lines);
        play
    }

    pub(crate) fn go_on(&mut self, lines: &[&str]) {
        for line in lines {
            self.say(line).unwrap_or_else(|refusal| panic!("{line}: {refusal}"));
        }
    }

    /// Decides about a line `RUN TYPE [DATA]`, with `!` before it when it is the server's word.
    pub(crate) fn say(&mut self, line: &str) -> Result<Vec<Event>, Refusal> {
        let (author, line) = match line.strip_prefix('!') {
            Some(line) => (Author::Server, line),
            None => (Author::Producer, line),
        };
        let (run, rest) = line.split_once(' ').unwrap();
        let (event_type, data) = rest.split_once(' ').unwrap_or((rest, "{}"));
        self.tell(author, id(run), body(event_type, data))
    }

    pub(crate) fn tell(&mut self, author: Author, run: RunId, body: Body) -> Result<Vec<Event>, Refusal> {
        self.now = self.now.plus_seconds(1);
        let draft = Draft { run, id: None, time: None, body };
        let events = milepost_core::decide(&self.tree, author, draft, self.now)?;
        events.iter().for_each(|event| self.tree.evolve(event));
        self.events.extend_from_slice(&events);
        Ok(events)
    }

    pub(crate) fn run(&self, run: &str) -> &Run {
        self.tree.run(&id(run)).unwrap()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        shown(&self.tree).unwrap()
    }
}

/// The whole tree as it is shown.
pub(crate) fn shown(tree: &Tree) -> Option<Snapshot> {
    tree.snapshot(Time::from_millis(LATER))
}

pub(crate) fn body(event_type: &str, data: &str) -> Body {
    Body::parse(event_type.parse().unwrap(), Some(data)).unwrap()
}

/// An event as `RUN TYPE DATA`.
pub(crate) fn line(event: &Event) -> String {
    format!("{} {} {}", event.run, event.body.event_type(), event.body.data())
}

/// What came of a decision: the events, or the code of the refusal.
pub(crate) fn outcome(decided: Result<Vec<Event>, Refusal>) -> Vec<String> {
    match decided {
        Ok(events) => events.iter().map(line).collect(),
        Err(refusal) => vec![refusal.code().to_string()],
    }
}
