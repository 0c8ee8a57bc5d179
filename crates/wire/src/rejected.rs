//! Why an input is refused, and the way in for all JSON.

use std::borrow::Cow;
use std::collections::HashMap;

use milepost_core::{Code, Cursor, EventType, RunId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// An input that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejected {
    /// What is wrong, as a code of the catalogue.
    pub code: Code,
    /// What is wrong, in words. In a batch it names the event.
    pub detail: String,
    /// Which event of a batch, from 0 on. None where there is only one.
    pub index: Option<usize>,
}

impl Rejected {
    /// A refusal of the whole input.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), index: None }
    }

    /// The same refusal, about the event at `index` of a batch.
    pub(crate) fn at(mut self, index: usize) -> Self {
        self.detail = format!("event {index}: {}", self.detail);
        self.index = Some(index);
        self
    }
}

/// What a member has to be, where a wrong one has a code of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Is {
    Name,
    Names,
    EventType,
    Cursor,
}

/// Reads one JSON object. `members` are the members whose content has a code of its own.
///
/// # Errors
/// As [`read`], and `invalid_request` for whatever is no object: serde would take an array for the members in their order.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(text: &'a [u8], members: &[(&str, Is)]) -> Result<T, Rejected> {
    if text.trim_ascii_start().first() == Some(&b'[') {
        well_formed(text)?;
        return Err(Rejected::new(Code::InvalidRequest, "this is an array where an object belongs"));
    }
    read(text, members)
}

/// Reads one JSON document. `members` are the members whose content has a code of its own.
///
/// # Errors
/// `malformed_json` when it is no JSON, the code of the first member that is not what it has to be, else `invalid_request`.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a [u8], members: &[(&str, Is)]) -> Result<T, Rejected> {
    // What is wrong is found out only once something is: good input is read once.
    serde_json::from_slice(text).map_err(|error| diagnose(text, &error, members))
}

fn diagnose(text: &[u8], error: &serde_json::Error, members: &[(&str, Is)]) -> Rejected {
    // The reader stops at the first thing that it does not like, which may stand before what makes it no JSON at all.
    if let Err(error) = well_formed(text) {
        return error;
    }
    let found: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(text).unwrap_or_default();
    let wrong = members.iter().find_map(|(name, is)| Some((name, is.wrong(found.get(*name)?)?)));
    match wrong {
        Some((name, (code, why))) => Rejected::new(code, format!("`{name}`: {why}")),
        None => Rejected::new(Code::InvalidRequest, error.to_string()),
    }
}

fn well_formed(text: &[u8]) -> Result<(), Rejected> {
    let malformed = |why: String| Rejected::new(Code::MalformedJson, why);
    let text = std::str::from_utf8(text).map_err(|error| malformed(error.to_string()))?;
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| malformed(error.to_string()))
}

impl Is {
    /// Why `value` is wrong. None when it is right, or of another JSON type, which is a matter of shape.
    fn wrong(self, value: &RawValue) -> Option<(Code, String)> {
        if matches!(self, Self::Names) {
            let names: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
            return names.into_iter().find_map(|name| Self::Name.wrong(name));
        }
        let text: String = serde_json::from_str(value.get()).ok()?;
        match self {
            Self::Name | Self::Names => text.parse::<RunId>().err().map(|error| (Code::InvalidId, error.to_string())),
            Self::EventType => text.parse::<EventType>().err().map(|error| (Code::UnknownEventType, error.to_string())),
            Self::Cursor => text.parse::<Cursor>().err().map(|error| (Code::InvalidCursor, error.to_string())),
        }
    }
}
