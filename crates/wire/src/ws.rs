//! Messages of the WebSocket `/v1/ws`: one JSON text frame each.

mod client;
mod server;

pub use client::{Cancel, ClientMessage, Publish, Refused, Subscribe};
pub use server::{ServerOp, ack, error, pong, stream_message};

#[cfg(test)]
mod tests;
