//! Bounds of the wire formats, each with its reason. Those of the domain stand in `milepost_core::caps`.

/// Levels of arrays and objects in an event's data. Viewers parse it inside of up to ten levels of their own envelopes,
/// and the JSON readers of .NET stop at 64.
pub const JSON_DEPTH: usize = 50;

/// Kinds that one claim may name. Each is a lookup in the store.
pub const CLAIM_KINDS: usize = 100;

/// Bytes of a `sub` or a `ref` of a WebSocket message; the server repeats them in its answers.
pub const REFERENCE_BYTES: usize = 128;
