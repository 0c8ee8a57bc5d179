//! Who looks after campaigns: makes their jobs, does them unless somebody else is to, ends them, and has them audited.
//!
//! All that is known of a campaign is in its log. So after a restart the keeper goes on where the former one stood: what is missing is
//! made, jobs that were at work are begun again as another attempt, and an audit that was begun is finished.

mod campaign;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use milepost_core::event::{ErrorInfo, RunCreated, RunFailed};
use milepost_core::{Body, Code, Draft, Json, Kind, Project, RunId};
use milepost_hub::{Hub, HubError, NewRun, Publish};
use milepost_jobs::campaign::{Brief, Chat, JobType, KIND, Settings, job_id};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::request::{Kept, Request};
use super::views::Views;
use crate::app::App;
use crate::config::Config;
use crate::problem::Refusal;
use campaign::Campaign;

/// Campaigns that this server works on at the same time. Drawing takes a core; the others wait, their jobs queued.
const AT_ONCE: usize = 4;

/// Campaigns that are looked after. Each costs a task and holds its stream in the memory; beyond that a start is refused.
const KEPT: usize = 10_000;

/// The campaigns of this server.
pub(crate) struct Campaigns {
    settings: Settings,
    views: Views,
    slots: Arc<Semaphore>,
    kept: Arc<Mutex<HashSet<(Project, RunId)>>>,
    tasks: TaskTracker,
}

impl Campaigns {
    /// Nothing is asked of the chat endpoint yet.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let chat = config.llm.as_ref().map(|llm| Chat::new(llm.chat())).transpose()?;
        Ok(Self {
            settings: Settings { chat },
            views: Views::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            kept: Arc::default(),
            tasks: TaskTracker::new(),
        })
    }

    pub(super) fn views(&self) -> &Views {
        &self.views
    }

    /// Takes up the campaigns that were begun before the server was stopped. To be called once, before serving.
    pub(crate) async fn recover(&self, app: &App) -> Result<(), HubError> {
        for (project, campaign) in app.hub().unfinished(&kind(KIND)).await? {
            let shown = match app.hub().snapshot(&project, &campaign).await {
                Ok(shown) => shown,
                // One stream that cannot be read must not keep the server from starting.
                Err(error) => {
                    tracing::error!(%project, %campaign, %error, "a campaign cannot be taken up");
                    continue;
                }
            };
            let root = shown.snapshot().runs.first();
            if let Some(kept) = root.and_then(|root| Kept::of(root.metadata.as_ref())) {
                tracing::info!(%project, %campaign, "a campaign goes on");
                self.keep(app, &project, &campaign, kept);
            }
        }
        Ok(())
    }

    /// Waits until nobody looks after anything any more. They stop by themselves when the server shuts down.
    pub(crate) async fn stop(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Begins a campaign, or finds it there.
    pub(super) async fn begin(&self, app: &App, request: &Request) -> Result<(), Refusal> {
        let Request { project, campaign, brief, worker } = request;
        if self.lock().len() >= KEPT {
            return Err(Refusal::new(Code::TooManyRequests, format!("{KEPT} campaigns are open already")));
        }
        let metadata = request.metadata()?;
        let created = app.hub().create(project, root(campaign, brief, metadata.clone())).await?;
        let shown = app.hub().snapshot(project, campaign).await?;
        let known = shown.snapshot().runs.first();
        if created.existed && known.and_then(|root| root.metadata.as_ref()) != Some(&metadata) {
            return Err(Refusal::new(
                Code::CampaignExists,
                format!("the campaign `{campaign}` is for another request"),
            ));
        }
        if known.is_none_or(|root| root.state.is_terminal()) {
            return Ok(());
        }
        make_jobs(app.hub(), project, campaign, brief).await?;
        self.keep(app, project, campaign, Kept { worker: *worker, brief: brief.clone() });
        Ok(())
    }

    /// Looks after a campaign, unless that is done already.
    fn keep(&self, app: &App, project: &Project, campaign: &RunId, kept: Kept) {
        let key = (project.clone(), campaign.clone());
        if !self.lock().insert(key.clone()) {
            return;
        }
        let (all, app) = (self.kept.clone(), app.clone());
        let (settings, slots) = (self.settings.clone(), self.slots.clone());
        self.tasks.spawn(async move {
            let (project, campaign) = &key;
            let shutdown = app.shutdown().clone();
            let campaign = Campaign::new(&app, project, campaign, kept, settings, slots);
            shutdown.run_until_cancelled(campaign.keep()).await;
            all.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<(Project, RunId)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the jobs of a campaign that are not there. Each is made once, however often this is asked for.
async fn make_jobs(hub: &Hub, project: &Project, campaign: &RunId, brief: &Brief) -> Result<(), HubError> {
    for job in brief.jobs() {
        let made = hub.create(project, job_of(campaign, brief, *job)).await;
        if let Err(error @ HubError::RunExists(_)) = made {
            // Another tree has a run of that name, so this campaign can never be made.
            give_up(hub, project, campaign, &error).await?;
            return Err(error);
        }
        made?;
    }
    Ok(())
}

async fn give_up(hub: &Hub, project: &Project, campaign: &RunId, error: &HubError) -> Result<(), HubError> {
    let error = ErrorInfo { code: error.code().as_str().to_owned(), message: error.to_string(), details: None };
    let body = Body::RunFailed(RunFailed { error: Some(error) });
    let drafts = vec![Draft { run: campaign.clone(), id: None, time: None, body }];
    hub.publish(project, campaign, Publish { drafts, ..Publish::default() }).await.map(drop)
}

fn root(campaign: &RunId, brief: &Brief, metadata: Json) -> NewRun {
    let words: Vec<&str> = brief.objective.split_whitespace().collect();
    let created = RunCreated {
        kind: kind(KIND),
        name: Some(words.join(" ").chars().take(milepost_core::caps::LABEL_CHARS).collect()),
        parent: None,
        weight: None,
        metadata: Some(metadata),
        expected_children: u32::try_from(brief.jobs().len()).ok(),
        lease_seconds: None,
    };
    NewRun { run: campaign.clone(), created, started: true, lease: None }
}

fn job_of(campaign: &RunId, brief: &Brief, job: JobType) -> NewRun {
    let created = RunCreated {
        kind: kind(job.as_str()),
        name: Some(job.as_str().to_owned()),
        parent: Some(campaign.clone()),
        weight: None,
        metadata: None,
        expected_children: Some(brief.parts(job)),
        lease_seconds: None,
    };
    NewRun { run: job_id(campaign, job), created, started: false, lease: None }
}

fn kind(word: &str) -> Kind {
    Kind::new(word).unwrap_or_else(|_| unreachable!("{word} is a valid name"))
}
