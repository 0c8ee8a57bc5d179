//! What clients say.

use std::borrow::Cow;

use milepost_core::{Code, Draft, Project, RunId, TypeFilter};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::caps::REFERENCE_BYTES;
use crate::native::parse_events;
use crate::native::requests::{CancelRequest, at_most, default_grace, grace};
use crate::rejected::{Is, Rejected, read_object};
use crate::start::Start;

/// What a client wants. `reference` is the client's `ref`, which the answer repeats.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// `subscribe`: begin to send a run's events.
    Subscribe(Subscribe),
    /// `unsubscribe`: end it.
    Unsubscribe {
        /// The subscription.
        sub: String,
    },
    /// `publish`: take events.
    Publish(Publish),
    /// `cancel`: ask for a run's cancellation.
    Cancel(Cancel),
    /// `ping`: say that you are there.
    Ping {
        /// What the answer repeats.
        reference: Option<String>,
    },
}

/// Of `subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The client's name for the subscription, 1 to 128 bytes; every message of it carries it.
    pub sub: String,
    /// The project; `default` where the client names none.
    pub project: Project,
    /// The run.
    pub run: RunId,
    /// Where to begin.
    pub start: Start,
    /// Which events; all where absent.
    pub types: Option<TypeFilter>,
    /// At most one progress frame per run in so many milliseconds; the server's default where absent.
    pub coalesce_ms: Option<u64>,
}

/// Of `publish`.
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// What the answer repeats, 1 to 128 bytes; a client that does not care gives none.
    pub reference: Option<String>,
    /// The project; `default` where the client names none.
    pub project: Project,
    /// The run that events are about where they name none.
    pub run: RunId,
    /// One atomic batch.
    pub events: Vec<Draft>,
    /// The worker's lease: what HTTP has in `Milepost-Lease`.
    pub lease: Option<String>,
}

/// Of `cancel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// What the answer repeats, 1 to 128 bytes; a client that does not care gives none.
    pub reference: Option<String>,
    /// The project; `default` where the client names none.
    pub project: Project,
    /// The run.
    pub run: RunId,
    /// What HTTP has in its body.
    pub request: CancelRequest,
}

/// A message that is refused, with whatever tells the client which one it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rejected}")]
pub struct Refused {
    /// Why.
    pub rejected: Rejected,
    /// Its `ref`, if it had one.
    pub reference: Option<String>,
    /// Its `sub`, if it had one.
    pub sub: Option<String>,
}

impl ClientMessage {
    /// Reads one text frame. Members that are not known are refused.
    ///
    /// # Errors
    /// [`Refused`], with the codes that HTTP has for the same mistakes, and `invalid_request` for an unknown `op`.
    pub fn parse(text: &[u8]) -> Result<Self, Refused> {
        let outline = Outline::of(text).map_err(|rejected| Refused { rejected, reference: None, sub: None })?;
        outline.parse(text).map_err(|rejected| Refused {
            rejected,
            reference: outline.reference.map(Cow::into_owned),
            sub: outline.sub.map(Cow::into_owned),
        })
    }
}

/// What every message may have: enough to know how to read the rest, and whom to answer when that fails.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow, rename = "ref")]
    reference: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sub: Option<Cow<'a, str>>,
}

impl<'a> Outline<'a> {
    fn of(text: &'a [u8]) -> Result<Self, Rejected> {
        let mut outline: Self = read_object(text, &[])?;
        // What is too long to be repeated is not.
        outline.reference.take_if(|reference| !fits(reference));
        outline.sub.take_if(|sub| !fits(sub));
        Ok(outline)
    }

    fn parse(&self, text: &[u8]) -> Result<ClientMessage, Rejected> {
        match &*self.op {
            "subscribe" => read_with_ids::<RawSubscribe>(text)?.check().map(ClientMessage::Subscribe),
            "publish" => read_with_ids::<RawPublish<'_>>(text)?.check().map(ClientMessage::Publish),
            "cancel" => read_with_ids::<RawCancel>(text)?.check().map(ClientMessage::Cancel),
            "unsubscribe" => {
                let RawUnsubscribe { sub, .. } = read_object(text, &[])?;
                Ok(ClientMessage::Unsubscribe { sub: named("sub", sub)? })
            }
            "ping" => {
                let RawPing { reference, .. } = read_object(text, &[])?;
                let reference = reference.map(|reference| named("ref", reference)).transpose()?;
                Ok(ClientMessage::Ping { reference })
            }
            other => {
                let other: String = other.chars().take(REFERENCE_BYTES).collect();
                let detail = format!("`op` {other:?} is none of subscribe, unsubscribe, publish, cancel, ping");
                Err(Rejected::new(Code::InvalidRequest, detail))
            }
        }
    }
}

fn read_with_ids<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Rejected> {
    read_object(text, &[("project", Is::Name), ("run", Is::Name), ("after", Is::Cursor)])
}

fn named(member: &str, text: String) -> Result<String, Rejected> {
    if fits(&text) {
        return Ok(text);
    }
    Err(Rejected::new(Code::InvalidRequest, format!("`{member}` has 1 to {REFERENCE_BYTES} bytes")))
}

fn fits(text: &str) -> bool {
    (1..=REFERENCE_BYTES).contains(&text.len())
}

macro_rules! raw {
    ($($name:ident $(<$lifetime:lifetime>)? { $($(#[$meta:meta])* $field:ident: $type:ty,)* })*) => {$(
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name $(<$lifetime>)? {
            #[serde(rename = "op")]
            _op: serde::de::IgnoredAny,
            $($(#[$meta])* $field: $type,)*
        }
    )*};
}

raw! {
    RawSubscribe {
        sub: String,
        #[serde(default = "Project::default_project")]
        project: Project,
        run: RunId,
        after: Option<milepost_core::Cursor>,
        from: Option<String>,
        types: Option<Vec<String>>,
        coalesce_ms: Option<u64>,
    }
    RawUnsubscribe { sub: String, }
    RawPublish<'a> {
        #[serde(rename = "ref")]
        reference: Option<String>,
        #[serde(default = "Project::default_project")]
        project: Project,
        run: RunId,
        #[serde(borrow)]
        events: &'a RawValue,
        lease: Option<String>,
    }
    RawCancel {
        #[serde(rename = "ref")]
        reference: Option<String>,
        #[serde(default = "Project::default_project")]
        project: Project,
        run: RunId,
        reason: Option<String>,
        #[serde(default = "default_grace", deserialize_with = "grace")]
        grace_seconds: u32,
    }
    RawPing {
        #[serde(rename = "ref")]
        reference: Option<String>,
    }
}

impl RawSubscribe {
    fn check(self) -> Result<Subscribe, Rejected> {
        let Self { sub, project, run, after, from, types, coalesce_ms, .. } = self;
        // There is no query here, so what is wrong is the request.
        let request = |rejected: Rejected| Rejected { code: Code::InvalidRequest, ..rejected };
        let start = Start::parse(None, from.as_deref()).map_err(request)?;
        let start = match (after, start) {
            (None, start) => start,
            (Some(cursor), Start::Snapshot) => Start::After(cursor),
            (Some(_), _) => return Err(Rejected::new(Code::InvalidRequest, "give `after` or `from`, not both")),
        };
        let types = types.map(|types| types.join(",").parse::<TypeFilter>()).transpose();
        let types = types.map_err(|error| Rejected::new(Code::InvalidRequest, error.to_string()))?;
        Ok(Subscribe { sub: named("sub", sub)?, project, run, start, types, coalesce_ms })
    }
}

impl RawPublish<'_> {
    fn check(self) -> Result<Publish, Rejected> {
        let Self { reference, project, run, events, lease, .. } = self;
        let events = parse_events(None, events.get().as_bytes(), &run)?;
        let reference = reference.map(|reference| named("ref", reference)).transpose()?;
        Ok(Publish { reference, project, run, events, lease })
    }
}

impl RawCancel {
    fn check(self) -> Result<Cancel, Rejected> {
        let Self { reference, project, run, reason, grace_seconds, .. } = self;
        at_most("grace_seconds", grace_seconds)?;
        let request = CancelRequest { reason, grace_seconds };
        let reference = reference.map(|reference| named("ref", reference)).transpose()?;
        Ok(Cancel { reference, project, run, request })
    }
}
