//! Names in paths.

use axum::extract::{FromRequestParts, Path, RawPathParams};
use http::request::Parts;
use milepost_core::{ArtifactId, Code, Project, RunId};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::problem::Refusal;

/// `/v1/projects/{project}`.
pub(crate) struct InProject(pub(crate) Project);

/// `/v1/projects/{project}/runs/{run}`.
pub(crate) struct OfRun {
    pub(crate) project: Project,
    pub(crate) run: RunId,
}

/// `/v1/projects/{project}/runs/{run}/artifacts/{artifact}`.
pub(crate) struct OfArtifact {
    pub(crate) project: Project,
    pub(crate) run: RunId,
    pub(crate) artifact: ArtifactId,
}

impl FromRequestParts<App> for InProject {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        names(parts, app).await.map(Self)
    }
}

impl FromRequestParts<App> for OfRun {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let (project, run) = names(parts, app).await?;
        Ok(Self { project, run })
    }
}

impl FromRequestParts<App> for OfArtifact {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let (project, run, artifact) = names(parts, app).await?;
        Ok(Self { project, run, artifact })
    }
}

async fn names<T: DeserializeOwned + Send>(parts: &mut Parts, app: &App) -> Result<T, Refusal> {
    match Path::from_request_parts(parts, app).await {
        Ok(Path(names)) => Ok(names),
        Err(_) => Err(wrong_name(parts, app).await),
    }
}

/// Which name it was, and what is wrong with it.
async fn wrong_name(parts: &mut Parts, app: &App) -> Refusal {
    let Ok(params) = RawPathParams::from_request_parts(parts, app).await else {
        return Refusal::new(Code::InvalidId, "the path is not UTF-8");
    };
    let wrong = params.iter().find_map(|(name, value)| Some((name, RunId::new(value).err()?)));
    let detail =
        wrong.map_or_else(|| "an id in the path is not valid".to_owned(), |(name, why)| format!("{name}: {why}"));
    Refusal::new(Code::InvalidId, detail)
}
