//! Tokens that somebody else issued (OIDC, RFC 7519), and the keys to verify them with.

mod keys;
mod token;

pub(crate) use token::{Expected, Verifier};
