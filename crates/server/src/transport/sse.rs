//! Server-Sent Events (WHATWG HTML, section 9.2).

use std::collections::VecDeque;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use milepost_hub::{Item, Session};
use milepost_wire::sse;

use super::encode::{event_sse, snapshot_json};
use super::stream::{Following, Format};
use crate::app::App;

/// Follows `session` until it ends.
pub(crate) fn respond(app: &App, session: Session) -> Response {
    let body = Body::new(Following::<Sse>::new(session, app.metrics().session("sse")));
    (HEADERS, body).into_response()
}

/// The headers of every event stream. `X-Accel-Buffering` keeps nginx from holding events back.
pub(crate) const HEADERS: [(http::HeaderName, &str); 3] = [
    (CONTENT_TYPE, "text/event-stream"),
    (CACHE_CONTROL, "no-cache, no-transform"),
    (http::HeaderName::from_static("x-accel-buffering"), "no"),
];

struct Sse;

impl Format for Sse {
    fn write(item: &Item, session: &Session, out: &mut VecDeque<Bytes>) {
        match item {
            Item::Event { frame, coalesced_from } => out.push_back(event_sse(frame, *coalesced_from)),
            Item::Snapshot(shown) => {
                // A large snapshot is shared by its readers, so it is not copied into a frame of this one.
                let cursor = shown.snapshot().cursor;
                out.push_back(format!("id: {cursor}\nevent: snapshot\ndata: ").into());
                out.push_back(snapshot_json(shown));
                out.push_back(Bytes::from_static(b"\n\n"));
            }
            Item::CaughtUp(cursor) => out.push_back(sse::named_frame("caught_up", Some(*cursor), &cursor_json(cursor))),
            Item::Reset(reason) => {
                let data = format!(r#"{{"reason":"{reason}"}}"#);
                out.push_back(sse::named_frame("reset", None, data.as_bytes()));
            }
            Item::End(cursor) => out.push_back(sse::named_frame("end", Some(*cursor), &cursor_json(cursor))),
            // The stream just closes: the viewer connects again, and is told more there.
            Item::Closed => tracing::debug!(stream = %session.stream(), "a viewer has to connect again"),
        }
    }

    fn heartbeat(session: &Session, moved: bool) -> Bytes {
        let mut word = BytesMut::new();
        if moved {
            word.extend_from_slice(&sse::id_only(session.cursor()));
        }
        word.extend_from_slice(&sse::COMMENT);
        word.freeze()
    }
}

fn cursor_json(cursor: &milepost_core::Cursor) -> Vec<u8> {
    format!(r#"{{"cursor":"{cursor}"}}"#).into_bytes()
}
