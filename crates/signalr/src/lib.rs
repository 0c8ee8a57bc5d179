//! A SignalR server for axum: unmodified official clients connect to it and notice no difference.

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
