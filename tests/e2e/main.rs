//! The contract, sentence by sentence, against the real binary.

#![allow(clippy::unwrap_used)] // all of it is a test

mod artifacts;
mod campaigns;
mod cancellation;
mod events;
mod ingest;
mod leases;
mod process;
mod projects;
mod refusals;
mod streams;
mod websocket;
