//! The progress of campaigns, rendered once for all who watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use milepost_core::{Project, RunId};
use milepost_hub::{Hub, HubError};
use milepost_wire::dialects::content::{self, Progress};

/// The campaigns that somebody watches.
#[derive(Default)]
pub(crate) struct Views(Mutex<HashMap<(Project, RunId), Weak<View>>>);

/// One campaign as it is shown.
pub(super) struct View {
    pub(super) project: Project,
    pub(super) campaign: RunId,
    latest: Mutex<Option<Arc<Rendered>>>,
}

/// The campaign as it stood at one sequence.
pub(super) struct Rendered {
    pub(super) seq: u64,
    pub(super) frame: Bytes,
    /// Whether every job is over.
    pub(super) over: bool,
    progress: Progress,
}

impl Views {
    /// The view of a campaign, shared by all who watch it.
    pub(super) fn of(&self, project: &Project, campaign: &RunId) -> Arc<View> {
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (project.clone(), campaign.clone());
        if let Some(view) = views.get(&key).and_then(Weak::upgrade) {
            return view;
        }
        views.retain(|_, view| view.strong_count() > 0);
        let view = Arc::new(View { project: project.clone(), campaign: campaign.clone(), latest: Mutex::default() });
        views.insert(key, Arc::downgrade(&view));
        view
    }
}

impl View {
    /// The campaign as it stands.
    pub(super) async fn render(&self, hub: &Hub) -> Result<Arc<Rendered>, HubError> {
        let shown = hub.snapshot(&self.project, &self.campaign).await?;
        let snapshot = shown.snapshot();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*latest
            && known.seq == snapshot.seq
        {
            return Ok(known.clone());
        }
        let missing = || HubError::RunNotFound(self.campaign.clone());
        let progress = Progress::of(snapshot).ok_or_else(missing)?;
        let (frame, over) = (progress.frame(snapshot.cursor), content::is_over(snapshot));
        let rendered = Arc::new(Rendered { seq: snapshot.seq, frame, over, progress });
        // A slower viewer may have looked before a faster one: what is newer stays.
        if latest.as_ref().is_none_or(|known| known.seq < rendered.seq) {
            *latest = Some(rendered.clone());
        }
        Ok(rendered)
    }
}

impl Rendered {
    /// Whether a viewer who has seen `other` sees something new.
    pub(super) fn differs(&self, other: &Self) -> bool {
        let Progress { overall_progress, jobs, .. } = &self.progress;
        *overall_progress != other.progress.overall_progress || *jobs != other.progress.jobs
    }
}
