//! Whether the server is alive, whether it can do its work, and what it has counted.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use milepost_core::Code;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::app::App;
use crate::caps::{QUEUES_SHOWN, READINESS_AGE};
use crate::metrics::OPENMETRICS;
use crate::problem::Refusal;

/// A store that takes longer to write one row is of no use to producers.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The latest answer of the store, so that a thousand probes cost one write. Who holds the lock is asking.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Result<(), Refusal>)>>);

impl Readiness {
    async fn check(&self, app: &App) -> Result<(), Refusal> {
        let mut latest = self.0.lock().await;
        if let Some((when, found)) = &*latest
            && when.elapsed() < READINESS_AGE
        {
            return found.clone();
        }
        let found = match timeout(PROBE_TIMEOUT, app.hub().probe()).await {
            Ok(probed) => probed.map_err(Refusal::from),
            Err(_) => Err(Refusal::new(Code::StoreUnavailable, "the store did not answer in time")),
        };
        *latest = Some((Instant::now(), found.clone()));
        found
    }
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "server",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
pub(crate) async fn alive() -> Response {
    plain("ok\n")
}

/// Whether the store can write.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "server",
    responses((status = 200, description = "It can", body = String, content_type = "text/plain")))]
pub(crate) async fn ready(State(app): State<App>) -> Result<Response, Refusal> {
    if app.shutdown().is_cancelled() {
        return Err(Refusal::new(Code::ShuttingDown, "the server is shutting down"));
    }
    app.readiness().check(&app).await?;
    Ok(plain("ready\n"))
}

/// What was counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "server",
    responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    // A store that cannot be read shows elsewhere; the other numbers are still good.
    if let Ok(queued) = app.hub().queued(QUEUES_SHOWN).await {
        app.metrics().show_work(&queued, app.hub().active_leases());
    }
    let text = app.metrics().encode(app.hub().live_streams());
    ([(CONTENT_TYPE, OPENMETRICS)], text).into_response()
}

fn plain(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use http::{Request, StatusCode};
    use milepost_store::{EventStore, MemoryStore};
    use tower::ServiceExt;

    use crate::{app, testing};

    #[tokio::test]
    async fn a_store_that_cannot_write_shows() {
        let store = Arc::new(MemoryStore::default());
        let (app, _directory) = testing::app_on(store.clone()).await;
        store.close().await;
        let create = Request::post("/v1/projects/p/runs").body(Body::from(r#"{"kind":"work"}"#)).unwrap();
        for request in [Request::get("/readyz").body(Body::empty()).unwrap(), create] {
            let response = app::router(app.clone()).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()["retry-after"], "1");
        }
        let alive = Request::get("/healthz").body(Body::empty()).unwrap();
        assert_eq!(app::router(app.clone()).oneshot(alive).await.unwrap().status(), StatusCode::OK);
        assert!(app.metrics().encode(0).contains("milepost_store_errors_total 2"));
    }

    #[tokio::test]
    async fn a_server_that_stops_is_not_ready() {
        let (app, _directory) = testing::app().await;
        app.shutdown().cancel();
        let request = Request::get("/readyz").body(Body::empty()).unwrap();
        let response = app::router(app).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
