//! The server as its clients see it: real sockets, a real store in a directory of its own.

#![expect(clippy::unwrap_used, reason = "what a test does not expect is a failure of it")]

mod artifacts;
mod events;
mod issuer;
mod lifecycle;
mod openapi;
mod push;
mod refusals;
mod runs;
mod streams;
mod support;
mod web;
mod webhooks;
mod workers;
