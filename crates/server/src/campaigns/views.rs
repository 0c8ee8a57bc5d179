//! The progress of campaigns, rendered once for all who watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use milepost_core::{Cursor, Project, RunId};
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
    pub(super) cursor: Cursor,
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
            && known.cursor == snapshot.cursor
        {
            return Ok(known.clone());
        }
        let missing = || HubError::RunNotFound(self.campaign.clone());
        let progress = Progress::of(snapshot).ok_or_else(missing)?;
        let (frame, over) = (progress.frame(snapshot.cursor), content::is_over(snapshot));
        let rendered = Arc::new(Rendered { cursor: snapshot.cursor, frame, over, progress });
        // A slower viewer may have looked before a faster one: what is newer stays, unless the campaign was made anew.
        let newer = |known: &Cursor| known.epoch != rendered.cursor.epoch || known.seq < rendered.cursor.seq;
        if latest.as_ref().is_none_or(|known| newer(&known.cursor)) {
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

#[cfg(test)]
mod tests {
    use milepost_core::event::RunCreated;
    use milepost_core::{Body, Draft};
    use milepost_hub::{NewRun, Publish};

    use super::*;
    use crate::testing;

    /// Makes a campaign that is over at once, always at the same sequence.
    async fn make(hub: &Hub, project: &Project, campaign: &RunId) {
        let created: RunCreated = serde_json::from_str(r#"{"kind":"campaign"}"#).unwrap();
        hub.create(project, NewRun { run: campaign.clone(), created, started: true, lease: None }).await.unwrap();
        let body = Body::RunCompleted(serde_json::from_str("{}").unwrap());
        let drafts = vec![Draft { run: campaign.clone(), id: None, time: None, body }];
        hub.publish(project, campaign, Publish { drafts, ..Publish::default() }).await.unwrap();
    }

    #[tokio::test]
    async fn a_campaign_that_was_made_anew_is_not_shown_as_it_was() {
        let (app, _directory) = testing::app().await;
        let (hub, project, campaign) = (app.hub(), Project::default_project(), RunId::new("c").unwrap());
        let view = app.campaigns().views().of(&project, &campaign);
        make(hub, &project, &campaign).await;
        let former = view.render(hub).await.unwrap();
        hub.delete(&project, &campaign).await.unwrap();
        make(hub, &project, &campaign).await;
        let latter = view.render(hub).await.unwrap();
        assert_eq!(former.cursor.seq, latter.cursor.seq);
        assert_ne!(former.frame, latter.frame);
        assert!(Arc::ptr_eq(&latter, &view.render(hub).await.unwrap()), "and is rendered once");
    }
}
