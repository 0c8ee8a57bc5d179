//! `StreamCampaign(campaignId, afterSequence?)`: a campaign as a stream of one call.

use std::future::ready;

use futures_util::{Stream, StreamExt};
use milepost_hub::AtEnd;
use milepost_signalr::{Context, HubError, SharedMessage};

use super::following::{Following, Word, beginning};
use super::sequence::Sequence;
use super::told;
use super::viewer::Viewer;

/// Streams what subscribers are told, without the snapshots: everything after `after_sequence`, or from the first event on.
/// Where continuity is lost the stream fails, because nothing in it could say so.
pub(super) async fn stream(
    context: Context<Viewer>,
    campaign: String,
    after_sequence: Option<Sequence>,
) -> Result<impl Stream<Item = Result<SharedMessage, HubError>> + Send + 'static, HubError> {
    let viewer = context.state();
    let campaign = viewer.campaign(&campaign)?;
    let from = beginning(Some(after_sequence.map_or(0, |after| after.0)));
    let following =
        Following::begin(&viewer.app, &viewer.project, &campaign, from, AtEnd::Leave).await.map_err(told)?;
    let items = following.filter_map(|word| {
        ready(match word {
            Word::Update(message) => Some(Ok(message)),
            Word::Reset(reason) => Some(Err(HubError::new(format!(
                "reset: the stream cannot go on ({reason}); get a snapshot, and stream what follows it"
            )))),
            Word::Snapshot(_) | Word::Acknowledgement(_) => None,
        })
    });
    Ok(items)
}
