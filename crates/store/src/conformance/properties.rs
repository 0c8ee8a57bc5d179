//! Random interleavings, against a model of a few lines.

use std::collections::HashMap;

use milepost_core::{Epoch, Project, Record, RunId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::fixture::{created, record, run};
use crate::contract::{Append, AppendError, EventStore, Loaded};

#[derive(Debug, Clone)]
enum Step {
    /// Appends `count` records to a stream, at its head moved by `off`; creates a run when there is one.
    Append {
        stream: usize,
        off: i64,
        count: u64,
        creates: Option<usize>,
    },
    Delete {
        stream: usize,
    },
    /// Pages through a stream.
    Read {
        stream: usize,
        after: u64,
        limit: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let off = prop_oneof![6 => Just(0_i64), 1 => -3..=3_i64];
    let count = prop_oneof![6 => 0..4_u64, 1 => 60..140_u64];
    let append = (0..3_usize, off, count, proptest::option::weighted(0.2, 0..6_usize))
        .prop_map(|(stream, off, count, creates)| Step::Append { stream, off, count, creates });
    let read =
        (0..3_usize, 0..200_u64, 0..150_usize).prop_map(|(stream, after, limit)| Step::Read { stream, after, limit });
    prop_oneof![20 => append, 1 => (0..3_usize).prop_map(|stream| Step::Delete { stream }), 4 => read]
}

/// What should be there.
#[derive(Default)]
struct Model {
    streams: HashMap<usize, (Epoch, Vec<Record>)>,
    runs: HashMap<usize, usize>,
    appends: u32,
}

pub fn random_appends_keep_what_was_acknowledged(store: &impl EventStore) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let case = std::cell::Cell::new(0_u32);
    let steps = proptest::collection::vec(step(), 1..60);
    let tested = runner.run(&steps, |steps| {
        case.set(case.get() + 1);
        let project = Project::new(&format!("case-{}", case.get())).expect("a valid project");
        runtime.block_on(play(store, &project, &steps));
        Ok(())
    });
    if let Err(failure) = tested {
        panic!("{failure}");
    }
}

async fn play(store: &dyn EventStore, project: &Project, steps: &[Step]) {
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append { stream, off, count, creates } => {
                let append = model.append(project, *stream, *off, *count, *creates);
                let expect = model.expect(&append, *stream, *creates);
                let answer = store.append(append.clone()).await;
                assert_eq!(format!("{answer:?}"), format!("{expect:?}"), "{step:?}");
                if answer.is_ok() {
                    model.accept(append, *stream, *creates);
                }
            }
            Step::Delete { stream } => {
                store.delete(project, &name(*stream)).await.expect("it is deleted");
                model.streams.remove(stream);
                model.runs.retain(|_, of| of != stream);
            }
            Step::Read { stream, after, limit } => {
                let page = store.read(project, &name(*stream), *after, *limit).await.expect("a page");
                let log = model.streams.get(stream).map_or(&[][..], |(_, log)| log);
                let expect: Vec<&Record> = log.iter().skip(*after as usize).take(*limit).collect();
                assert_eq!(page.iter().collect::<Vec<_>>(), expect, "{step:?}");
            }
        }
    }
    model.compare(store, project).await;
}

fn name(stream: usize) -> RunId {
    run(&format!("s{stream}"))
}

impl Model {
    fn append(&mut self, project: &Project, stream: usize, off: i64, count: u64, creates: Option<usize>) -> Append {
        self.appends += 1;
        let known = self.streams.get(&stream);
        let head = known.map_or(0, |(_, log)| log.len() as u64).saturating_add_signed(off);
        let epoch = known.map_or(Epoch(self.appends), |(epoch, _)| *epoch);
        let record = |seq| record(&name(stream), seq, &format!("{}-{seq}", self.appends));
        let records = (head + 1..=head + count).map(record).collect();
        let rows = creates.map(|run| created(&format!("run{run}"), None, "step")).into_iter().collect();
        Append { project: project.clone(), stream: name(stream), epoch, expected_head: head, records, rows }
    }

    fn expect(&self, append: &Append, stream: usize, creates: Option<usize>) -> Result<(), AppendError> {
        let known = self.streams.get(&stream);
        let head = known.map_or(0, |(_, log)| log.len() as u64);
        if append.expected_head != head || (known.is_none() && append.records.is_empty()) {
            return Err(AppendError::HeadMoved { head });
        }
        match creates.filter(|run| self.runs.contains_key(run)) {
            Some(there) => Err(AppendError::RunExists(run(&format!("run{there}")))),
            None => Ok(()),
        }
    }

    fn accept(&mut self, append: Append, stream: usize, creates: Option<usize>) {
        let (_, log) = self.streams.entry(stream).or_insert((append.epoch, Vec::new()));
        log.extend(append.records);
        self.runs.extend(creates.map(|run| (run, stream)));
    }

    async fn compare(&self, store: &dyn EventStore, project: &Project) {
        for stream in 0..3 {
            let loaded = store.load(project, &name(stream)).await.expect("an answer");
            let log = store.read(project, &name(stream), 0, usize::MAX >> 1).await.expect("a log");
            let (expect, records) = match self.streams.get(&stream) {
                Some((epoch, records)) => {
                    let head = records.len() as u64;
                    (Some(Loaded { epoch: *epoch, head, checkpoint: None }), &records[..])
                }
                None => (None, &[][..]),
            };
            assert_eq!(loaded, expect);
            assert_eq!(log, records);
        }
        for number in 0..6 {
            let found = store.stream_of(project, &run(&format!("run{number}"))).await.expect("an answer");
            assert_eq!(found, self.runs.get(&number).map(|stream| name(*stream)));
        }
    }
}
