//! `GET` and `HEAD /runs/{run}/artifacts/{artifact}`.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, IF_RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use milepost_core::Code;
use object_store::{GetOptions, GetRange};

use super::headers::describe;
use super::range::Range;
use super::{Found, failed};
use crate::api::conditions::NoneMatch;
use crate::api::path::OfArtifact;
use crate::app::App;
use crate::principal::{Action, Principal};
use crate::problem::Refusal;

/// The bytes of an artifact, or some of them.
#[utoipa::path(
    get, path = "/v1/projects/{project}/runs/{run}/artifacts/{artifact}", operation_id = "getArtifact", tag = "artifacts",
    params(
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The ETag that the range is of"),
        ("If-None-Match" = Option<String>, Header, description = "ETags that the client has")
    ),
    responses(
        (status = 200, description = "All of it; `ETag` is its SHA-256", content_type = "application/octet-stream"),
        (status = 206, description = "Some of it", content_type = "application/octet-stream"),
        (status = 304, description = "The client has it")
    )
)]
pub(crate) async fn fetch(
    State(app): State<App>,
    principal: Principal,
    path: OfArtifact,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    principal.may(Action::Subscribe, &path.project)?;
    let found = Found::at(&app, &path).await?;
    let absent = |detail: &str| Refusal::new(Code::ArtifactNotFound, detail);
    let artifact = found.ready().ok_or_else(|| absent("there is no such artifact, or it is not ready"))?;
    let sha256 = artifact.sha256.as_deref().unwrap_or_default();
    let stat = app.artifacts().read(&found.key, sha256, GetOptions::new().with_head(true)).await;
    let stat = stat.map_err(|error| failed(&error))?;
    let size = stat.ok_or_else(|| absent("its bytes are not kept here; `url` of the artifact says where"))?.meta.size;

    let mut head = HeaderMap::new();
    describe(&mut head, artifact, sha256);
    if NoneMatch::of(&headers)?.is_some_and(|known| known.has(sha256)) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let range = if may_be_partial(&headers, sha256) { Range::of(&headers, size) } else { Range::Whole };
    let (status, wanted) = match range {
        Range::Whole => (StatusCode::OK, 0..size),
        Range::Part(part) => {
            head.insert(CONTENT_RANGE, text(format!("bytes {}-{}/{size}", part.start, part.end - 1)));
            (StatusCode::PARTIAL_CONTENT, part)
        }
        Range::Outside => {
            let refusal = Refusal::new(Code::RangeNotSatisfiable, format!("the artifact has {size} bytes"));
            return Ok(([(CONTENT_RANGE, text(format!("bytes */{size}")))], refusal).into_response());
        }
    };
    head.insert(CONTENT_LENGTH, HeaderValue::from(wanted.end - wanted.start));
    if method == Method::HEAD || wanted.is_empty() {
        return Ok((status, head, Body::empty()).into_response());
    }
    let options = GetOptions::new().with_range(Some(GetRange::Bounded(wanted)));
    let bytes = app.artifacts().read(&found.key, sha256, options).await.map_err(|error| failed(&error))?;
    let bytes = bytes.ok_or_else(|| absent("the run was deleted just now"))?;
    Ok((status, head, Body::from_stream(bytes.into_stream())).into_response())
}

/// `If-Range` (RFC 9110, section 13.1.5): a part is of use only if the rest is of the same bytes.
fn may_be_partial(headers: &HeaderMap, sha256: &str) -> bool {
    headers.get(IF_RANGE).is_none_or(|tag| tag.to_str().is_ok_and(|tag| tag.trim() == format!("\"{sha256}\"")))
}

fn text(text: String) -> HeaderValue {
    // Numbers and words are always a header.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
