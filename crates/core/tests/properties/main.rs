//! What holds for every log, whatever is asked for in whatever order.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod coalescer;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod laws;
mod viewers;
