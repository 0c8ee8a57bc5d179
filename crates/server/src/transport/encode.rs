//! Events and snapshots as bytes, made once and shared.

use bytes::Bytes;
use milepost_core::Snapshot;
use milepost_hub::{Frame, Shown};
use milepost_wire::native::write_event;
use milepost_wire::sse;

/// The event as an SSE frame.
pub(super) fn event_sse(frame: &Frame, coalesced_from: Option<u64>) -> Bytes {
    frame.encoded(coalesced_from, |frame, coalesced_from| {
        let mut json = Vec::new();
        write_event(&mut json, frame.stream(), frame.record(), coalesced_from);
        sse::event_frame(frame.cursor(), &json)
    })
}

/// The event as JSON: the part of its SSE frame between `data: ` and the empty line, so that there is one encoding only.
pub(super) fn event_json(frame: &Frame, coalesced_from: Option<u64>) -> Bytes {
    let sse = event_sse(frame, coalesced_from);
    let data = sse.iter().position(|byte| *byte == b'{').unwrap_or(0);
    sse.slice(data..sse.len() - 2)
}

/// The snapshot as JSON.
pub(crate) fn snapshot_json(shown: &Shown) -> Bytes {
    shown.encoded(|snapshot: &Snapshot| serde_json::to_vec(snapshot).unwrap_or_default().into())
}
