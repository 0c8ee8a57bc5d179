use milepost_core::event::{
    Amount, ErrorInfo, RunCancelRequested, RunCompleted, RunCreated, RunFailed, RunProgressed, RunStarted,
};
use milepost_core::{Body, Epoch, Event, EventId, Kind, Project};

use super::*;

const PLAIN: Layout = Layout { bar: 10, name: 16, colour: false };

/// A tree that is told what happens, a second apart.
struct Story(Tree);

impl Story {
    fn new() -> Self {
        Self(Tree::empty(Project::default_project(), id("root"), Epoch(1)))
    }

    fn tell(&mut self, run: &str, body: Body) -> &mut Self {
        let seq = self.0.seq() + 1;
        let event_id = EventId::new(&format!("e{seq}")).unwrap();
        self.0.evolve(&Event { seq, stream: id("root"), run: id(run), time: at(seq), id: event_id, body });
        self
    }

    fn create(&mut self, run: &str, name: &str) -> &mut Self {
        let created = RunCreated {
            kind: Kind::new("test").unwrap(),
            name: Some(name.to_owned()),
            parent: (run != "root").then(|| id("root")),
            weight: None,
            metadata: None,
            expected_children: (run == "root").then_some(1),
            lease_seconds: None,
        };
        self.tell(run, Body::RunCreated(created))
    }

    fn start(&mut self, run: &str) -> &mut Self {
        self.tell(run, Body::RunStarted(RunStarted::default()))
    }

    fn progress(&mut self, run: &str, current: f64, total: f64, message: &str) -> &mut Self {
        let amount = |number| Some(Some(Amount(number)));
        let progress = RunProgressed {
            current: amount(current),
            total: amount(total),
            unit: Some(Some("files".to_owned())),
            message: Some(Some(message.to_owned())),
            ..RunProgressed::default()
        };
        self.tell(run, Body::RunProgressed(progress))
    }

    /// The screen at the last event.
    fn screen(&self, room: usize) -> String {
        let rows = rows(&self.0, &mut Pace::default(), at(self.0.seq()), room);
        let lines = rows.iter().map(|row| row.line(Duration::ZERO, 0, PLAIN).trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

fn at(seq: u64) -> Time {
    Time::from_millis(i64::try_from(seq).unwrap() * 1_000)
}

#[test]
fn every_state_has_its_line() {
    let mut story = Story::new();
    story.create("root", "Thing").start("root");
    story.create("a", "Done").start("a").progress("a", 7.0, 7.0, "");
    story.tell("a", Body::RunCompleted(RunCompleted::default()));
    story.create("b", "Broken").start("b").progress("b", 1.0, 2.0, "");
    let error = ErrorInfo { code: "disk_full".to_owned(), message: "no space".to_owned(), details: None };
    story.tell("b", Body::RunFailed(RunFailed { error: Some(error) }));
    story.create("c", "Busy").start("c").progress("c", 3.0, 12.0, "Reading \u{1b}[31mx").create("d", "Later");
    insta::assert_snapshot!(story.screen(20));
}

#[test]
fn a_cancel_request_is_seen_at_once() {
    let mut story = Story::new();
    story.create("root", "Thing").start("root").progress("root", 1.0, 4.0, "Reading file 1/4");
    insta::assert_snapshot!(story.screen(20), @"⠋ Thing             ━━────────  25%  0:01  ETA 0:03  1/4 files");
    let request = RunCancelRequested { by: None, reason: None, deadline: Some(at(100)) };
    story.tell("root", Body::RunCancelRequested(request));
    insta::assert_snapshot!(story.screen(20), @"⠋ Thing             ━━────────  25%  0:02  cancelling …");
}

#[test]
fn what_goes_on_is_shown_first_when_there_is_no_room() {
    let mut story = Story::new();
    story.create("root", "Thing").start("root");
    for number in 1..=6 {
        story.create(&format!("r{number}"), &format!("Part {number}"));
    }
    story.start("r2").start("r5").tell("r2", Body::RunCompleted(RunCompleted::default()));
    insta::assert_snapshot!(story.screen(4));
}
