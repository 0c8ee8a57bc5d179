//! Live events as newline-delimited JSON, for shells and programs without an SSE parser.
//!
//! A line is an event as it is everywhere else. Lines that are not events have one member only, named after what they are:
//! `snapshot`, `caught_up`, `reset`, `end`, and `heartbeat`, whose value is the cursor.

use std::collections::VecDeque;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use milepost_hub::{Item, Session};

use super::encode::{event_json, snapshot_json};
use super::stream::{Following, Format};
use crate::app::App;

/// Follows `session` until it ends.
pub(crate) fn respond(app: &App, session: Session) -> Response {
    let headers = [(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-cache, no-transform")];
    let body = Body::new(Following::<Lines>::new(session, app.metrics().session("ndjson")));
    (headers, body).into_response()
}

struct Lines;

impl Format for Lines {
    fn write(item: &Item, _: &Session, out: &mut VecDeque<Bytes>) {
        match item {
            Item::Event { frame, coalesced_from } => {
                out.push_back(event_json(frame, *coalesced_from));
                out.push_back(Bytes::from_static(b"\n"));
            }
            Item::Snapshot(shown) => {
                out.push_back(Bytes::from_static(br#"{"snapshot":"#));
                out.push_back(snapshot_json(shown));
                out.push_back(Bytes::from_static(b"}\n"));
            }
            Item::CaughtUp(cursor) => out.push_back(format!("{{\"caught_up\":\"{cursor}\"}}\n").into()),
            Item::Reset(reason) => out.push_back(format!("{{\"reset\":\"{reason}\"}}\n").into()),
            Item::End(cursor) => out.push_back(format!("{{\"end\":\"{cursor}\"}}\n").into()),
            Item::Closed => {}
        }
    }

    fn heartbeat(session: &Session, _: bool) -> Bytes {
        format!("{{\"heartbeat\":\"{}\"}}\n", session.cursor()).into()
    }
}
