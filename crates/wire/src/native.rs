//! The native HTTP API: what goes in, what comes out.

pub mod answers;
pub(crate) mod batch;
mod event;
mod problem;
pub mod requests;

pub use batch::parse_events;
pub use event::{InvalidEvent, WireEvent, events_page, write_event};
pub use problem::{PROBLEM_JSON, Problem};
