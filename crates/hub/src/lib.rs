//! Live streams: one actor decides for each, sessions follow it from a cursor.
//!
//! The way of an event: a [`Hub`] call becomes a command in the inbox of its stream's actor; the actor decides about all that is
//! waiting, appends it to the store in one go, and only then shows it: the visible tree moves, the frames enter the
//! ring, the sessions wake up. A [`Session`] holds a position and reads log, ring and live events through one code path.
//!
//! The hub never sees a wire format: a [`Frame`] caches what somebody else encodes. It carries a [`View`](milepost_core::View)
//! of the runs as they stood right after its event, for the dialects that show more than the event.

mod actor;
mod caps;
mod claims;
mod clock;
mod error;
mod feed;
mod frame;
mod hub;
mod live;
mod marks;
mod outbox;
mod registry;
mod ring;
mod session;
mod slots;
mod wakers;

pub use actor::{CancelAnswer, Claimed, Created, Heartbeat, NewRun, Published, PublishedEvent};
pub use clock::Clock;
pub use error::HubError;
pub use feed::{Feed, FeedItem};
pub use frame::Frame;
pub use hub::{Enqueued, Hub, ListRuns, Options, Publish, RunsPage};
pub use live::Shown;
pub use milepost_store::{DeadLetter, LogEntry, LogPage};
pub use session::{AtEnd, From, Item, Session, SessionOptions, Views};
