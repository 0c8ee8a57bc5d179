//! The event stream of one campaign's progress (the dialect of `milepost_wire::dialects::content`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use milepost_core::{Cursor, EventType, Project, Snapshot};
use milepost_hub::HubError;
use milepost_wire::dialects::content::is_job;
use tokio::time::{Instant, sleep, sleep_until};

use super::views::{Rendered, View};
use crate::app::App;
use crate::caps::SILENCE;
use crate::metrics::SessionGuard;

/// Events that are read at once to find out what a viewer has not seen.
const PAGE: usize = 256;

/// Whether a viewer whose last frame stood at `last` has seen the last frame there is: that all jobs of this campaign are over.
pub(super) async fn saw_the_end(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    last: Cursor,
) -> Result<bool, HubError> {
    let known = last.epoch.is_none_or(|epoch| Some(epoch) == snapshot.cursor.epoch) && last.seq <= snapshot.seq;
    let Some(root) = snapshot.runs.first().filter(|_| known) else { return Ok(false) };
    let mut after = last.seq;
    loop {
        let (_, records) = app.hub().page(project, &root.id, after, PAGE).await?;
        let ends =
            |kind: &EventType| matches!(kind, EventType::RunCompleted | EventType::RunFailed | EventType::RunCancelled);
        let job = |id: &milepost_core::RunId| snapshot.runs.iter().any(|run| run.id == *id && is_job(run, &root.id));
        // A campaign without jobs is over when its root is.
        let ended = |record: &&milepost_core::Record| {
            ends(&record.event_type) && (job(&record.run) || !snapshot.runs.iter().any(|run| is_job(run, &root.id)))
        };
        if records.iter().any(|record| ended(&record)) {
            return Ok(false);
        }
        match records.last() {
            Some(record) if records.len() == PAGE => after = record.seq,
            _ => return Ok(true),
        }
    }
}

/// The frames of a viewer who comes now.
pub(super) fn frames(app: &App, view: Arc<View>) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let guard = app.metrics().session("content");
    let interval = Duration::from_millis(app.config().min_interval_ms);
    let viewer = Viewer { app: app.clone(), view, shown: None, interval, guard };
    stream::unfold(Some(viewer), async |viewer| {
        let mut viewer = viewer?;
        let frame = viewer.next().await?;
        let over = viewer.shown.as_ref().is_some_and(|(shown, _)| shown.over);
        Some((Ok(frame), (!over).then_some(viewer)))
    })
}

struct Viewer {
    app: App,
    view: Arc<View>,
    /// The last frame, and when it went out.
    shown: Option<(Arc<Rendered>, Instant)>,
    interval: Duration,
    guard: SessionGuard,
}

impl Viewer {
    /// The next frame; none when there is no more: the campaign was deleted, or the server goes away.
    async fn next(&mut self) -> Option<Bytes> {
        let shutdown = self.app.shutdown().clone();
        let next = shutdown.run_until_cancelled(self.wait()).await?;
        match next {
            Ok(rendered) => {
                let frame = rendered.frame.clone();
                self.shown = Some((rendered, Instant::now()));
                self.guard.delivered(1);
                Some(frame)
            }
            Err(error) => {
                tracing::debug!(campaign = %self.view.campaign, %error, "a viewer of a campaign was sent away");
                None
            }
        }
    }

    /// Waits until there is something to show.
    async fn wait(&self) -> Result<Arc<Rendered>, HubError> {
        let hub = self.app.hub();
        let Some((shown, at)) = &self.shown else { return self.view.render(hub).await };
        let alive = *at + SILENCE;
        sleep_until(*at + self.interval).await;
        let mut seen = shown.cursor.seq;
        loop {
            let rendered = self.view.render(hub).await?;
            if rendered.differs(shown) || rendered.over || Instant::now() >= alive {
                return Ok(rendered);
            }
            seen = seen.max(rendered.cursor.seq);
            let left = alive.saturating_duration_since(Instant::now());
            let moved = hub.moved(&self.view.project, &self.view.campaign, seen, left).await?;
            if !moved && Instant::now() < alive {
                // The stream left the memory, and comes back when it is asked for.
                sleep(Duration::from_millis(50)).await;
            } else {
                // What happens together is shown together.
                sleep(self.interval.min(alive.saturating_duration_since(Instant::now()))).await;
            }
        }
    }
}
