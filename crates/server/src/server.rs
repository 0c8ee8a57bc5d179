//! The server as a whole: how it starts, and how it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use milepost_hub::{Clock, Hub, HubError, Options};
use milepost_store::{OpenError, SqliteStore};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::health::Readiness;
use crate::app::{self, App, Parts};
use crate::artifacts::Artifacts;
use crate::auth::{Expected, Verifier};
use crate::campaigns::Campaigns;
use crate::caps::{BACKLOG, DRAIN};
use crate::config::{Config, Push, Webhook};
use crate::hubs;
use crate::ingest::Jobs;
use crate::listener::Listener;
use crate::metrics::Metrics;
use crate::outbox::{Outbox, Sink};
use crate::webhooks::Endpoint;

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is in use, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The data directory is in use by another server, or unusable.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The streams with running timers cannot be read.
    #[error("the streams cannot be brought back: {0}")]
    Recover(#[from] HubError),
    /// The place where jobs work cannot be used.
    #[error("{}: {source}", path.display())]
    Work {
        /// The place.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The chat endpoint of campaigns cannot be used.
    #[error("campaign.llm: {0}")]
    Campaigns(String),
    /// Requests cannot be made, because the certificates or the network cannot be set up.
    #[error("requests to others cannot be made: {0}")]
    Http(String),
    /// The place for artifacts cannot be used.
    #[error("{}: {reason}", path.display())]
    Artifacts {
        /// The place.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Server {
    /// Starts a server: when this returns, connections are accepted.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Running, StartError> {
        // First what fails fast and has no effect.
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = bind(config.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let store = open_store(config.data_dir.clone()).await?;
        let artifacts = Artifacts::open(&config.data_dir.join("artifacts")).await?;
        let options = Options {
            min_interval_ms: config.min_interval_ms,
            fail_stalled_after_seconds: config.lease.fail_stalled_after_s,
            fresh_kinds: crate::campaigns::job_kinds(),
        };
        let hub = Hub::new(store, Clock::system(), options);
        hub.recover().await?;

        let ingest = Jobs::new(&config.data_dir);
        let unusable = |source: std::io::Error| StartError::Work { path: config.data_dir.clone(), source };
        ingest.recover(&hub).await.map_err(unusable)?;

        let campaigns = Campaigns::new(&config).map_err(StartError::Campaigns)?;
        let push_verifier = config.push.clone().map(verifier).transpose()?;
        let outbox = Outbox::new(sinks(&config, &hub)?);
        let app = App::new(Parts {
            hub,
            ingest,
            campaigns,
            config,
            artifacts,
            metrics: Metrics::new(),
            push_verifier,
            outbox,
            readiness: Readiness::default(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        app.campaigns().recover(&app).await?;
        app.outbox().start(app.hub(), app.metrics(), app.shutdown());
        let abort = CancellationToken::new();
        let campaigns = hubs::campaign::hub(&app);
        let router = app::router_with(app.clone(), Router::new().nest("/hubs/campaign", campaigns.router()));
        let accepting = Listener::new(app.clone(), router, abort.clone()).run(listener);
        let accepting = app.tasks().spawn(accepting);
        tracing::info!(%address, "listening");
        Ok(Running { address, app, campaigns, abort, accepting: Some(accepting) })
    }
}

/// Who is told what happens.
fn sinks(config: &Config, hub: &Hub) -> Result<Vec<Arc<dyn Sink>>, StartError> {
    let endpoint =
        |webhook: &Webhook| Endpoint::new(webhook.clone(), hub.clone()).map(|it| Arc::new(it) as Arc<dyn Sink>);
    let endpoints = config.webhooks.iter().map(endpoint).collect::<Result<Vec<_>, _>>();
    #[cfg_attr(not(feature = "pubsub"), expect(unused_mut, reason = "webhooks are all there is"))]
    let mut sinks = endpoints.map_err(|error| StartError::Http(error.to_string()))?;
    #[cfg(feature = "pubsub")]
    sinks.extend(config.bridge.clone().map(|bridge| Arc::new(crate::pubsub::Topic::new(bridge)) as Arc<dyn Sink>));
    Ok(sinks)
}

/// What verifies the tokens of pushes. Google signs by RS256, and so has to whoever stands in for it.
fn verifier(push: Push) -> Result<Verifier, StartError> {
    let Push { issuer, audience, email, jwks_url } = push;
    let expected = Expected { algorithms: &[jsonwebtoken::Algorithm::RS256], issuer, audience, email };
    Verifier::new(expected, jwks_url).map_err(|error| StartError::Http(error.to_string()))
}

/// Listens with room for everybody who comes back at once after a restart: whoever finds the queue full tries again only
/// after a second.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that was killed leaves connections in TIME_WAIT, and must not wait for them.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn open_store(directory: PathBuf) -> Result<Arc<SqliteStore>, OpenError> {
    // Recovery reads and writes files for up to a second.
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&directory)).await;
    match opened {
        Ok(store) => store.map(Arc::new),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// A server that runs. Dropping it stops it in a hurry; [`shutdown`](Self::shutdown) stops it properly.
pub struct Running {
    address: SocketAddr,
    app: App,
    campaigns: milepost_signalr::Hub,
    abort: CancellationToken,
    accepting: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it listens; the real port where 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no more connections, long polls answer, streams end, what was accepted is durable, the store closes. Answers
    /// that are still being written after a few seconds are cut off.
    pub async fn shutdown(mut self) {
        tracing::info!("shutting down");
        self.app.shutdown().cancel();
        if let Some(accepting) = self.accepting.take() {
            // A panic of it was reported where it happened.
            drop(accepting.await);
        }
        self.campaigns.shutdown().await;
        self.app.ingest().stop().await;
        self.app.campaigns().stop().await;
        self.app.outbox().stop().await;
        // Sessions end with the actors that they follow, and with them their connections.
        self.app.hub().shutdown().await;
        self.app.tasks().close();
        if timeout(DRAIN, self.app.tasks().wait()).await.is_err() {
            tracing::warn!(left = self.app.tasks().len(), "cutting off what is still open");
            self.abort.cancel();
            drop(timeout(DRAIN, self.app.tasks().wait()).await);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.app.shutdown().cancel();
        self.abort.cancel();
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}
