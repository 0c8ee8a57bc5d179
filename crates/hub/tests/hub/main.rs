//! The hub as its callers see it, in paused time.

mod claims;
mod failures;
mod feed;
mod leases;
mod publish;
mod residence;
mod session_laws;
mod sessions;
mod store;
mod viewer;
mod world;
