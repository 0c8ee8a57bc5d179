//! What this program can work on.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use milepost_client::{Client, RunHandle};
use milepost_core::Run;

use super::{Permissions, campaign, ingest};

/// Work that can be asked for by a word.
pub(crate) struct Trade {
    /// The word on the command line.
    pub(crate) name: &'static str,
    /// The kinds of runs that are claimed for it.
    pub(crate) kinds: &'static [&'static str],
    /// Works on a claimed run, and ends it.
    pub(crate) work: fn(Job) -> BoxFuture<'static, ()>,
}

/// All of them.
const TRADES: &[Trade] = &[
    Trade { name: CAMPAIGN, kinds: campaign::KINDS, work: |job| Box::pin(campaign::work(job)) },
    Trade { name: "ingest", kinds: &[ingest::KIND], work: |job| Box::pin(ingest::work(job)) },
];

/// The trade that needs settings of its own.
pub(crate) const CAMPAIGN: &str = "campaign";

/// A run that was claimed.
pub(crate) struct Job {
    pub(crate) client: Client,
    pub(crate) handle: RunHandle,
    /// As it was when it was claimed.
    pub(crate) run: Arc<Run>,
    pub(crate) permissions: Permissions,
    pub(crate) campaigns: milepost_jobs::campaign::Settings,
}

impl std::fmt::Debug for Trade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The trade of that name, for the command line.
pub(crate) fn find(name: &str) -> Result<&'static Trade, String> {
    let known = || TRADES.iter().map(|trade| trade.name).collect::<Vec<_>>().join(", ");
    TRADES.iter().find(|trade| trade.name == name).ok_or_else(|| format!("this program can work on: {}", known()))
}

/// How to work on runs of `kind`.
pub(crate) fn of_kind(trades: &[&'static Trade], kind: &str) -> Option<&'static Trade> {
    trades.iter().copied().find(|trade| trade.kinds.contains(&kind))
}
