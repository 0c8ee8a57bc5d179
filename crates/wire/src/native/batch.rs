//! Many events in one body.

use milepost_core::{Code, Draft, RunId, caps};
use serde_json::value::RawValue;

use super::requests::InputEvent;
use crate::cloudevents;
use crate::media::Media;
use crate::rejected::{Rejected, read};

/// Reads what a producer publishes: one JSON object, an array of them, or one per line (`application/x-ndjson`).
/// Every JSON media type, and none at all, stands for JSON; those of `CloudEvents` for the structured and the batched mode.
/// At least one event, at most [`caps::BATCH_EVENTS`]. [`publish::parse`](crate::publish::parse) knows the binary mode too.
///
/// # Errors
/// `unsupported_media_type`, `limit_exceeded`, and those of [`InputEvent::parse`] and [`InputEvent::draft`]; in a batch
/// `index` and `detail` name the first event that is not valid.
pub fn parse_events(content_type: Option<&str>, body: &[u8], default_run: &RunId) -> Result<Vec<Draft>, Rejected> {
    match Media::of(content_type)? {
        Media::Json => parse_json(body, default_run),
        Media::Lines => parse_lines(body, default_run),
        Media::CloudEvent => Ok(vec![cloudevents::parse_structured(body, default_run)?]),
        Media::CloudEvents => cloudevents::parse_batch(body, default_run),
    }
}

fn parse_json(body: &[u8], default_run: &RunId) -> Result<Vec<Draft>, Rejected> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return Ok(vec![InputEvent::parse(body)?.draft(default_run)?]);
    }
    let events: Vec<&RawValue> = read(body, &[])?;
    each(events.into_iter().map(|event| event.get().as_bytes()), |event| InputEvent::parse(event)?.draft(default_run))
}

fn parse_lines(body: &[u8], default_run: &RunId) -> Result<Vec<Draft>, Rejected> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    each(lines, |line| InputEvent::parse(line)?.draft(default_run))
}

/// Reads every event of a batch, within the bounds of a batch.
pub(crate) fn each<'a>(
    events: impl Iterator<Item = &'a [u8]>,
    mut parse: impl FnMut(&'a [u8]) -> Result<Draft, Rejected>,
) -> Result<Vec<Draft>, Rejected> {
    let mut drafts = Vec::new();
    for (index, event) in events.enumerate() {
        if index == caps::BATCH_EVENTS {
            return Err(Rejected::new(Code::LimitExceeded, format!("a batch has at most {index} events")));
        }
        drafts.push(parse(event).map_err(|rejected| rejected.at(index))?);
    }
    if drafts.is_empty() {
        return Err(Rejected::new(Code::InvalidRequest, "there is no event in the body"));
    }
    Ok(drafts)
}
