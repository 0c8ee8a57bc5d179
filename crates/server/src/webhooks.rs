//! What others tell us, and what we tell others, by HTTP requests.

#![expect(unused_qualifications, reason = "in the code that utoipa writes for query parameters")]

pub(crate) mod dead_letters;
mod endpoint;
pub(crate) mod push;
mod sign;

pub(crate) use endpoint::Endpoint;
