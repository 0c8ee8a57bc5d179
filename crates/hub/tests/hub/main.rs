//! The hub as its callers see it, in paused time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod claims;
mod failures;
mod feed;
mod leases;
mod publish;
mod residence;
mod session_laws;
mod sessions;
mod store;
mod stress;
mod viewer;
mod views;
mod world;
