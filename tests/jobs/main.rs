//! Jobs that are done somewhere else, and what the server tells the world about them, with the real binary.

#![allow(clippy::unwrap_used)] // all of it is a test

mod campaigns;
mod push;
mod webhooks;
mod work;
