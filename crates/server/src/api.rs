//! The native API: one file for each thing that can be asked for.

#![expect(unused_qualifications, reason = "in the code that utoipa writes for query parameters")]

pub(crate) mod about;
pub(crate) mod artifacts;
pub(crate) mod body;
pub(crate) mod cancel;
pub(crate) mod claims;
pub(crate) mod conditions;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod health;
mod negotiate;
mod page;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod runs;
pub(crate) mod socket;
mod wait;
