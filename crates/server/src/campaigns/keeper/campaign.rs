//! One campaign that is looked after.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use milepost_client::{Client, ClientError, Follower, RunHandle, Update};
use milepost_core::event::{AuditStarted, Audited, RunStarted};
use milepost_core::run::{AuditState, RunState};
use milepost_core::{Body, Code, Json, Project, Run, RunId, Tree};
use milepost_jobs::campaign::{Settings, audit, run_job};
use milepost_wire::Start;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::make_jobs;
use crate::app::App;
use crate::campaigns::outcome;
use crate::campaigns::request::{Kept, Worker};

/// The pause after something failed that may pass, a store that cannot write for instance.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Campaign {
    app: App,
    project: Project,
    campaign: RunId,
    kept: Kept,
    settings: Settings,
    slots: Arc<Semaphore>,
}

/// What there is to do, as the log stands.
enum Step {
    /// Nothing, until something happens.
    Wait,
    /// Somebody asked for the campaign's cancellation, and nobody works on it any more.
    Acknowledge,
    /// Every job is over.
    Finish,
    /// An audit was begun.
    Audit,
    /// Nothing more.
    Over,
}

/// The jobs that this server does.
#[derive(Default)]
struct Workers {
    tasks: JoinSet<()>,
    begun: HashSet<RunId>,
}

impl Campaign {
    pub(super) fn new(
        app: &App,
        project: &Project,
        campaign: &RunId,
        kept: Kept,
        settings: Settings,
        slots: Arc<Semaphore>,
    ) -> Self {
        Self { app: app.clone(), project: project.clone(), campaign: campaign.clone(), kept, settings, slots }
    }

    /// Looks after the campaign until it is over and audited.
    pub(super) async fn keep(&self) {
        while let Err(error) = self.try_to_keep().await {
            if matches!(error.code(), Some(Code::RunNotFound | Code::RunExists)) {
                tracing::debug!(campaign = %self.campaign, %error, "a campaign was deleted, or could not be made");
                return;
            }
            tracing::warn!(project = %self.project, campaign = %self.campaign, %error, "a campaign is looked after again in a moment");
            sleep(PAUSE).await;
        }
    }

    async fn try_to_keep(&self) -> Result<(), ClientError> {
        let client = crate::ingest::client(&self.app, &self.project);
        let root = client.attach(&self.campaign, &self.campaign);
        let mut follower = client.follow(&self.campaign, Start::Snapshot);
        // Dropped, and with it all that works, when anything goes wrong here.
        let mut workers = Workers::default();
        let mut slot = None;
        let mut next_slot = std::pin::pin!(self.slots.clone().acquire_owned());
        self.make_jobs().await?;
        loop {
            let wants_slot = match follower.tree() {
                Some(tree) => {
                    match self.step(tree, &workers) {
                        Step::Wait => {}
                        Step::Acknowledge => drop(root.cancelled().await),
                        Step::Finish => self.finish(&root, tree).await?,
                        Step::Audit => self.audit(&client, &root).await?,
                        Step::Over => return Ok(()),
                    }
                    let waiting = self.startable(tree, &workers);
                    if slot.is_some() && !waiting.is_empty() {
                        self.begin(&client, &waiting, &mut workers).await?;
                    }
                    slot.is_none() && !waiting.is_empty()
                }
                None => false,
            };
            tokio::select! {
                update = follower.next() => if !seen(update)? { return Ok(()) },
                permit = &mut next_slot, if wants_slot => slot = permit.ok(),
                Some(_) = workers.tasks.join_next() => {}
            }
            // What is there already is one state, not many.
            catch_up(&mut follower).await?;
        }
    }

    async fn make_jobs(&self) -> Result<(), ClientError> {
        let made = make_jobs(self.app.hub(), &self.project, &self.campaign, &self.kept.brief).await;
        match made {
            Ok(()) => Ok(()),
            // It is over, or about to be: then it needs no jobs.
            Err(error) if matches!(error.code(), Code::RunTerminal | Code::RunCancelling) => Ok(()),
            Err(error) => Err(ClientError::refused(error.code(), error.to_string())),
        }
    }

    fn step(&self, tree: &Tree, workers: &Workers) -> Step {
        let Some(root) = tree.root() else { return Step::Wait };
        if root.state.is_terminal() {
            return if root.audit == AuditState::InProgress { Step::Audit } else { Step::Over };
        }
        if root.cancel.is_some() {
            // Whoever else works on a job says so itself; when nobody does, there is nothing to wait for.
            let at_work = |job: &Run| {
                matches!(job.state, RunState::Running | RunState::Waiting) && !workers.begun.contains(&job.id)
            };
            let others = self.kept.worker == Worker::External && outcome::jobs(tree).any(at_work);
            return if workers.tasks.is_empty() && !others { Step::Acknowledge } else { Step::Wait };
        }
        let jobs = outcome::jobs(tree).count();
        let all_there = jobs >= root.expected_children as usize && jobs > 0;
        if all_there && outcome::jobs(tree).all(|job| job.state.is_terminal()) { Step::Finish } else { Step::Wait }
    }

    /// The jobs that this server is to begin, or to begin again.
    fn startable(&self, tree: &Tree, workers: &Workers) -> Vec<Arc<Run>> {
        if self.kept.worker == Worker::External {
            return Vec::new();
        }
        let ours = |job: &Run| match job.state {
            RunState::Queued => true,
            // At work when the server was stopped: it was ours unless somebody had claimed it.
            RunState::Running | RunState::Waiting => !job.claimed || job.stalled,
            _ => false,
        };
        let jobs = tree.runs().iter().filter(|run| outcome::jobs(tree).any(|job| job.id == run.id));
        let free =
            |job: &&Arc<Run>| ours(job) && !workers.begun.contains(&job.id) && tree.cancelling(&job.id).is_none();
        jobs.filter(free).cloned().collect()
    }

    async fn begin(&self, client: &Client, jobs: &[Arc<Run>], workers: &mut Workers) -> Result<(), ClientError> {
        for job in jobs {
            let handle = client.attach(&job.id, &self.campaign);
            // With its number it can begin only once, whoever else wants to.
            let started = RunStarted { attempt: Some(job.attempt.saturating_add(1)), lease_seconds: None };
            match handle.commit(&[Body::RunStarted(started)]).await {
                Ok(_) => {
                    let (client, settings) = (client.clone(), self.settings.clone());
                    workers.tasks.spawn(async move { run_job(&client, &handle, &settings).await });
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => tracing::debug!(job = %job.id, %error, "a job is begun by others"),
            }
            workers.begun.insert(job.id.clone());
        }
        Ok(())
    }

    async fn finish(&self, root: &RunHandle, tree: &Tree) -> Result<(), ClientError> {
        let end = outcome::end(tree);
        let audited = !matches!(end, Body::RunCancelled(_));
        let bodies = [Some(end), audited.then_some(Body::RunAuditStarted(AuditStarted {}))];
        let bodies: Vec<Body> = bodies.into_iter().flatten().collect();
        match root.commit(&bodies).await {
            // Somebody else ended it, or asked for its cancellation: the next look at the log says so.
            Err(error) if error.is_transient() => Err(error),
            _ => Ok(()),
        }
    }

    async fn audit(&self, client: &Client, root: &RunHandle) -> Result<(), ClientError> {
        let notes = audit(client, &self.campaign).await?;
        let verdict = Some(notes.verdict().to_owned());
        let notes = serde_json::to_value(&notes).ok().map(|notes| Json::from(&notes));
        match root.commit(&[Body::RunAudited(Audited { verdict, notes })]).await {
            Err(error) if error.is_transient() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Takes what the follower has at hand.
async fn catch_up(follower: &mut Follower) -> Result<(), ClientError> {
    while let Ok(update) = tokio::time::timeout(Duration::ZERO, follower.next()).await {
        if !seen(update)? {
            return Ok(());
        }
    }
    Ok(())
}

/// False when there is no more to see.
fn seen(update: Option<Result<Update, ClientError>>) -> Result<bool, ClientError> {
    match update {
        Some(Ok(Update::End)) | None => Ok(false),
        Some(Ok(_)) => Ok(true),
        Some(Err(error)) => Err(error),
    }
}
