//! The error catalogue: every refusal that leaves Milepost has one of these codes.

/// Who can do something about a refusal, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request will be refused again.
    Never,
    /// The same request may be taken later.
    Later,
}

macro_rules! catalogue {
    ($($variant:ident $code:literal $status:literal $close:literal $retry:ident $title:literal;)*) => {
        /// A stable code of the catalogue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// The whole catalogue.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// The code as it is written; never changes.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// HTTP status (RFC 9110).
            pub fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// WebSocket close code (RFC 6455, section 7.4), where the refusal ends a socket.
            pub fn close_code(self) -> u16 {
                match self { $(Code::$variant => $close,)* }
            }

            /// Whether trying again helps.
            pub fn retry(self) -> Retry {
                match self { $(Code::$variant => Retry::$retry,)* }
            }

            /// What happened, in words that do not depend on the occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }
        }
    };
}

catalogue! {
    MalformedJson "malformed_json" 400 4400 Never "The body is not JSON.";
    InvalidRequest "invalid_request" 422 4422 Never "The request does not have the shape that this call takes.";
    InvalidId "invalid_id" 422 4422 Never "An id has 1 to 128 characters of A-Z a-z 0-9 . _ ~ : -";
    InvalidQuery "invalid_query" 400 4400 Never "A query parameter is not valid.";
    InvalidCursor "invalid_cursor" 400 4400 Never "The cursor is none: it is written EPOCH-SEQ, or SEQ.";
    InvalidHeader "invalid_header" 400 4400 Never "A header is not valid.";
    UnknownEventType "unknown_event_type" 422 4422 Never "The event type is not known; types of your own start with x.";
    InvalidEvent "invalid_event" 422 4422 Never "The event's data does not fit its type.";
    EventTypeReserved "event_type_reserved" 422 4422 Never "Only the server writes events of this type.";
    EventIdReserved "event_id_reserved" 422 4422 Never "Event ids of this form are made by the server.";
    LimitExceeded "limit_exceeded" 422 4422 Never "A documented bound is exceeded.";
    PatchFailed "patch_failed" 422 4422 Never "The patch (RFC 6902) does not apply to the current value.";
    BodyTooLarge "body_too_large" 413 4413 Never "The body is larger than this call takes.";
    UnsupportedMediaType "unsupported_media_type" 415 4415 Never "This call does not take bodies of that media type.";
    RangeNotSatisfiable "range_not_satisfiable" 416 4416 Never "The range lies outside of the artifact.";
    NotFound "not_found" 404 4404 Never "There is nothing at this address.";
    MethodNotAllowed "method_not_allowed" 405 4405 Never "This address does not take that method.";
    RunNotFound "run_not_found" 404 4404 Never "There is no such run in this project.";
    ArtifactNotFound "artifact_not_found" 404 4404 Never "The run has no such artifact, or it is not ready.";
    RunExists "run_exists" 409 4409 Never "A run of that id exists and is another one.";
    RunTerminal "run_terminal" 409 4409 Never "The run is over; nothing follows but an audit.";
    RunNotTerminal "run_not_terminal" 409 4409 Later "The run is not over yet.";
    NotARoot "not_a_root" 409 4409 Never "The run is part of another one; this call takes roots only.";
    IllegalTransition "illegal_transition" 409 4409 Never "The run is not in a state in which this can happen.";
    RunCancelling "run_cancelling" 409 4409 Never "Cancellation was asked for: only run.cancelled is accepted now.";
    ArtifactExists "artifact_exists" 409 4409 Never "The artifact is ready with other bytes; artifacts never change.";
    MessageFinal "message_final" 409 4409 Never "The message is complete.";
    LeaseLost "lease_lost" 409 4409 Never "The lease is no longer yours: another worker may have the run.";
    HeadMoved "head_moved" 412 4412 Never "The stream has moved on from the cursor in If-Match.";
    Unauthorized "unauthorized" 401 4401 Never "A token is needed.";
    Forbidden "forbidden" 403 4403 Never "The token does not grant this.";
    TooSlow "too_slow" 503 4408 Later "The reader could not keep up.";
    TooManyRequests "too_many_requests" 429 4429 Later "Too much at once; slow down.";
    TooManyConnections "too_many_connections" 503 1013 Later "The server has as many connections as it takes.";
    StoreUnavailable "store_unavailable" 503 1013 Later "The store cannot write; nothing was changed.";
    KeysUnavailable "keys_unavailable" 503 1013 Later "The keys of the issuer of the token cannot be fetched.";
    DeliveryFailed "delivery_failed" 502 4502 Later "The receiver did not take it.";
    ShuttingDown "shutting_down" 503 1001 Later "The server is going away; connect again.";
    Internal "internal" 500 1011 Later "Something is broken in the server.";
    RepositoryMissing "repository_missing" 400 4400 Never "The body names no repository.";
    RepositoryNotFound "repository_not_found" 404 4404 Never "The repository does not exist.";
    AuthenticationRequired "authentication_required" 403 4403 Never "The repository is private, or does not exist.";
    InvalidUrl "invalid_url" 422 4422 Never "The repository's URL is malformed.";
    UrlNotAllowed "url_not_allowed" 403 4403 Never "The server is not configured to read from there.";
    TooLarge "too_large" 422 4422 Never "The repository is larger than the configured limits.";
    DiskFull "disk_full" 507 1011 Later "The server has no space left.";
    TimedOut "timed_out" 504 1011 Later "It took longer than allowed.";
    Cancelled "cancelled" 409 4409 Never "It was cancelled.";
    Interrupted "interrupted" 500 1012 Later "The server restarted while it ran.";
    JobExists "job_exists" 409 4409 Never "A job of that id exists for another repository.";
    CampaignExists "campaign_exists" 409 4409 Never "A campaign of that id exists for another request.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownCode)
    }
}

/// A text that is no code of this catalogue; a newer server may have sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no code of the catalogue")]
pub struct UnknownCode;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_well_formed() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!((400..600).contains(&code.status()), "{code}");
            assert!(matches!(code.close_code(), 1000..=1015 | 4000..=4999), "{code}");
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
        }
    }
}
