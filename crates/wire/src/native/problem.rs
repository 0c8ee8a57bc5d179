//! Refusals as RFC 9457 problem details.

use milepost_core::{Code, Cursor};
use serde::{Deserialize, Serialize};

use super::answers::CancelInfo;
use crate::rejected::Rejected;

/// The media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal as it is sent. `code` is what programs look at; it never changes its meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:milepost:problem:` and the code.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// What happened, in words that do not depend on the occurrence.
    pub title: String,
    /// The HTTP status, also where it does not travel by HTTP.
    pub status: u16,
    /// What happened this time, for people.
    pub detail: String,
    /// The code of the catalogue. Text, because a newer server may have codes that its client does not know.
    pub code: String,
    /// The open cancel request, with `run_cancelling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelInfo>,
    /// Where the stream stands, with `head_moved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub cursor: Option<Cursor>,
    /// Which event of a batch it is about, from 0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
}

impl Problem {
    /// The problem of `code`, with what happened this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            problem_type: format!("urn:milepost:problem:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code: code.as_str().to_owned(),
            cancel: None,
            cursor: None,
            index: None,
        }
    }

    /// The code, if this version knows it.
    pub fn known_code(&self) -> Option<Code> {
        self.code.parse().ok()
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        Self { index: rejected.index, ..Self::new(rejected.code, rejected.detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_like_rfc_9457() {
        let rejected = Rejected::new(Code::InvalidEvent, "`current` is a number").at(2);
        insta::assert_json_snapshot!(Problem::from(rejected));
    }

    #[test]
    fn codes_and_members_of_newer_servers_are_read() {
        let text = r#"{"type":"about:blank","title":"t","status":499,"detail":"d","code":"new_one","extra":[1]}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!((problem.status, problem.known_code()), (499, None));
    }
}
