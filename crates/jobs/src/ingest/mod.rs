//! The engine of repository ingestion: a git repository in, `summary.json`, `symbols.ndjson` and a searchable index out.
//!
//! Everything here is blocking and knows nothing of servers, runs or events. [`ingest()`] is the way in, [`Observer`] the
//! way progress gets out, an `AtomicBool` the way to cancel, [`search::Index`] the way to ask what was indexed.

mod address;
mod clone;
mod command;
mod depth;
mod engine;
mod error;
mod fetch;
mod http;
mod index;
mod isolate;
pub mod job;
mod languages;
mod limits;
mod observer;
mod pack;
mod parse;
mod plan;
mod process;
pub mod search;
mod summary;
mod symbols;
mod text;
mod tokens;
mod walk;
mod watch;

pub use engine::{Outcome, ingest};
pub use error::IngestError;
pub use isolate::parser_process;
pub use limits::Limits;
pub use observer::{Observer, Transfer};
pub use pack::unpack;
pub use plan::{Branch, Plan, Policy, Source};
pub use summary::{LanguageTotals, Skipped, Summary};
pub use symbols::{Role, Symbol};
