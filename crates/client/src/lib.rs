//! The Rust client of Milepost.
//!
//! - [`Client`] starts runs, claims them and asks about them;
//! - [`RunHandle`] reports what a run does: it never loses and never doubles an event, whatever the connection does;
//! - [`Follower`] shows what a run does, over reconnects and restarts of the server, and proves that nothing is missing;
//! - [`Transport`] is how all of them reach a server: [`HttpTransport`] over the network, the server's own in-process.
//!
//! ```no_run
//! # async fn example() -> Result<(), milepost_client::ClientError> {
//! use milepost_client::{Client, Progress};
//!
//! let client = Client::http("http://127.0.0.1:6453", "default", None)?;
//! let run = client.run("agent").name("Write the report").start().await?;
//! run.progress(Progress::of(3, 10).stage("Reading"));
//! if run.cancellation().is_cancelled() {
//!     run.cancelled().await?;
//! } else {
//!     run.complete(None).await?;
//! }
//! # Ok(())
//! # }
//! ```

mod builder;
mod caps;
mod client;
mod error;
mod follow;
mod handle;
mod http;
mod producer;
mod retry;
#[cfg(test)]
mod testing;
mod transport;

pub use builder::RunBuilder;
pub use client::Client;
pub use error::ClientError;
pub use follow::{Follower, Update};
pub use handle::{Progress, RunHandle};
pub use http::{HttpTransport, decode_items};
pub use transport::{
    ArtifactBytes, ArtifactSource, ByteStream, Item, Items, ListRuns, NewArtifact, NewerThan, Transport,
};
