//! The campaign hub beside the native `WebSocket`, on the same server at the same rate.

use super::Bench;
use super::fanout::{self, Load};
use crate::error::Error;
use crate::figures::Figures;
use crate::opening::Opening;
use crate::payload::Kind;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<Figures, Error> {
    let load = |opening| Load { followers: 1_000, rate: 100.0, opening, event: Kind::Custom, burst: 1 };
    let native = fanout::measure(bench, load(Opening::native)).await?;
    let mut figures = fanout::measure(bench, load(Opening::campaign)).await?;
    figures.ratio = figures.cpu_us.zip(native.cpu_us).map(|(hub, native)| hub / native);
    figures.notes.extend(native.notes.into_iter().map(|note| format!("native: {note}")));
    figures.notes.extend(native.cpu_us.map(|us| format!("native: {us:.2} µs/event")));
    figures.notes.extend(native.latency.map(|latency| format!("native: p99 {:.1} ms", latency.p99)));
    Ok(figures)
}
