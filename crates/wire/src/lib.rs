//! Wire formats of Milepost: bytes in, bytes out. Pure functions over the types of `milepost-core`; no IO.
//!
//! - [`native`]: bodies of the HTTP API, events as they are sent, problems;
//! - [`publish`]: everything that a publish may be, [`cloudevents`] among it;
//! - [`pubsub`]: pushes of Google Cloud Pub/Sub about the jobs of campaigns;
//! - [`sse`] and [`ws`]: framing for Server-Sent Events and for `/v1/ws`;
//! - [`dialects`]: views of the same log in other people's formats.
//!
//! What comes in is refused with a [`Rejected`], which has a code of the error catalogue.

pub mod caps;
pub mod cloudevents;
pub mod dialects;
mod media;
pub mod native;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod publish;
pub mod pubsub;
mod rejected;
pub mod sse;
mod start;
mod text;
pub mod ws;

pub use rejected::Rejected;
pub use start::Start;
