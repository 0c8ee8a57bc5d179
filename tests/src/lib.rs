//! What the end-to-end tests share: the real binary, repositories served over HTTP, and an event stream as a client sees it.
//!
//! Nothing here knows the server's insides: a test says what a user would say.

#![expect(missing_docs, clippy::unwrap_used, reason = "a test harness: a failure has to be loud, and is read here")]

pub mod api;
pub mod chat;
pub mod events;
pub mod git;
pub mod receiver;
pub mod server;
pub mod socket;
pub mod worker;

pub use api::Api;
pub use chat::{Chat, Reply};
pub use events::{Events, Frame};
pub use receiver::Receiver;
pub use server::Server;
pub use socket::Socket;
pub use worker::Worker;
