//! Refusals: everything that goes wrong leaves as `application/problem+json` (RFC 9457) with a code of the catalogue.

use std::convert::Infallible;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use milepost_core::Code;
use milepost_core::problem::Retry;
use milepost_hub::HubError;
use milepost_wire::Rejected;
use milepost_wire::native::answers::CancelInfo;
use milepost_wire::native::{PROBLEM_JSON, Problem};

/// Why a request is refused. Nothing was changed, unless the server or its store broke down in the middle.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Box<(Code, Problem)>);

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::of(code, Problem::new(code, detail))
    }

    pub(crate) fn code(&self) -> Code {
        self.0.0
    }

    /// Whether it is not known that nothing happened: the server or its store went away while it did.
    pub(crate) fn may_have_happened(&self) -> bool {
        matches!(self.0.0, Code::StoreUnavailable | Code::ShuttingDown | Code::Internal)
    }

    fn of(code: Code, problem: Problem) -> Self {
        Self(Box::new((code, problem)))
    }
}

/// The refusal as it is sent.
pub(crate) fn problem_of(refusal: &Refusal) -> Problem {
    refusal.0.1.clone()
}

/// For what may be refused in another configuration, or a later version.
impl From<Infallible> for Refusal {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<HubError> for Refusal {
    fn from(error: HubError) -> Self {
        let code = error.code();
        let detail = match (&error, code) {
            // What exactly is broken is for the operator, not for whoever asks.
            (HubError::Store(cause), Code::Internal) => {
                tracing::error!(error = %cause, "the store holds something unreadable");
                "the log could not be read".to_owned()
            }
            _ => error.to_string(),
        };
        let mut problem = Problem::new(code, detail);
        match &error {
            HubError::Refused(milepost_core::Refusal::Cancelling { run, cancel }) => {
                problem.cancel = Some(CancelInfo::of(run, cancel));
            }
            HubError::HeadMoved { head } => problem.cursor = Some(*head),
            _ => {}
        }
        Self::of(code, problem)
    }
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        Self::of(rejected.code, rejected.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, problem) = *self.0;
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = [(CONTENT_TYPE, PROBLEM_JSON), (CACHE_CONTROL, "no-store")];
        // A problem is text and numbers, which are always JSON.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, headers, body).into_response();
        if code.retry() == Retry::Later {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // For whoever counts.
        response.extensions_mut().insert(code);
        response
    }
}
