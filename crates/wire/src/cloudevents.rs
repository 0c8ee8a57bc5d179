//! `CloudEvents` 1.0 over HTTP (JSON format and HTTP protocol binding) as another way to publish.
//!
//! How attributes are taken:
//!
//! | attribute | becomes |
//! |---|---|
//! | `specversion` | must be `1.0` |
//! | `id` | the event's id, if it is one; else `ce:` and the SHA-256 of it, so that the same id is the same event again |
//! | `type` | a Milepost type, plain or behind `io.milepost.`; any other type `T` is the custom type `x.T` |
//! | `subject` | the run; that of the path where absent |
//! | `time` | the event's time |
//! | `data` | its data; JSON only, so `data_base64` is refused |
//!
//! `source` has to be there and is not kept; nor are extensions and `dataschema`. Ids count within a stream, as they do in the
//! native API: two sources that publish to one run must not use the same id for different events.

mod attributes;

use std::borrow::Cow;
use std::fmt::Write;

use milepost_core::{Code, Draft, EventId, EventType, Json, RunId, Time};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

pub use attributes::attributes;

use crate::media::Media;
use crate::native::batch::each;
use crate::native::requests::InputEvent;
use crate::rejected::{Is, Rejected, read, read_object};

/// What stands before a Milepost type in its reverse-DNS form.
const PREFIX: &str = "io.milepost.";

/// Reads a body of the structured mode (`application/cloudevents+json`).
///
/// # Errors
/// `malformed_json`, `invalid_request`, `invalid_id`, `unknown_event_type`, `unsupported_media_type` for data that is not
/// JSON, and those of [`InputEvent::draft`].
pub fn parse_structured(body: &[u8], default_run: &RunId) -> Result<Draft, Rejected> {
    read_object::<CloudEvent>(body, &[("subject", Is::Name)])?.draft(default_run)
}

/// Reads a body of the batched mode (`application/cloudevents-batch+json`): at least one event.
///
/// # Errors
/// As [`parse_structured`], and `limit_exceeded`; `index` and `detail` name the first event that is not valid.
pub fn parse_batch(body: &[u8], default_run: &RunId) -> Result<Vec<Draft>, Rejected> {
    let events: Vec<&RawValue> = read(body, &[])?;
    each(events.into_iter().map(|event| event.get().as_bytes()), |event| parse_structured(event, default_run))
}

/// Reads an event of the binary mode: attributes in `ce-` headers, data in the body. `header` gives a header by its
/// lower-case name.
///
/// # Errors
/// As [`parse_structured`]; a header that is missing or not valid is an `invalid_header`.
pub fn parse_binary<'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    default_run: &RunId,
) -> Result<Draft, Rejected> {
    let attribute = |name: &str| header(&format!("ce-{name}")).map(|value| unescape(name, value)).transpose();
    let required = |name: &str| {
        attribute(name)?.ok_or_else(|| Rejected::new(Code::InvalidHeader, format!("`ce-{name}` is missing")))
    };
    let time = attribute("time")?
        .map(|text| text.parse().map_err(|error| Rejected::new(Code::InvalidHeader, format!("`ce-time`: {error}"))));
    let subject = attribute("subject")?
        .map(|text| text.parse().map_err(|error| Rejected::new(Code::InvalidId, format!("`ce-subject`: {error}"))));
    let event = CloudEvent {
        specversion: required("specversion")?,
        id: required("id")?,
        source: required("source")?,
        event_type: required("type")?,
        subject: subject.transpose()?,
        time: time.transpose()?,
        datacontenttype: header("content-type").map(str::to_owned),
        data: None,
        data_base64: None,
    };
    if body.trim_ascii().is_empty() {
        return event.draft(default_run);
    }
    event.check_media()?;
    CloudEvent { data: Some(read(body, &[])?), ..event }.draft(default_run)
}

#[derive(Deserialize)]
struct CloudEvent {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    subject: Option<RunId>,
    time: Option<Time>,
    datacontenttype: Option<String>,
    data: Option<Json>,
    data_base64: Option<IgnoredAny>,
}

impl CloudEvent {
    fn draft(self, default_run: &RunId) -> Result<Draft, Rejected> {
        let wrong = |detail: &str| Err(Rejected::new(Code::InvalidRequest, detail));
        if self.specversion != "1.0" {
            return wrong("`specversion` is 1.0");
        }
        if self.id.is_empty() || self.source.is_empty() {
            return wrong("`id` and `source` are not empty");
        }
        if self.data.is_some() || self.data_base64.is_some() {
            self.check_media()?;
        }
        let (id, event_type) = (Some(event_id(&self.id)), event_type(&self.event_type)?);
        InputEvent { id, event_type, run: self.subject, time: self.time, data: self.data }.draft(default_run)
    }

    fn check_media(&self) -> Result<(), Rejected> {
        let media = Media::of(self.datacontenttype.as_deref())?;
        if media == Media::Json && self.data_base64.is_none() {
            return Ok(());
        }
        Err(Rejected::new(Code::UnsupportedMediaType, "the data is not JSON, and events carry nothing else"))
    }
}

fn event_id(text: &str) -> EventId {
    EventId::new(text).unwrap_or_else(|_| {
        let mut hashed = "ce:".to_owned();
        for byte in Sha256::digest(text) {
            // A string takes everything.
            write!(hashed, "{byte:02x}").unwrap_or_default();
        }
        EventId::new(&hashed).unwrap_or_else(|_| unreachable!("67 characters of ce:0-9a-f"))
    })
}

/// A type in Milepost's own families that does not exist is a mistake; any other is somebody's own.
fn event_type(text: &str) -> Result<EventType, Rejected> {
    let plain = text.strip_prefix(PREFIX).unwrap_or(text);
    let ours =
        plain != text || ["run.", "artifact.", "message.", "state.", "x."].iter().any(|own| text.starts_with(own));
    let name = if ours { Cow::Borrowed(plain) } else { Cow::Owned(format!("x.{text}")) };
    name.parse().map_err(|error| Rejected::new(Code::UnknownEventType, format!("`type`: {error}")))
}

/// Undoes the escaping of header values (HTTP binding, section 3.1.3.2): surrounding quotes, then percent signs.
fn unescape(name: &str, value: &str) -> Result<String, Rejected> {
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten().and_then(hex);
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).map_err(|_| Rejected::new(Code::InvalidHeader, format!("`ce-{name}` is not UTF-8")))
}

fn hex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u8::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests;
