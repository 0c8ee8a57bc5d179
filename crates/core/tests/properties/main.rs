//! What holds for every log, whatever is asked for in whatever order.

mod coalescer;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod laws;
mod viewers;
