//! Hubs from outside, over transports without a network, in paused time.

#![expect(clippy::unwrap_used, reason = "a test: a failure has to be loud, and is read here")]

mod calls;
mod limits;
mod negotiation;
mod polling;
mod sending;
mod sources;
mod stateful;
mod support;
mod timing;
mod transports;
