//! The feed of a project as Server-Sent Events: the list of open runs, then every event of every stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body::Frame as BodyFrame;
use milepost_core::{Project, Run, Time};
use milepost_hub::{Feed, FeedItem};
use milepost_wire::sse;
use serde::Serialize;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::HEARTBEAT;
use super::encode::event_json;
use super::sse::HEADERS;
use crate::app::App;
use crate::metrics::SessionGuard;

/// Follows all streams of `project`. A reader that is too slow is sent away, and begins with a new list.
pub(crate) fn respond(app: &App, feed: Feed, project: &Project) -> Response {
    let body = Body::new(FeedBody {
        first: Some(list_of(&feed, project, app.hub().now())),
        feed,
        items: Vec::new(),
        timer: Box::pin(tokio::time::sleep(HEARTBEAT)),
        shutdown: Box::pin(app.shutdown().clone().cancelled_owned()),
        over: false,
        guard: app.metrics().session("feed"),
    });
    (HEADERS, body).into_response()
}

/// The first frame. `heads` says for each stream up to where `runs` has it: events up to there do not follow.
#[derive(Serialize)]
struct List<'a> {
    project: &'a Project,
    runs: Vec<&'a Run>,
    heads: std::collections::BTreeMap<&'a str, String>,
    time: Time,
}

fn list_of(feed: &Feed, project: &Project, time: Time) -> Bytes {
    let heads = feed.runs().iter().map(|(run, cursor)| (run.stream.as_str(), cursor.to_string())).collect();
    let list = List { project, runs: feed.runs().iter().map(|(run, _)| &**run).collect(), heads, time };
    sse::named_frame("snapshot", None, &serde_json::to_vec(&list).unwrap_or_default())
}

struct FeedBody {
    first: Option<Bytes>,
    feed: Feed,
    items: Vec<FeedItem>,
    timer: Pin<Box<Sleep>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    over: bool,
    guard: SessionGuard,
}

impl FeedBody {
    fn write_items(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        for item in self.items.drain(..) {
            match item {
                FeedItem::Event(frame) => {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(&event_json(&frame, None));
                    out.extend_from_slice(b"\n\n");
                    self.guard.delivered(1);
                }
                FeedItem::Lost => {
                    out.extend_from_slice(&sse::named_frame("reset", None, br#"{"reason":"too_slow"}"#));
                    self.over = true;
                }
            }
        }
        out.freeze()
    }
}

impl http_body::Body for FeedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(BodyFrame::data(first))));
        }
        if this.over || this.shutdown.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        if this.feed.poll(context, &mut this.items).is_ready() {
            return Poll::Ready(Some(Ok(BodyFrame::data(this.write_items()))));
        }
        ready!(this.timer.as_mut().poll(context));
        this.timer.as_mut().reset(Instant::now() + HEARTBEAT);
        Poll::Ready(Some(Ok(BodyFrame::data(sse::COMMENT.clone()))))
    }
}
