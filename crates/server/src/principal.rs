//! Who asks, and what they may: the one seam that every call passes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use milepost_core::Project;

use crate::app::App;
use crate::problem::Refusal;

/// What somebody wants to do in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Create runs, publish events, upload artifacts, claim.
    Publish,
    /// Read.
    Subscribe,
    /// Ask for cancellation.
    Cancel,
    /// Delete.
    Admin,
}

/// Who asks. In this version there is no authentication, so everybody may do everything; the configuration allows that
/// only where nobody else can connect, or where the operator insisted.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    grant: Grant,
}

#[derive(Debug, Clone)]
enum Grant {
    Everything,
}

impl Principal {
    /// Who sends this request.
    pub(crate) fn of(_: &Parts) -> Self {
        Self { grant: Grant::Everything }
    }

    /// Whether they may do `action` in `project`.
    ///
    /// # Errors
    /// `unauthorized`, `forbidden`, or `not_found` for a project that they may not know of.
    #[expect(clippy::unnecessary_wraps, reason = "every caller handles the refusal that a later grant gives")]
    pub(crate) fn may(&self, _action: Action, _project: &Project) -> Result<(), Refusal> {
        match self.grant {
            Grant::Everything => Ok(()),
        }
    }

    /// What to call them in `by`; none when nobody knows.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        match self.grant {
            Grant::Everything => None,
        }
    }
}

impl FromRequestParts<App> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}
