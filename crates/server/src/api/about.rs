//! What is where, and what is nowhere.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{Method, Uri};
use milepost_core::Code;

use crate::problem::Refusal;

/// This document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], crate::openapi::document()).into_response()
}

/// Everything else.
pub(crate) async fn not_found(uri: Uri) -> Refusal {
    Refusal::new(Code::NotFound, format!("there is nothing at {}; / says what is where", uri.path()))
}

/// A known address, another method. Which ones it takes stands in `Allow`.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Refusal {
    Refusal::new(Code::MethodNotAllowed, format!("{} does not take {method}", uri.path()))
}
