//! A SignalR server for axum: unmodified official clients connect to it and notice no difference.
//!
//! WebSockets, Server-Sent Events and long polling; JSON and MessagePack; automatic and stateful reconnect; streams in both
//! directions; groups; typed methods without macros.
//!
//! ```
//! use axum::Router;
//! use milepost_signalr::{Context, Hub, HubError};
//!
//! async fn enter(cx: Context<()>, room: String) -> Result<usize, HubError> {
//!     cx.join(&room);
//!     Ok(cx.groups().len(&room))
//! }
//!
//! async fn say(cx: Context<()>, room: String, text: String) -> Result<(), HubError> {
//!     cx.clients().group(&room).send("Said", (room, text))?;
//!     Ok(())
//! }
//!
//! let hub = Hub::builder(|_connection| ()).method("Enter", enter).method("Say", say).build();
//! let app: Router = Router::new().nest("/chat", hub.router());
//! # drop(app);
//! ```
//!
//! - [`Hub::builder`] puts a hub together; [`Hub::router`] serves it.
//! - Methods take a [`Context`] and arguments that serde reads, and fail with a [`HubError`].
//! - [`Caller`] speaks to one client and waits for it; an [`Audience`] is spoken to without waiting.
//! - [`SharedMessage`] is encoded once for everybody; [`Caller::attach`] lets a connection follow a stream of them.
//! - [`Options`] has every limit and timer, with its default.
//! - [`protocol`] can be used by itself, for example to write a client.

mod connection;
mod http;
mod hub;
mod metrics;
mod options;
pub mod protocol;
mod registry;
mod server;
mod token;

pub use connection::link::{SendError, SourceKey};
pub use hub::Hub;
pub use hub::builder::HubBuilder;
pub use hub::clients::{Audience, Clients, Groups};
pub use hub::context::{Caller, ConnectionInfo, Context};
pub use hub::dispatch::DisconnectReason;
pub use hub::error::HubError;
pub use hub::method::{Argument, ArgumentReader, Handler, StreamItem};
pub use hub::upload::Upload;
pub use metrics::{ConnectionStatus, Metrics};
pub use options::{Options, Transport, Transports};
pub use protocol::{Binary, Parameters, SharedMessage, Timestamp};
