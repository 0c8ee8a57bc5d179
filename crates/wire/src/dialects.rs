//! Views of the log in other people's formats: pure functions of an event or of a snapshot.

pub mod campaign;
pub mod content;
pub mod ingest;
pub mod project;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod story;
