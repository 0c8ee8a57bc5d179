//! The envelope of a push, or what stands in its place.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use milepost_core::Code;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::rejected::{Rejected, read_object};

/// What was delivered.
pub(super) struct Delivery<'a> {
    pub(super) message_id: Option<String>,
    pub(super) data: Cow<'a, [u8]>,
}

/// The official emulator writes both spellings of most members, the service one; either will do.
#[derive(Deserialize)]
struct Message {
    data: Option<String>,
    #[serde(rename = "messageId")]
    message_id: Option<String>,
    #[serde(rename = "message_id")]
    message_id_too: Option<String>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// Finds the data. The content type says nothing: the emulator calls JSON a form.
pub(super) fn unwrap<'a, 'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &'a [u8],
) -> Result<Delivery<'a>, Rejected> {
    // With its metadata, an unwrapped push has these; as `CloudEvents` in the binary mode at least the second.
    let named = header("x-goog-pubsub-message-id").or_else(|| header("ce-specversion").and_then(|_| header("ce-id")));
    if let Some(id) = named {
        return Ok(Delivery { message_id: Some(id.to_owned()), data: body.into() });
    }
    let Wrapped { message } = read_object(body, &[])?;
    match message.filter(|message| message.get().starts_with('{')) {
        Some(message) => open(message.get()),
        // Unwrapped, without metadata; there a `message` is a sentence for people.
        None => Ok(Delivery { message_id: None, data: body.into() }),
    }
}

fn open(message: &str) -> Result<Delivery<'static>, Rejected> {
    let Message { data, message_id, message_id_too } = read_object(message.as_bytes(), &[])?;
    let wrong = |detail: String| Rejected::new(Code::InvalidRequest, detail);
    let data = data.ok_or_else(|| wrong("the message has no `data`".to_owned()))?;
    let data = decode(&data).map_err(|error| wrong(format!("`data` is not base64: {error}")))?;
    Ok(Delivery { message_id: message_id.or(message_id_too), data: data.into() })
}

/// Both alphabets, with and without padding: clients differ.
fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, config).decode(text)
}
