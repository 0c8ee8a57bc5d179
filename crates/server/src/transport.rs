//! Ways to carry a session to a viewer. None of them adds a meaning: what a viewer gets, and when, is the session's business.

pub(crate) mod encode;
pub(crate) mod feed;
pub(crate) mod ndjson;
pub(crate) mod sse;
mod stream;
pub(crate) mod ws;

use std::time::Duration;

/// A word at least this often, so that a connection neither looks dead nor is taken for dead by something in between.
/// The contract says 15 s; this leaves room for a late timer.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);
