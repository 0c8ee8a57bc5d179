//! What happens around every request: an id, a span, a count, and a problem instead of a panic.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue};
use milepost_core::Code;
use tracing::Instrument;

use crate::app::App;
use crate::origin;
use crate::problem::Refusal;

/// Names a request in the answer and in the log; a proxy in front may give its own.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Surrounds every request.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let _open = app.metrics().request_open();
    let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let mut response = if tracing::enabled!(tracing::Level::DEBUG) {
        // The query is left out: it may hold a token.
        let path = request.uri().path().to_owned();
        let span = tracing::debug_span!("request", %method, path, id = id.to_str().unwrap_or_default());
        let response = guarded(answer(&app, request, next)).instrument(span.clone()).await;
        span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
        response
    } else {
        guarded(answer(&app, request, next)).await
    };
    app.metrics().request(&method, route, response.status());
    if response.extensions().get::<Code>() == Some(&Code::StoreUnavailable) {
        app.metrics().store_error();
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

async fn answer(app: &App, request: Request, next: Next) -> Response {
    match origin::check(app, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// A handler that panics costs its own request only. Its locks are not poisoned in a way that matters: what they guard is
/// either whole or belonged to that request.
async fn guarded(answer: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        Refusal::new(Code::Internal, "a bug in the server; it was logged").into_response()
    })
}

/// The id that came with the request, if it is one, else a new one: unique within a run of the server, and most likely ever.
fn request_id(request: &Request) -> HeaderValue {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let given = request.headers().get(&REQUEST_ID).filter(|id| (1..=128).contains(&id.len()) && id.to_str().is_ok());
    given.cloned().unwrap_or_else(|| {
        let id = format!("{:016x}", SEED.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)));
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;
    use crate::testing;

    async fn panics() {
        panic!("on purpose");
    }

    #[tokio::test]
    async fn a_panic_is_a_problem() {
        let (app, _directory) = testing::app().await;
        let layer = axum::middleware::from_fn_with_state(app.clone(), observe);
        let router: Router = Router::new().route("/", get(panics)).layer(layer);
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(response.headers().contains_key(REQUEST_ID));
        assert!(app.metrics().encode(0).contains("milepost_http_requests_open 0"));
    }
}
