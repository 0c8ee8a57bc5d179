//! Records: events as the log keeps them, their data already encoded.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use milepost_core::{Body, Event, EventId, EventType, RunId, Time};

/// An event with its data as JSON, as it is stored and sent. Its stream is known from where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Sequence in the stream.
    pub seq: u64,
    /// The run that it is about.
    pub run: RunId,
    /// Its type.
    pub event_type: EventType,
    /// When it happened.
    pub time: Time,
    /// Its idempotency id.
    pub id: EventId,
    /// Its data: compact JSON, without line breaks.
    pub data: Arc<str>,
}

/// A record that does not fit the types of this version: the log was written by a newer one, or is damaged.
#[derive(Debug, thiserror::Error)]
#[error("event {seq} of the log cannot be read: {reason}")]
pub struct Corrupt {
    /// Which one.
    pub seq: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl Record {
    /// Encodes an event.
    pub fn of(event: &Event) -> Self {
        Self {
            seq: event.seq,
            run: event.run.clone(),
            event_type: event.body.event_type(),
            time: event.time,
            id: event.id.clone(),
            data: event.body.data().into(),
        }
    }

    /// Decodes the event.
    ///
    /// # Errors
    /// [`Corrupt`] when the data does not fit the type.
    pub fn event(&self, stream: &RunId) -> Result<Event, Corrupt> {
        let body = Body::parse(self.event_type.clone(), Some(&self.data))
            .map_err(|error| Corrupt { seq: self.seq, reason: error.to_string() })?;
        let (run, id) = (self.run.clone(), self.id.clone());
        Ok(Event { seq: self.seq, stream: stream.clone(), run, time: self.time, id, body })
    }
}

/// A hash of an idempotency id, for the table of ids that a live stream keeps in memory. Stable within one build only.
pub fn id_hash(id: &EventId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.as_str().hash(&mut hasher);
    hasher.finish()
}
