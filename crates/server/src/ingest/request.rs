//! What somebody wants ingested.

use milepost_core::{Code, Project, RunId};
use milepost_jobs::ingest::{Branch, IngestError, Limits, Plan, Policy, Source};
use serde::Deserialize;
use serde_json::Value;

use crate::config::Ingest as Settings;
use crate::problem::Refusal;

/// The longest id of a job: those of its stages are longer by a suffix.
const JOB_ID_LEN: usize = 116;

/// The body of `POST /api/v1/ingest/github`, read as JSON whatever its `Content-Type` says: plain `curl -d` sends a form type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// As it was given; only [`plan`](Self::plan) says whether it is one.
    pub(super) repository: String,
    pub(super) branch: Option<String>,
    pub(super) project: Project,
    pub(super) job_id: Option<RunId>,
    pub(super) worker: Worker,
}

/// Who is to do it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Worker {
    /// This server.
    #[default]
    BuiltIn,
    /// Whoever claims it.
    External,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    worker: Worker,
    repository: Option<String>,
    branch: Option<String>,
    project: Option<String>,
    job_id: Option<String>,
}

impl Request {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| Refusal::new(Code::MalformedJson, error.to_string()))?;
        let named =
            value.get("repository").is_some_and(|repository| repository.as_str().is_some_and(|text| !text.is_empty()));
        if !named {
            return Err(Refusal::new(Code::RepositoryMissing, r#"send {"repository": "https://…"}"#));
        }
        let body: Body =
            serde_json::from_value(value).map_err(|error| Refusal::new(Code::InvalidRequest, error.to_string()))?;
        let invalid = |error: milepost_core::InvalidName| Refusal::new(Code::InvalidId, error.to_string());
        let job_id = body.job_id.map(|id| RunId::new(&id)).transpose().map_err(invalid)?;
        if job_id.as_ref().is_some_and(|id| id.as_str().len() > JOB_ID_LEN) {
            return Err(Refusal::new(Code::InvalidId, format!("a `job_id` has at most {JOB_ID_LEN} characters")));
        }
        let project = body.project.map(|name| Project::new(&name)).transpose().map_err(invalid)?;
        Ok(Self {
            repository: body.repository.unwrap_or_default(),
            branch: body.branch,
            project: project.unwrap_or_else(Project::default_project),
            job_id,
            worker: body.worker,
        })
    }

    /// The plan, if the settings allow it.
    pub(super) fn plan(&self, settings: &Settings) -> Result<Plan, IngestError> {
        let policy = Policy { allow_local: settings.allow_local, allow_private: settings.allow_private };
        let default = Limits::default();
        let limits = Limits {
            max_bytes: settings.max_bytes.unwrap_or(default.max_bytes),
            max_files: settings.max_files.unwrap_or(default.max_files),
            timeout: settings.timeout.unwrap_or(default.timeout),
        };
        let source = Source::parse(&self.repository, policy)?;
        let branch = self.branch.as_deref().map(Branch::parse).transpose()?;
        Ok(Plan { source, branch, limits })
    }
}
