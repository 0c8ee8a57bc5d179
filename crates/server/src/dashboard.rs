//! The web app for people, out of the binary. It uses the public API and nothing else.

mod asset;

use axum::Router;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::api::about;
use crate::app::App;
use asset::Asset;

/// What was there when the binary was built; empty without a dashboard.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/dashboard/table.rs"));

/// Of a browser without a dashboard to show.
const HOW_TO_BUILD: &str = include_str!("dashboard/missing.html");

/// Nothing but what this server sends is loaded or run, nobody may frame the pages, and no string becomes markup but through
/// the sanitizer. So text that a producer smuggles past the app still does nothing.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; media-src 'self' blob:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types dompurify",
);

/// The one page that has its style inside.
const PLAIN_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const GUARDS: [(HeaderName, HeaderValue); 3] = [
    (http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (http::header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// The addresses of the app. Its routing is done in the browser, so all its pages are the same document.
pub(crate) fn router() -> Router<App> {
    let mut router = Router::new()
        .route("/", get(index))
        .route("/favicon.svg", get(|headers: HeaderMap| file("favicon.svg", headers)))
        .route("/assets/{*path}", get(asset));
    for prefix in ["/runs", "/campaigns", "/new"] {
        router = router.route(prefix, get(page)).route(&format!("{prefix}/{{*rest}}"), get(page));
    }
    router
}

/// `GET /`: the app, or how to build it.
async fn index(headers: HeaderMap) -> Response {
    document(&headers)
}

/// A page of the app, for those who can show it.
async fn page(request: Request) -> Response {
    let wants_html = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if wants_html.is_some_and(|accept| accept.contains("text/html")) {
        return document(request.headers());
    }
    about::not_found(request.uri().clone()).await.into_response()
}

async fn asset(Path(path): Path<String>, request: Request) -> Response {
    match find(&format!("assets/{path}")) {
        Some(asset) => guarded(asset.answer(request.headers())),
        None => about::not_found(request.uri().clone()).await.into_response(),
    }
}

async fn file(path: &'static str, headers: HeaderMap) -> Response {
    match find(path) {
        Some(asset) => guarded(asset.answer(&headers)),
        None => http::StatusCode::NOT_FOUND.into_response(),
    }
}

fn document(headers: &HeaderMap) -> Response {
    let (mut response, policy) = match find("index.html") {
        Some(asset) => (asset.answer(headers), POLICY),
        None => (axum::response::Html(HOW_TO_BUILD).into_response(), PLAIN_POLICY),
    };
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    guarded(response)
}

fn guarded(mut response: Response) -> Response {
    response.headers_mut().extend(GUARDS);
    response
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}
