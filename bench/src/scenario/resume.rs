//! Everybody comes back at once: what follows a restart of a proxy.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Bench;
use crate::clock;
use crate::connection::Connection;
use crate::error::Error;
use crate::figures::Figures;
use crate::follower::Followers;
use crate::opening::Opening;
use crate::payload::{Kind, write_batch};
use crate::server::events_path;
use crate::tally::Tally;
use crate::window::Window;

const FOLLOWERS: usize = 1_000;

/// Events that each of them missed.
const GAP: u32 = 100;

/// Events that they have seen.
const SEEN: u32 = 100;

const LIMIT: Duration = Duration::from_secs(30);

/// Whom the followers follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    /// All the same stream.
    One,
    /// Each one of its own.
    Each,
    /// The same, and the server has just been started.
    EachCold,
}

pub(super) async fn measure(bench: &mut Bench<'_>, streams: Streams) -> Result<Figures, Error> {
    let followers = bench.size(FOLLOWERS);
    let count = if streams == Streams::One { 1 } else { followers };
    let mut openings = Vec::new();
    let mut connection = Connection::open(bench.server.host).await?;
    for run in bench.server.create_runs(count).await? {
        publish(&mut connection, &run, 0, SEEN).await?;
        let head = publish(&mut connection, &run, SEEN, GAP).await?;
        openings.push(Opening::events_after(&run, head - u64::from(GAP)));
    }
    drop(connection);
    if streams == Streams::One {
        openings = vec![openings.remove(0); followers];
    }
    if streams == Streams::EachCold && !bench.server.restart(bench.options, bench.machine).await? {
        return Ok(Figures {
            notes: vec!["only a server that is started here can be restarted".into()],
            ..Figures::default()
        });
    }

    let tally = Rc::new(Tally::new());
    let missed = followers as u64 * u64::from(GAP);
    let window = Window::open(bench.server.pid);
    let begin = Instant::now();
    let _followers = Followers::storm(bench.server.host, &openings, &tally);
    tally.arrived.reach(missed, LIMIT).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let figures = window.close(missed);

    let mut notes = tally.faults();
    notes.push(format!("{} bytes per event on the wire", tally.bytes() / missed.max(1)));
    if tally.arrived.get() > missed {
        notes.push("more events than were missed".into());
    }
    Ok(Figures { seconds: Some(seconds), notes, ..figures })
}

/// Publishes `count` events to a run and returns the sequence of the last.
async fn publish(connection: &mut Connection, run: &str, first: u32, count: u32) -> Result<u64, Error> {
    let mut body = Vec::new();
    write_batch(Kind::Custom, clock::now(), first, count, &mut body);
    connection.post(&events_path(run), &body).await?.number("seq")
}
