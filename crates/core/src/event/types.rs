//! The closed set of event types, and the users' own that start with `x.`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::caps;

macro_rules! event_types {
    ($($variant:ident $text:literal $doc:literal;)*) => {
        /// What an event is about.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(#[doc = $doc] $variant,)*
            /// A user's own type; starts with `x.`.
            Custom(Arc<str>),
        }

        impl EventType {
            /// Every type but the users' own.
            pub const KNOWN: &[EventType] = &[$(EventType::$variant),*];

            /// The type as it is written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(EventType::$variant => $text,)*
                    EventType::Custom(text) => text,
                }
            }
        }

        impl FromStr for EventType {
            type Err = InvalidEventType;

            fn from_str(text: &str) -> Result<Self, InvalidEventType> {
                match text {
                    $($text => Ok(EventType::$variant),)*
                    _ => custom(text),
                }
            }
        }
    };
}

event_types! {
    RunCreated "run.created" "A run exists.";
    RunStarted "run.started" "An attempt began.";
    RunProgressed "run.progressed" "Progress; the latest one wins.";
    RunWaiting "run.waiting" "It waits for something outside, a person for instance.";
    RunResumed "run.resumed" "It goes on.";
    RunStalled "run.stalled" "Its lease ran out; the server's word.";
    RunRecovered "run.recovered" "It was heard of again; the server's word.";
    RunCancelRequested "run.cancel_requested" "Somebody wants it to end; the server's word.";
    RunCompleted "run.completed" "It ended well.";
    RunFailed "run.failed" "It ended badly.";
    RunCancelled "run.cancelled" "It was cancelled.";
    RunAuditStarted "run.audit_started" "An audit of it began.";
    RunAudited "run.audited" "Its audit ended.";
    ArtifactPending "artifact.pending" "An artifact is announced.";
    ArtifactAppended "artifact.appended" "A part of an artifact is there.";
    ArtifactReady "artifact.ready" "An artifact is complete.";
    ArtifactFailed "artifact.failed" "An artifact will not come.";
    MessageAppended "message.appended" "A message grew.";
    StateUpdated "state.updated" "A value of the run changed.";
}

/// A text that is no event type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event type; types of your own start with `x.`")]
pub struct InvalidEventType(pub String);

fn custom(text: &str) -> Result<EventType, InvalidEventType> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let named = text.strip_prefix("x.").is_some_and(|rest| !rest.is_empty());
    if named && text.len() <= caps::NAME_LEN && text.chars().all(allowed) {
        return Ok(EventType::Custom(text.into()));
    }
    Err(InvalidEventType(text.chars().take(caps::NAME_LEN).collect()))
}

impl EventType {
    /// Whether only the server writes this type.
    pub fn is_reserved(&self) -> bool {
        matches!(self, Self::RunStalled | Self::RunRecovered | Self::RunCancelRequested)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        for known in EventType::KNOWN {
            assert_eq!(known.as_str().parse().as_ref(), Ok(known));
        }
        assert_eq!("x.my-type".parse(), Ok(EventType::Custom("x.my-type".into())));
    }

    #[test]
    fn other_types_are_refused() {
        for text in ["", "x.", "x", "run.exploded", "Run.started", "x.a b", "x.\n"] {
            assert!(text.parse::<EventType>().is_err(), "{text:?}");
        }
    }
}
