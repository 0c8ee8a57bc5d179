//! What every handler has, and which addresses there are.

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post, put};
use http::Method;
use http::header::{CONTENT_RANGE, ETAG, LOCATION, RETRY_AFTER};
use milepost_hub::Hub;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::api::artifacts::{fetch::fetch, store::store};
use crate::api::{self, cancel, claims, control, events, health, runs, socket};
use crate::artifacts::Artifacts;
use crate::auth::Verifier;
use crate::campaigns;
use crate::config::Config;
use crate::dashboard;
use crate::ingest;
use crate::metrics::Metrics;
use crate::observe;
use crate::outbox::Outbox;
use crate::projects;
use crate::webhooks::{dead_letters, push};

/// The parts of one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) hub: Hub,
    pub(crate) config: Config,
    pub(crate) artifacts: Artifacts,
    pub(crate) ingest: ingest::Jobs,
    pub(crate) campaigns: campaigns::Campaigns,
    pub(crate) metrics: Metrics,
    /// Of pushes; none where they need no token.
    pub(crate) push_verifier: Option<Verifier>,
    /// Who is told what happens.
    pub(crate) outbox: Outbox,
    pub(crate) readiness: health::Readiness,
    /// Cancelled as soon as the server is to stop: what waits answers, what streams ends.
    pub(crate) shutdown: CancellationToken,
    /// Everything that was spawned.
    pub(crate) tasks: TaskTracker,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn artifacts(&self) -> &Artifacts {
        &self.0.artifacts
    }

    pub(crate) fn ingest(&self) -> &ingest::Jobs {
        &self.0.ingest
    }

    pub(crate) fn campaigns(&self) -> &campaigns::Campaigns {
        &self.0.campaigns
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn push_verifier(&self) -> Option<&Verifier> {
        self.0.push_verifier.as_ref()
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    pub(crate) fn readiness(&self) -> &health::Readiness {
        &self.0.readiness
    }

    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }
}

/// All addresses but those of hubs.
pub(crate) fn router(app: App) -> Router {
    router_with(app, Router::new())
}

/// All addresses, `hubs` included.
pub(crate) fn router_with(app: App, hubs: Router<App>) -> Router {
    let ingest = Router::new()
        .route("/github", post(ingest::start))
        .route("/{job}", get(ingest::state))
        .route("/{job}/events", get(ingest::events))
        .route("/{job}/cancel", post(ingest::cancel))
        .route("/{job}/search", get(ingest::search));
    let router = Router::new()
        .merge(native())
        .merge(hubs)
        .merge(dashboard::router())
        .nest("/api/v1/ingest", ingest)
        .nest("/api/stream/projects/{project}", projects())
        .route("/api/v1/content/generate-with-progress", post(campaigns::generate))
        .route("/api/v1/content/progress/{campaign}", get(campaigns::progress))
        .route("/api/v1/webhooks/progress", post(push::progress))
        .route("/v1/ws", get(socket::upgrade))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(api::about::openapi))
        .fallback(api::about::not_found)
        .method_not_allowed_fallback(api::about::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(app.clone(), observe::observe));
    let origins = &app.config().cors.origins;
    let router = if origins.is_empty() { router } else { router.layer(cors(origins.iter().map(|o| o.header()))) };
    router.with_state(app)
}

/// The native API. Its addresses are written out: nesting them would cost every publish a rewritten URI.
fn native() -> Router<App> {
    Router::new()
        .route("/v1/projects/{project}/runs", post(runs::create).get(runs::list))
        .route("/v1/projects/{project}/runs/{run}", get(runs::snapshot).delete(runs::delete))
        .route("/v1/projects/{project}/runs/{run}/events", post(events::publish).get(events::read))
        .route("/v1/projects/{project}/runs/{run}/cancel", post(cancel::request))
        .route("/v1/projects/{project}/runs/{run}/control", get(control::control))
        .route("/v1/projects/{project}/runs/{run}/heartbeat", post(control::heartbeat))
        .route("/v1/projects/{project}/runs/{run}/release", post(control::release))
        .route("/v1/projects/{project}/runs/{run}/artifacts/{artifact}", put(store).get(fetch))
        .route("/v1/projects/{project}/events", get(api::feed::follow))
        .route("/v1/projects/{project}/claims", post(claims::claim))
        .route("/v1/projects/{project}/webhooks/dead-letters", get(dead_letters::list))
        .route("/v1/projects/{project}/webhooks/dead-letters/{id}", delete(dead_letters::delete))
        .route("/v1/projects/{project}/webhooks/dead-letters/{id}/retry", post(dead_letters::retry))
}

/// What happens in a project, over `WebSocket`.
fn projects() -> Router<App> {
    Router::new()
        .route("/", get(projects::project))
        .route("/ingest/{job}", get(projects::ingest))
        .route("/agent-runs/{run}", get(projects::agent))
        .route("/workflows/runs/{run}", get(projects::workflow))
}

/// Browsers of the configured origins may do what everybody may, with credentials. Others get no CORS headers at all.
fn cors(origins: impl Iterator<Item = http::HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        // Whom we trust with credentials we trust with headers; clients have some of their own.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([ETAG, LOCATION, RETRY_AFTER, CONTENT_RANGE, observe::REQUEST_ID])
        .max_age(std::time::Duration::from_secs(600))
}
