//! What an open stream costs while nothing happens.

use std::rc::Rc;
use std::time::Duration;

use super::Bench;
use crate::error::Error;
use crate::figures::Figures;
use crate::follower::Followers;
use crate::opening::Opening;
use crate::process;
use crate::tally::Tally;

/// Connections that are there before: the first ones make the allocator and the tables grow.
const BEFORE: usize = 100;

/// What connecting costs for a moment is given back by then.
const SETTLE: Duration = Duration::from_secs(2);

/// `opening` is what of a run is followed, by so many `connections`.
pub(super) async fn measure(
    bench: &mut Bench<'_>,
    opening: fn(&str) -> Opening,
    connections: usize,
) -> Result<Figures, Error> {
    let server = &bench.server;
    let run = server.create_runs(1).await?.remove(0);
    let tally = Rc::new(Tally::new());
    let _before = Followers::connect(server.host, &vec![opening(&run); BEFORE], &tally).await?;
    tokio::time::sleep(SETTLE).await;
    let resident_before = server.pid.and_then(process::resident);

    let count = bench.size(connections);
    let more = Rc::new(Tally::new());
    let _more = Followers::connect(server.host, &vec![opening(&run); count], &more).await?;
    tokio::time::sleep(SETTLE).await;
    let resident = server.pid.and_then(process::resident);

    let grown = resident.zip(resident_before).map(|(now, before)| now.saturating_sub(before));
    let mut notes = tally.faults();
    notes.extend(more.faults());
    notes.extend(resident.map(|bytes| format!("{:.1} MB resident altogether", bytes as f64 / 1e6)));
    Ok(Figures { kilobytes: grown.map(|bytes| bytes as f64 / 1e3 / count as f64), notes, ..Figures::default() })
}
