//! Calls that are not carried out. The texts are those of ASP.NET Core: clients' tests compare them.

use crate::protocol::BindError;

#[derive(Debug)]
pub(super) enum Refusal {
    Unknown,
    Arity { given: usize, expected: usize },
    Types(BindError),
    Uploads { given: usize, expected: usize },
    Streaming,
    NotStreaming,
    InUse(String),
    TooManyStreams(usize),
}

impl Refusal {
    /// What the caller of `target` is told. A mistake of the caller in the shape of its call counts as internal.
    pub(super) fn told(&self, target: &str, detailed: bool) -> String {
        let failed = format!("Failed to invoke '{target}' due to an error on the server.");
        match self {
            Self::Unknown => format!("{failed} HubException: Method does not exist."),
            Self::Arity { given, expected } if detailed => format!(
                "{failed} InvalidDataException: Invocation provides {given} argument(s) but target expects {expected}."
            ),
            Self::Types(error) if detailed => format!(
                "{failed} InvalidDataException: Error binding arguments. Make sure that the types of the provided values \
                 match the types of the hub method being invoked. ({error})"
            ),
            Self::Arity { .. } | Self::Types(_) => failed,
            Self::Uploads { given, expected } => {
                format!("{failed} HubException: Client sent {given} stream(s), Hub method expects {expected}.")
            }
            Self::Streaming => format!(
                "The client attempted to invoke the streaming '{target}' method with a non-streaming invocation."
            ),
            Self::NotStreaming => format!(
                "The client attempted to invoke the non-streaming '{target}' method with a streaming invocation."
            ),
            Self::InUse(id) => format!("Invocation ID '{id}' is already in use."),
            Self::TooManyStreams(most) => {
                format!("{failed} HubException: A connection has at most {most} streams at a time.")
            }
        }
    }
}
