//! The laws of coalescing.

use milepost_core::{Coalescer, RunId, Time};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::id;

/// What comes to a coalescer.
#[derive(Debug, Clone)]
enum Arrival {
    Progress(u8),
    /// Something that is not progress.
    Other,
}

/// A frame on its way out.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sent {
    at: i64,
    seq: u64,
    run: u8,
    flushed: bool,
}

/// An arrival with its time; its sequence is its place in the list.
type Timed = (i64, Arrival);

fn arrivals() -> impl Strategy<Value = Vec<Timed>> {
    let arrival = prop_oneof![12 => (0_u8..3).prop_map(Arrival::Progress), 1 => Just(Arrival::Other)];
    let gap = prop_oneof![4 => 0_i64..15, 1 => 0_i64..300];
    vec((gap, arrival), 1..120).prop_map(|steps| {
        let mut now = 0;
        let timed = |(gap, arrival)| {
            now += gap;
            (now, arrival)
        };
        steps.into_iter().map(timed).collect()
    })
}

/// Plays `arrivals`, asking whenever something is due, and at arrivals as a session does.
fn play(interval_ms: u64, arrivals: &[Timed]) -> Vec<Sent> {
    let runs: Vec<RunId> = ["a", "b", "c"].map(id).into();
    let mut coalescer = Coalescer::new(interval_ms);
    let mut sent = Vec::new();
    let far_future = (i64::MAX, Arrival::Other);
    for (seq, (at, arrival)) in arrivals.iter().chain([&far_future]).enumerate() {
        while let Some(due) = coalescer.next_due().filter(|due| due.millis() < *at) {
            let mut out = Vec::new();
            coalescer.ready(due, &mut out);
            assert!(!out.is_empty(), "what is due goes out");
            sent.extend(out.into_iter().map(|(seq, run)| Sent { at: due.millis(), seq, run, flushed: false }));
        }
        let now = Time::from_millis(*at);
        let mut out = Vec::new();
        match arrival {
            Arrival::Progress(run) => {
                coalescer.hold(&runs[usize::from(*run)], (seq as u64, *run), now);
                coalescer.ready(now, &mut out);
            }
            Arrival::Other => coalescer.flush(now, &mut out),
        }
        let flushed = matches!(arrival, Arrival::Other);
        sent.extend(out.into_iter().map(|(seq, run)| Sent { at: *at, seq, run, flushed }));
    }
    assert!(coalescer.is_empty() && coalescer.next_due().is_none(), "nothing stays behind");
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn frames_of_a_run_keep_their_distance(arrivals in arrivals(), interval in 1_u64..200) {
        let sent = play(interval, &arrivals);
        for run in 0..3 {
            let of_run: Vec<_> = sent.iter().filter(|sent| sent.run == run).collect();
            for pair in of_run.windows(2).filter(|pair| !pair[1].flushed) {
                prop_assert!(pair[1].at - pair[0].at >= i64::try_from(interval).unwrap(), "{pair:?}");
            }
        }
    }

    #[test]
    fn the_order_is_that_of_the_log(arrivals in arrivals(), interval in 0_u64..200) {
        prop_assert!(play(interval, &arrivals).is_sorted_by(|a, b| a.seq < b.seq));
    }

    /// Whatever arrives goes out within the interval, or later progress of its run goes out instead; and before anything
    /// that is not progress.
    #[test]
    fn the_latest_is_never_late(arrivals in arrivals(), interval in 0_u64..200) {
        let sent = play(interval, &arrivals);
        for (seq, (at, arrival)) in arrivals.iter().enumerate() {
            let Arrival::Progress(run) = arrival else { continue };
            let until = at + i64::try_from(interval).unwrap();
            let until = arrivals[seq..].iter().find(|(_, later)| matches!(later, Arrival::Other)).map_or(until, |(other, _)| until.min(*other));
            let out = sent.iter().find(|sent| sent.run == *run && sent.seq >= seq as u64);
            prop_assert!(out.is_some_and(|out| out.at <= until), "{seq} of {at} came with {out:?}");
        }
    }

    /// What is missing is superseded by progress of the same run that goes out at the same time as the next frame of all.
    #[test]
    fn nothing_is_lost_but_what_is_superseded(arrivals in arrivals(), interval in 0_u64..200) {
        let sent = play(interval, &arrivals);
        for (seq, (_, arrival)) in arrivals.iter().enumerate() {
            let (Arrival::Progress(run), seq) = (arrival, seq as u64) else { continue };
            if sent.iter().any(|sent| sent.seq == seq) {
                continue;
            }
            let next = sent.iter().find(|sent| sent.seq > seq).unwrap();
            let instead = sent.iter().find(|sent| sent.run == *run && sent.seq > seq).unwrap();
            prop_assert_eq!(next.at, instead.at, "{} of {}", seq, run);
        }
    }

    #[test]
    fn an_interval_of_zero_gives_all(arrivals in arrivals()) {
        let progress = arrivals.iter().filter(|(_, arrival)| matches!(arrival, Arrival::Progress(_))).count();
        prop_assert_eq!(play(0, &arrivals).len(), progress);
    }
}
