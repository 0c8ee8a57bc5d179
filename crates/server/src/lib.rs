//! The Milepost server: HTTP, SSE and WebSocket over the hub.
//!
//! [`Config`] says how, [`Server::start`] does it, [`Running`] is the server until it is shut down.

mod api;
mod app;
mod artifacts;
mod auth;
mod campaigns;
mod caps;
pub mod config;
mod dashboard;
mod hubs;
mod ingest;
mod listener;
mod local;
mod metrics;
mod observe;
mod openapi;
mod origin;
mod outbox;
mod principal;
mod problem;
mod projects;
#[cfg(feature = "pubsub")]
mod pubsub;
mod server;
#[cfg(test)]
mod testing;
mod transport;
mod webhooks;

pub use config::{Config, ConfigError};
pub use openapi::document as openapi_document;
pub use server::{Running, Server, StartError};
