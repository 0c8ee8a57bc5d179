//! The subscriptions of one socket.

use std::task::{Context, Poll};

use bytes::Bytes;
use milepost_core::Code;
use milepost_hub::{Item, Session};
use milepost_wire::native::Problem;
use milepost_wire::ws::{self, ServerOp};

use crate::metrics::SessionGuard;
use crate::transport::encode::{event_json, snapshot_json};

/// What a socket is subscribed to, by the names that its client gave.
#[derive(Default)]
pub(super) struct Deliveries {
    subscriptions: Vec<Subscription>,
    items: Vec<Item>,
}

struct Subscription {
    sub: String,
    session: Session,
    guard: SessionGuard,
}

impl Deliveries {
    pub(super) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    pub(super) fn has(&self, sub: &str) -> bool {
        self.subscriptions.iter().any(|known| known.sub == sub)
    }

    pub(super) fn add(&mut self, sub: String, session: Session, guard: SessionGuard) {
        self.subscriptions.push(Subscription { sub, session, guard });
    }

    /// True when there was one.
    pub(super) fn remove(&mut self, sub: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|known| known.sub != sub);
        self.subscriptions.len() < before
    }

    /// Puts the messages of all subscriptions that have something into `out`; sleeps until one has.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, out: &mut Vec<Bytes>) -> Poll<()> {
        let items = &mut self.items;
        self.subscriptions.retain_mut(|subscription| {
            let Subscription { sub, session, guard } = subscription;
            let failed = matches!(session.poll(context, items), Poll::Ready(Err(_)));
            let events = items.iter().filter(|item| matches!(item, Item::Event { .. })).count();
            guard.delivered(events as u64);
            out.extend(items.drain(..).map(|item| message(sub, &item)));
            if failed {
                let problem = Problem::new(Code::StoreUnavailable, "subscribe again from your cursor");
                out.push(ws::error(None, Some(sub), &problem));
            }
            !failed && !session.is_done()
        });
        if out.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
}

fn message(sub: &str, item: &Item) -> Bytes {
    match item {
        Item::Event { frame, coalesced_from } => {
            let event = event_json(frame, *coalesced_from);
            ws::stream_message(ServerOp::Event, sub, Some(frame.cursor()), Some(&event))
        }
        Item::Snapshot(shown) => {
            let cursor = shown.snapshot().cursor;
            ws::stream_message(ServerOp::Snapshot, sub, Some(cursor), Some(&snapshot_json(shown)))
        }
        Item::CaughtUp(cursor) => ws::stream_message(ServerOp::CaughtUp, sub, Some(*cursor), None),
        Item::Reset(reason) => {
            let data = format!(r#"{{"reason":"{reason}"}}"#);
            ws::stream_message(ServerOp::Reset, sub, None, Some(data.as_bytes()))
        }
        Item::End(cursor) => ws::stream_message(ServerOp::End, sub, Some(*cursor), None),
        Item::Closed => {
            let problem = Problem::new(Code::ShuttingDown, "the stream went away; connect again");
            ws::error(None, Some(sub), &problem)
        }
    }
}
