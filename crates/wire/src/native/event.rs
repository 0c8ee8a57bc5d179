//! Events as they are sent.

use milepost_core::{Body, Corrupt, Cursor, Event, EventId, Record, RunId, Time};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

use crate::text::write;

/// Appends the event as JSON. `coalesced_from` is the first of the sequences before it that were progress, superseded by
/// it or by one sent with it.
///
/// Written by hand because every event passes here and its data is JSON already. Nothing needs an escape: ids, types and
/// times are made of characters that JSON takes as they are, because nothing else passes their constructors.
pub fn write_event(out: &mut Vec<u8>, stream: &RunId, record: &Record, coalesced_from: Option<u64>) {
    let Record { seq, run, event_type, time, id, data } = record;
    out.reserve(256 + data.len());
    write(out, format_args!(r#"{{"seq":{seq},"stream":"{stream}","run":"{run}","type":"{event_type}","#));
    write(out, format_args!(r#""time":"{time}","id":"{id}","data":"#));
    out.extend_from_slice(data.as_bytes());
    if let Some(from) = coalesced_from {
        write(out, format_args!(r#","coalesced":{{"from":{from}}}"#));
    }
    out.push(b'}');
}

/// A page of events that are JSON already, as read by [`EventsPage`](super::answers::EventsPage).
pub fn events_page<'a>(events: impl IntoIterator<Item = &'a [u8]>, next: Cursor, head: Cursor) -> Vec<u8> {
    let mut out = br#"{"events":["#.to_vec();
    for (at, event) in events.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(event);
    }
    write(&mut out, format_args!(r#"],"next":"{next}","head":"{head}"}}"#));
    out
}

/// An event as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct WireEvent {
    /// The event.
    pub event: Event,
    /// The first of the sequences before it that were left out because they were superseded progress.
    pub coalesced_from: Option<u64>,
}

/// A text that is no event, or one of a type that this version does not know.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEvent {
    /// It does not have the shape of an event.
    #[error("this is no event: {0}")]
    Shape(#[from] serde_json::Error),
    /// Its data does not fit its type.
    #[error(transparent)]
    Data(#[from] Corrupt),
}

impl WireEvent {
    /// Reads an event that [`write_event`] wrote. Members of the envelope that are not known are ignored.
    ///
    /// # Errors
    /// [`InvalidEvent`].
    pub fn parse(json: &[u8]) -> Result<Self, InvalidEvent> {
        let Envelope { seq, stream, run, event_type, time, id, data, coalesced } = serde_json::from_slice(json)?;
        let corrupt = |reason: String| Corrupt { seq, reason };
        let event_type = event_type.parse().map_err(|error| corrupt(format!("{error}")))?;
        let body = Body::parse(event_type, Some(data.get())).map_err(|error| corrupt(error.to_string()))?;
        let event = Event { seq, stream, run, time, id, body };
        Ok(Self { event, coalesced_from: coalesced.map(|coalesced| coalesced.from) })
    }
}

impl<'de> Deserialize<'de> for WireEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(json.get().as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    seq: u64,
    stream: RunId,
    run: RunId,
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    time: Time,
    id: EventId,
    #[serde(borrow)]
    data: &'a RawValue,
    coalesced: Option<Coalesced>,
}

#[derive(Deserialize)]
struct Coalesced {
    from: u64,
}

#[cfg(test)]
mod tests;
