//! The built-in jobs of Milepost: ordinary producers that do real work.
//!
//! [`ingest`] turns a git repository into a searchable index of its text and symbols; [`campaign`] turns a brief into posts, pictures
//! and an animation.

pub mod campaign;
pub mod ingest;
