//! What writing took.

use milepost_client::{ClientError, RunHandle};
use serde::Serialize;

/// Calls and tokens, as the endpoint counts them. Nothing where nobody was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(in crate::campaign) struct Usage {
    pub(super) requests: u64,
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    /// What it cost, where prices are configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost_usd: Option<f64>,
}

impl Usage {
    pub(in crate::campaign) fn add(&mut self, more: &Self) {
        self.requests += more.requests;
        self.prompt_tokens += more.prompt_tokens;
        self.completion_tokens += more.completion_tokens;
        self.cost_usd = match (self.cost_usd, more.cost_usd) {
            (Some(cost), Some(other)) => Some(cost + other),
            (cost, other) => cost.or(other),
        };
    }

    /// Shows it as the value `usage` of a run, where there is something to show.
    pub(in crate::campaign) async fn tell(&self, run: &RunHandle) -> Result<(), ClientError> {
        if self.requests == 0 {
            return Ok(());
        }
        run.state("usage", serde_json::to_value(self).unwrap_or_default()).await
    }
}
