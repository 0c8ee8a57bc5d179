//! What somebody wants generated.

use milepost_core::{Code, Json, Project, RunId};
use milepost_jobs::campaign::Brief;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Refusal;

const POSTS: u32 = 6;

/// The body of `POST /api/v1/content/generate-with-progress`, read as JSON whatever its `Content-Type` says: plain `curl -d` sends a
/// form type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) project: Project,
    pub(super) campaign: RunId,
    pub(super) brief: Brief,
    pub(super) worker: Worker,
}

/// Who does the jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Worker {
    /// This server.
    #[default]
    #[serde(alias = "built-in")]
    BuiltIn,
    /// Whoever claims them, or reports about them.
    External,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    campaign_id: Option<String>,
    project: Option<String>,
    business_description: Option<String>,
    objective: Option<String>,
    post_count: Option<i64>,
    generate_visuals: Option<bool>,
    worker: Option<Worker>,
}

impl Request {
    /// Reads it. The project of the body beats `project`, that of the query.
    pub(super) fn parse(body: &[u8], project: Option<Project>) -> Result<Self, Refusal> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| Refusal::new(Code::MalformedJson, error.to_string()))?;
        if !value.is_object() {
            return Err(Refusal::new(Code::InvalidRequest, "the body is an object"));
        }
        let body: Body =
            serde_json::from_value(value).map_err(|error| Refusal::new(Code::InvalidRequest, error.to_string()))?;
        let invalid = |error: milepost_core::InvalidName| Refusal::new(Code::InvalidId, error.to_string());
        let named = body.project.map(|name| Project::new(&name)).transpose().map_err(invalid)?;
        let campaign = body.campaign_id.map(|id| RunId::new(&id)).transpose().map_err(invalid)?;
        let missing = |member| Refusal::new(Code::InvalidRequest, format!("`{member}` is missing"));
        let brief = Brief {
            business_description: body.business_description.ok_or_else(|| missing("business_description"))?,
            objective: body.objective.ok_or_else(|| missing("objective"))?,
            // What is no such number at all is out of its range, too.
            post_count: body.post_count.map_or(POSTS, |count| u32::try_from(count).unwrap_or(u32::MAX)),
            generate_visuals: body.generate_visuals.unwrap_or(true),
        };
        brief.check().map_err(|error| Refusal::new(Code::InvalidRequest, error.to_string()))?;
        Ok(Self {
            project: named.or(project).unwrap_or_else(Project::default_project),
            campaign: campaign.unwrap_or_else(new_id),
            brief,
            worker: body.worker.unwrap_or_default(),
        })
    }

    /// What the campaign's run remembers. The same for the same request.
    pub(super) fn metadata(&self) -> Result<Json, Refusal> {
        let kept = Kept { worker: self.worker, brief: self.brief.clone() };
        let kept = serde_json::to_value(kept).map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
        Ok(Json::from(&kept))
    }
}

/// The metadata of a campaign that was begun here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) worker: Worker,
    #[serde(flatten)]
    pub(super) brief: Brief,
}

impl Kept {
    /// What the metadata of a run say; none where it was begun otherwise: then whoever did so looks after it. Anybody who may publish
    /// can write metadata like these, so the bounds of a request hold here too.
    pub(super) fn of(metadata: Option<&Json>) -> Option<Self> {
        serde_json::from_str(metadata?.get()).ok().filter(|kept: &Self| kept.brief.check().is_ok())
    }
}

fn new_id() -> RunId {
    let id = format!("campaign-{}", uuid::Uuid::now_v7());
    RunId::new(&id).unwrap_or_else(|_| unreachable!("a UUID is made of letters, digits and hyphens"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Request, (Code, String)> {
        Request::parse(body.as_bytes(), None).map_err(|refusal| {
            let problem = crate::problem::problem_of(&refusal);
            (problem.known_code().unwrap_or(Code::Internal), problem.detail)
        })
    }

    #[test]
    fn what_is_absent_has_a_default() {
        let request = parse(r#"{"business_description":"A bakery","objective":"More guests"}"#).unwrap();
        assert!(request.campaign.as_str().starts_with("campaign-"));
        assert_eq!(
            (request.brief.post_count, request.brief.generate_visuals, request.worker),
            (6, true, Worker::BuiltIn)
        );
        assert_eq!(request.project, Project::default_project());
        let metadata = request.metadata().unwrap();
        let kept = Kept::of(Some(&metadata)).unwrap();
        assert_eq!((kept.brief, kept.worker), (request.brief, Worker::BuiltIn));
    }

    #[test]
    fn metadata_that_no_request_could_have_written_are_nobodys() {
        let metadata = |posts: &str| {
            let text = format!(
                r#"{{"worker":"builtin","business_description":"b","objective":"o","post_count":{posts},"generate_visuals":true}}"#
            );
            Json::from(&serde_json::from_str::<Value>(&text).unwrap())
        };
        assert!(Kept::of(Some(&metadata("3"))).is_some());
        for posts in ["0", "4000000000"] {
            assert_eq!(Kept::of(Some(&metadata(posts))), None, "{posts}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let cases = [
            ("", Code::MalformedJson),
            ("business=x", Code::MalformedJson),
            ("[]", Code::InvalidRequest),
            ("{}", Code::InvalidRequest),
            (r#"{"business_description":"b"}"#, Code::InvalidRequest),
            (r#"{"business_description":"","objective":"o"}"#, Code::InvalidRequest),
            (r#"{"business_description":7,"objective":"o"}"#, Code::InvalidRequest),
            (r#"{"business_description":"b","objective":"o","post_count":0}"#, Code::InvalidRequest),
            (r#"{"business_description":"b","objective":"o","post_count":-1}"#, Code::InvalidRequest),
            (r#"{"business_description":"b","objective":"o","post_count":1000}"#, Code::InvalidRequest),
            (r#"{"business_description":"b","objective":"o","worker":"nobody"}"#, Code::InvalidRequest),
            (r#"{"business_description":"b","objective":"o","posts":3}"#, Code::InvalidRequest),
            (r#"{"business_description":"b","objective":"o","campaign_id":"a b"}"#, Code::InvalidId),
            (r#"{"business_description":"b","objective":"o","project":"a/b"}"#, Code::InvalidId),
        ];
        for (body, expect) in cases {
            let refused = parse(body).unwrap_err();
            assert_eq!(refused.0, expect, "{body}: {}", refused.1);
        }
    }
}
