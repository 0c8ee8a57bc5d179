//! Frames as texts, made once and shared by all sockets.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use milepost_hub::{Frame, Shown};
use milepost_wire::dialects::project;

/// What an event is on a socket; nothing for one that is not shown.
pub(super) struct Event(pub(super) Option<(&'static str, Utf8Bytes)>);

struct Snapshot(Utf8Bytes);

pub(super) fn event(frame: &Frame) -> Arc<Event> {
    frame.shared(None, || {
        let Some(view) = frame.view() else { return Event(None) };
        match project::frame(frame.record(), view) {
            Ok(shown) => Event(shown.map(|shown| (shown.name, text(shown.json)))),
            Err(error) => {
                tracing::error!(stream = %frame.stream(), %error, "an event cannot be shown");
                Event(None)
            }
        }
    })
}

/// The snapshot of a run of a kind that is shown.
pub(super) fn snapshot(shown: &Shown) -> Utf8Bytes {
    let snapshot = || Snapshot(text(project::of_run(shown.snapshot()).unwrap_or_default()));
    shown.shared(snapshot).0.clone()
}

/// JSON is text.
pub(super) fn text(json: Vec<u8>) -> Utf8Bytes {
    String::from_utf8(json).unwrap_or_default().into()
}
