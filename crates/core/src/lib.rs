//! The domain of Milepost: runs form trees, each tree has one log, and everything a viewer sees is a fold of that log.
//!
//! This crate does no IO. Time and ids come in as arguments, so every function here is a pure function of its input:
//!
//! - [`decide`](decide::decide) turns what a producer asks for into events, or refuses;
//! - [`Tree::evolve`] applies one event;
//! - [`Snapshot`] is the tree as it is shown.
//!
//! The same fold runs in the server, in recovery and in the clients.

pub mod caps;
pub mod coalesce;
pub mod cursor;
pub mod decide;
pub mod event;
pub mod filter;
mod fold;
pub mod json;
pub mod name;
pub mod problem;
pub mod progress;
pub mod record;
pub mod run;
pub mod snapshot;
pub mod time;
pub mod tree;
pub mod view;

pub use coalesce::Coalescer;
pub use cursor::{Cursor, Epoch};
pub use decide::{Draft, Refusal, decide};
pub use event::{Body, Event, EventType};
pub use filter::TypeFilter;
pub use json::Json;
pub use name::{ArtifactId, EventId, InvalidName, Kind, MessageId, Project, RunId};
pub use problem::Code;
pub use record::{Corrupt, Record};
pub use run::{Run, RunState};
pub use snapshot::Snapshot;
pub use time::Time;
pub use tree::Tree;
pub use view::View;
