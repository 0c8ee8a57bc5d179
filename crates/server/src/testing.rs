//! A server without a socket, for tests of its parts.

use std::sync::Arc;

use milepost_hub::{Clock, Hub, Options};
use milepost_store::{EventStore, MemoryStore};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::health::Readiness;
use crate::app::{App, Parts};
use crate::artifacts::Artifacts;
use crate::campaigns::Campaigns;
use crate::config::Config;
use crate::ingest::Jobs;
use crate::metrics::Metrics;
use crate::outbox::Outbox;

/// An app whose log is in memory.
pub(crate) async fn app() -> (App, TempDir) {
    app_on(Arc::new(MemoryStore::default())).await
}

pub(crate) async fn app_on(store: Arc<dyn EventStore>) -> (App, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::local(directory.path()).unwrap();
    let app = App::new(Parts {
        hub: Hub::new(store, Clock::system(), Options::default()),
        campaigns: Campaigns::new(&config).unwrap(),
        config,
        artifacts: Artifacts::open(&directory.path().join("artifacts")).await.unwrap(),
        ingest: Jobs::new(directory.path()),
        metrics: Metrics::new(),
        push_verifier: None,
        outbox: Outbox::new(Vec::new()),
        readiness: Readiness::default(),
        shutdown: CancellationToken::new(),
        tasks: TaskTracker::new(),
    });
    (app, directory)
}
