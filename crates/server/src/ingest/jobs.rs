//! The built-in worker of ingest jobs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;
use milepost_client::Client;
use milepost_core::event::{ErrorInfo, RunCreated, RunFailed};
use milepost_core::{ArtifactId, Body, Code, Draft, Json, Kind, Project, RunId, Snapshot};
use milepost_hub::{Hub, HubError, NewRun, Publish};
use milepost_jobs::ingest::Plan;
use milepost_jobs::ingest::job;
use milepost_jobs::ingest::search::{Answer, Index};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::INDEX;
use super::indices::Indices;
use crate::app::App;
use crate::local::LocalTransport;
use crate::problem::Refusal;

pub(super) use job::KIND;

/// Jobs that work at the same time; the others wait in their first stage. Each may use a core and some hundred MiB.
const AT_ONCE: usize = 2;

/// Jobs that may wait. Beyond that a start is refused, so that a caller in a loop does not fill the memory.
const WAITING: usize = 1_000;

/// The file in a job's work directory that says whose it is. While it is there the job is not over: after a crash
/// the next start of the server finds it, and says that the job was interrupted.
const MARK: &str = "job.json";

/// The jobs that this server works on, and the indices that they left.
pub(crate) struct Jobs {
    work: PathBuf,
    indices: Arc<Indices>,
    slots: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// The jobs that run. When the server stops they end before the hub does, so that they can say how.
    tasks: TaskTracker,
}

/// Whether a start began a job, or found it there.
pub(super) enum Begun {
    Anew,
    Before,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    project: Project,
    job: RunId,
}

impl Jobs {
    /// Works below `data_dir`.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self {
            work: data_dir.join("work"),
            indices: Arc::new(Indices::new(data_dir.join("cache").join("indices"))),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(WAITING)),
            tasks: TaskTracker::new(),
        }
    }

    /// Ends the jobs that a crash of the server interrupted. To be called once, before serving.
    pub(crate) async fn recover(&self, hub: &Hub) -> std::io::Result<()> {
        self.indices.clear()?;
        if !self.work.exists() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.work)? {
            let directory = entry?.path();
            let mark =
                std::fs::read(directory.join(MARK)).ok().and_then(|text| serde_json::from_slice::<Mark>(&text).ok());
            if let Some(Mark { project, job }) = mark {
                interrupt(hub, &project, &job).await;
            }
            std::fs::remove_dir_all(&directory)?;
        }
        Ok(())
    }

    /// Lets go of the unpacked index of a job that was deleted.
    pub(crate) fn forget(&self, deleted: &Snapshot) {
        for artifact in deleted.artifacts.iter().filter(|artifact| artifact.artifact.as_str() == INDEX) {
            if let Some(sha256) = &artifact.sha256 {
                self.indices.forget(sha256);
            }
        }
    }

    /// Waits until all jobs have ended. They end by themselves when the server shuts down.
    pub(crate) async fn stop(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Creates the run of a job and leaves it to whoever claims it.
    pub(super) async fn queue(&self, app: &App, project: &Project, job: &RunId, plan: Plan) -> Result<Begun, Refusal> {
        let created = app.hub().create(project, NewRun { started: false, ..run_of(job, &plan) }).await;
        match created {
            Ok(created) if !created.existed => Ok(Begun::Anew),
            created => self.join(app.hub(), project, job, &plan, created).await,
        }
    }

    /// Creates the run of a job and sets a worker of this server to it.
    pub(super) async fn begin(&self, app: &App, project: &Project, job: &RunId, plan: Plan) -> Result<Begun, Refusal> {
        let too_many = || Refusal::new(Code::TooManyRequests, format!("{WAITING} jobs are waiting already"));
        let place = self.places.clone().try_acquire_owned().map_err(|_| too_many())?;
        let directory = self.mark(project, job).map_err(|error| cannot_work(&error))?;
        let created = app.hub().create(project, run_of(job, &plan)).await;
        if !matches!(&created, Ok(created) if !created.existed) {
            return self.join(app.hub(), project, job, &plan, created).await;
        }
        let (client, slots, shutdown) = (client(app, project), self.slots.clone(), app.shutdown().clone());
        let (hub, project, job) = (app.hub().clone(), project.clone(), job.clone());
        self.tasks.spawn(async move {
            let _place = place;
            let work = async {
                // The semaphore is never closed.
                let _slot = slots.acquire().await;
                job::run(&client, &job, plan, directory.path()).await;
            };
            tokio::select! {
                () = work => {}
                () = shutdown.cancelled() => interrupt(&hub, &project, &job).await,
            }
        });
        Ok(Begun::Anew)
    }

    /// The job is there already: for the same repository the caller joins it.
    async fn join(
        &self,
        hub: &Hub,
        project: &Project,
        job: &RunId,
        plan: &Plan,
        created: Result<milepost_hub::Created, HubError>,
    ) -> Result<Begun, Refusal> {
        created?;
        let shown = hub.snapshot(project, job).await?;
        let known = shown.snapshot().runs.first().and_then(|run| run.metadata.clone());
        if known.is_some_and(|known| known == metadata(plan)) {
            return Ok(Begun::Before);
        }
        Err(Refusal::new(Code::JobExists, format!("the job `{job}` is for another repository or branch")))
    }

    /// Makes a work directory that says whose it is. It is deleted when it is dropped.
    fn mark(&self, project: &Project, job: &RunId) -> std::io::Result<tempfile::TempDir> {
        std::fs::create_dir_all(&self.work)?;
        let directory = tempfile::Builder::new().prefix("ingest-").tempdir_in(&self.work)?;
        let mark = serde_json::to_vec(&Mark { project: project.clone(), job: job.clone() })?;
        std::fs::write(directory.path().join(MARK), mark)?;
        Ok(directory)
    }

    /// Searches the index that `job` left.
    pub(super) async fn search(
        &self,
        app: &App,
        project: &Project,
        job: &RunId,
        sha256: &str,
        question: String,
        limit: usize,
    ) -> Result<Answer, Refusal> {
        let index = match self.indices.get(sha256) {
            Some(index) => index,
            None => self.open(app, project, job, sha256).await?,
        };
        let found = tokio::task::spawn_blocking(move || index.search(&question, limit)).await;
        found.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))
    }

    async fn open(&self, app: &App, project: &Project, job: &RunId, sha256: &str) -> Result<Arc<Index>, Refusal> {
        let artifact = ArtifactId::new(INDEX).map_err(|error| unreadable(&error))?;
        let client = client(app, project);
        let mut bytes =
            client.transport().get_artifact(job, &artifact).await.map_err(|error| unreadable(&error))?.bytes;
        let archive = self.indices.archive(sha256).map_err(|error| cannot_work(&error))?;
        let mut file = tokio::fs::File::from_std(archive.reopen().map_err(|error| cannot_work(&error))?);
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|error| unreadable(&error))?;
            file.write_all(&piece).await.map_err(|error| cannot_work(&error))?;
        }
        file.flush().await.map_err(|error| cannot_work(&error))?;
        let (indices, sha256) = (self.indices.clone(), sha256.to_owned());
        let opened = tokio::task::spawn_blocking(move || indices.open(&sha256, archive.path())).await;
        opened.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))
    }
}

/// An id for a job whose caller gave none.
pub(super) fn new_id() -> RunId {
    let id = format!("ingest-{}", uuid::Uuid::now_v7());
    RunId::new(&id).unwrap_or_else(|_| unreachable!("a UUID is made of letters, digits and hyphens"))
}

/// A client of this server, for the jobs that it runs itself.
pub(crate) fn client(app: &App, project: &Project) -> Client {
    let router = crate::app::router(app.clone());
    Client::new(Arc::new(LocalTransport::new(router, project.clone())))
}

fn run_of(job: &RunId, plan: &Plan) -> NewRun {
    let kind = Kind::new(KIND).unwrap_or_else(|_| unreachable!("it is a valid name"));
    let created = RunCreated {
        kind,
        name: Some(plan.source.to_string().chars().take(milepost_core::caps::LABEL_CHARS).collect()),
        parent: None,
        weight: None,
        metadata: Some(metadata(plan)),
        expected_children: Some(job::STAGES),
        lease_seconds: None,
    };
    NewRun { run: job.clone(), created, started: true, lease: None }
}

fn metadata(plan: &Plan) -> Json {
    let branch = plan.branch.as_ref().map(|branch| branch.as_str());
    Json::from(&serde_json::json!({"repository": plan.source.to_string(), "branch": branch}))
}

async fn interrupt(hub: &Hub, project: &Project, job: &RunId) {
    let message = "the server was stopped while the job ran; start it again under another id".to_owned();
    let error = ErrorInfo { code: Code::Interrupted.as_str().to_owned(), message, details: None };
    let body = Body::RunFailed(RunFailed { error: Some(error) });
    let draft = Draft { run: job.clone(), id: None, time: None, body };
    let publish = Publish { drafts: vec![draft], ..Publish::default() };
    match hub.publish(project, job, publish).await {
        Ok(_) => tracing::info!(%project, %job, "an interrupted job was marked failed"),
        // It was over, or being cancelled: then that is how it ends.
        Err(error) => tracing::debug!(%project, %job, %error, "an interrupted job ended otherwise"),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(%error, "an index cannot be read");
    Refusal::new(Code::Internal, "the index of the job cannot be read")
}

fn cannot_work(error: &std::io::Error) -> Refusal {
    tracing::error!(%error, "the work directory cannot be used");
    let full = error.kind() == std::io::ErrorKind::StorageFull;
    Refusal::new(if full { Code::DiskFull } else { Code::Internal }, "the server has no place to work")
}
