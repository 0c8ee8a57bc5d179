//! The binary as its users have it: what it prints, where, and how it exits.

#![allow(clippy::unwrap_used)] // all of it is a test
#![cfg(unix)] // signals

mod demo;
mod help;
mod ingest;
mod publish;
mod runs;
mod serve;
mod support;
mod tail;
