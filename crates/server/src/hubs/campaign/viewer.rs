//! A connection: what it follows, and what it may call.

use std::collections::HashMap;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::StreamExt;
use http::Extensions;
use milepost_core::{Project, RunId};
use milepost_hub::{AtEnd, HubError as Failure};
use milepost_signalr::{Context, HubError, SendError, SourceKey};
use milepost_wire::dialects::campaign::CampaignSnapshot;
use milepost_wire::native::requests::CancelRequest;

use super::following::{Following, Word, beginning};
use super::sequence::Sequence;
use super::{messages, told};
use crate::api;
use crate::app::App;
use crate::principal::{Action, Principal};

/// Subscriptions of one connection from which on those leave whose campaign is over. Until then they stay, because its audit may be
/// begun later; but a page that goes from campaign to campaign must not run out of subscriptions.
const CROWDED: usize = 64;

/// The state of a connection.
pub(super) struct Viewer {
    pub(super) app: App,
    pub(super) project: Project,
    principal: Principal,
    subscriptions: Mutex<HashMap<RunId, Subscription>>,
}

/// A source of the connection, and whether its campaign is over; none when it has left by itself.
struct Subscription {
    source: SourceKey,
    ended: Weak<AtomicBool>,
}

impl Viewer {
    /// A connection that `authorize` let in.
    pub(super) fn new(app: App, extensions: &Extensions) -> Self {
        let (Some(project), Some(principal)) = (extensions.get::<Project>(), extensions.get::<Principal>()) else {
            unreachable!("whoever is let in has a project and a name")
        };
        let (project, principal) = (project.clone(), principal.clone());
        Self { app, project, principal, subscriptions: Mutex::default() }
    }

    /// Reads the name of a campaign that the viewer may see.
    pub(super) fn campaign(&self, name: &str) -> Result<RunId, HubError> {
        self.principal.may(Action::Subscribe, &self.project).map_err(told)?;
        run("campaignId", name)
    }

    /// Answers with the sources that have to leave for it.
    fn remember(&self, campaign: RunId, subscription: Subscription) -> Vec<SourceKey> {
        let mut subscriptions = self.lock();
        subscriptions.retain(|_, subscription| subscription.ended.strong_count() > 0);
        let mut leaving = Vec::new();
        if subscriptions.len() >= CROWDED {
            let ended =
                |subscription: &Subscription| subscription.ended.upgrade().is_some_and(|it| it.load(Ordering::Relaxed));
            leaving.extend(subscriptions.extract_if(|_, subscription| ended(subscription)).map(|(_, it)| it.source));
        }
        subscriptions.insert(campaign, subscription);
        leaving
    }

    fn forget(&self, campaign: &RunId) -> Option<SourceKey> {
        self.lock().remove(campaign).map(|subscription| subscription.source)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Subscription>> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(parameter: &str, name: &str) -> Result<RunId, HubError> {
    RunId::new(name).map_err(|error| HubError::new(format!("invalid_id: {parameter}: {error}")))
}

/// `SubscribeToCampaign(campaignId, afterSequence?)`. Subscribing again starts again: whoever has reconnected just does it. The end of
/// the campaign does not end it, so an audit that is begun later is heard of.
pub(super) async fn subscribe(
    context: Context<Viewer>,
    campaign: String,
    after_sequence: Option<Sequence>,
) -> Result<(), HubError> {
    let viewer = context.state();
    let campaign = viewer.campaign(&campaign)?;
    let from = beginning(after_sequence.map(|after| after.0));
    let mut following =
        Following::begin(&viewer.app, &viewer.project, &campaign, from, AtEnd::Stay).await.map_err(told)?;
    if let Some(former) = viewer.forget(&campaign) {
        context.caller().detach(former);
    }
    // The snapshot is there when the call is over, as after a hub method that sends it.
    if after_sequence.is_none()
        && let Some(Word::Snapshot(snapshot)) = following.next().await
    {
        context.caller().send_message(&snapshot).await?;
    }
    let ended = Arc::downgrade(&following.ended());
    let messages = following.filter_map(|word| {
        ready(match word {
            Word::Snapshot(message) | Word::Update(message) | Word::Acknowledgement(message) => Some(message),
            // The snapshot that follows says all.
            Word::Reset(_) => None,
        })
    });
    let source = context.caller().attach(messages).map_err(|error| match error {
        SendError::TooManySources => HubError::new("limit_exceeded: too many subscriptions on one connection"),
        error => error.into(),
    })?;
    for leaving in viewer.remember(campaign, Subscription { source, ended }) {
        context.caller().detach(leaving);
    }
    Ok(())
}

/// `UnsubscribeFromCampaign(campaignId)`.
pub(super) async fn unsubscribe(context: Context<Viewer>, campaign: String) -> Result<(), HubError> {
    let campaign = context.state().campaign(&campaign)?;
    if let Some(source) = context.state().forget(&campaign) {
        context.caller().detach(source);
    }
    Ok(())
}

/// `GetCampaignSnapshot(campaignId)`: answers with it, and sends it to the callback too.
pub(super) async fn snapshot(context: Context<Viewer>, campaign: String) -> Result<Arc<CampaignSnapshot>, HubError> {
    let viewer = context.state();
    let campaign = viewer.campaign(&campaign)?;
    let hub = viewer.app.hub();
    let (value, message) = match hub.snapshot(&viewer.project, &campaign).await {
        Ok(shown) => {
            let pictured = messages::snapshot(&shown, &campaign);
            (pictured.value.clone(), pictured.message.clone())
        }
        Err(Failure::RunNotFound(_)) => {
            let pictured = messages::missing(&campaign, hub.now());
            (pictured.value, pictured.message)
        }
        Err(error) => return Err(told(error)),
    };
    context.caller().send_message(&message).await?;
    Ok(value)
}

/// `CancelRun(runId, reason?)`.
pub(super) async fn cancel(context: Context<Viewer>, name: String, reason: Option<String>) -> Result<(), HubError> {
    let viewer = context.state();
    let run = run("runId", &name)?;
    let request = CancelRequest { reason, ..CancelRequest::default() };
    let cancelled = api::cancel::cancel(&viewer.app, &viewer.principal, &viewer.project, &run, request).await;
    cancelled.map(drop).map_err(told)
}
