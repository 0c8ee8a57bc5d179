//! SignalR hubs: other methods and callbacks over the same sessions.

pub(crate) mod campaign;
