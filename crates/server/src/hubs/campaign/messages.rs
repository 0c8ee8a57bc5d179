//! Frames and snapshots as calls of the clients' callbacks: made once, encoded once per hub protocol, shared by all.

use std::sync::Arc;

use milepost_core::{RunId, Time};
use milepost_hub::{Frame, Shown};
use milepost_signalr::SharedMessage;
use milepost_wire::dialects::campaign::{self, CampaignSnapshot};

const SNAPSHOT: &str = "ReceiveCampaignSnapshot";
const ACKNOWLEDGEMENT: &str = "ReceiveCancellationAcknowledgement";

/// What subscribers are told by one event.
pub(super) struct Told {
    pub(super) update: SharedMessage,
    /// That a cancellation which somebody asked for has happened.
    pub(super) acknowledgement: Option<SharedMessage>,
}

/// None for an event that this version cannot read, which is logged.
pub(super) fn event(frame: &Frame, coalesced_from: Option<u64>) -> Arc<Option<Told>> {
    frame.shared(coalesced_from, || {
        let view = frame.view()?;
        match campaign::update(frame.record(), view, coalesced_from) {
            Ok(update) => {
                let acknowledged = campaign::acknowledged(frame.record(), view).cloned();
                let acknowledgement = acknowledged.map(|run| SharedMessage::new(ACKNOWLEDGEMENT, (run,)));
                Some(Told { update: SharedMessage::new(update.callback(), (update,)), acknowledgement })
            }
            Err(error) => {
                tracing::error!(stream = %frame.stream(), %error, "an event cannot be shown");
                None
            }
        }
    })
}

/// A snapshot, as the value and as the call.
pub(super) struct Pictured {
    pub(super) value: Arc<CampaignSnapshot>,
    pub(super) message: SharedMessage,
}

impl Pictured {
    fn new(snapshot: CampaignSnapshot) -> Self {
        let value = Arc::new(snapshot);
        Self { message: SharedMessage::new(SNAPSHOT, (value.clone(),)), value }
    }
}

pub(super) fn snapshot(shown: &Shown, campaign: &RunId) -> Arc<Pictured> {
    shown.shared(|| {
        let snapshot = shown.snapshot();
        // A stream has its root from its first event on.
        let empty = || CampaignSnapshot::missing(campaign.clone(), snapshot.time);
        Pictured::new(CampaignSnapshot::of(snapshot).unwrap_or_else(empty))
    })
}

/// Of a campaign that does not exist yet.
pub(super) fn missing(campaign: &RunId, now: Time) -> Pictured {
    Pictured::new(CampaignSnapshot::missing(campaign.clone(), now))
}
