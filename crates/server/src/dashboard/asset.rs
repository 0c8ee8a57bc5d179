//! One file of the dashboard, as it is embedded and as it is sent.

use std::io::Read;

use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::api::conditions::NoneMatch;

/// What the build script leaves of a file.
#[derive(Debug)]
pub(super) struct Asset {
    /// Below the root of the app, without a leading slash.
    pub(super) path: &'static str,
    pub(super) media_type: &'static str,
    /// The hash of the plain bytes.
    pub(super) tag: &'static str,
    /// Whether `bytes` are gzip. Only one form is embedded: what cannot be read packed is rare, and unpacked when asked for.
    pub(super) packed: bool,
    pub(super) bytes: &'static [u8],
}

impl Asset {
    /// The answer to a request with these headers: 200 or 304.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let packed = self.packed && takes_gzip(request);
        // Two forms of one file are two representations, so they have two tags (RFC 9110, 8.8.3).
        let tag = if packed { format!("{}-gz", self.tag) } else { self.tag.to_owned() };
        let mut response = if knows(request, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if packed || !self.packed {
            self.bytes.into_response()
        } else {
            match unpack(self.bytes) {
                Ok(bytes) => bytes.into_response(),
                Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        };
        let head = response.headers_mut();
        head.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        head.insert(CACHE_CONTROL, HeaderValue::from_static(self.caching()));
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
            head.insert(ETAG, tag);
        }
        if self.packed {
            head.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if packed {
            head.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// Names below `assets/` have a hash of the content in them.
    fn caching(&self) -> &'static str {
        if self.path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
    }
}

fn knows(request: &HeaderMap, tag: &str) -> bool {
    request.contains_key(IF_NONE_MATCH) && matches!(NoneMatch::of(request), Ok(Some(known)) if known.has(tag))
}

/// Whether gzip is among the encodings, and not with a weight of nothing.
fn takes_gzip(request: &HeaderMap) -> bool {
    let lists = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| {
        let (name, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && weight.is_none_or(|weight| weight > 0.0)
    })
}

fn unpack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn script(packed: bool) -> Asset {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(b"let a = 1;").unwrap();
        let bytes: &'static [u8] = if packed { packer.finish().unwrap().leak() } else { b"let a = 1;" };
        Asset { path: "assets/a-1.js", media_type: "text/javascript", tag: "t", packed, bytes }
    }

    async fn ask(asset: &Asset, headers: &[(http::HeaderName, &'static str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let (head, body) = asset.answer(&request).into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (head.status, head.headers, body.to_vec())
    }

    #[tokio::test]
    async fn who_cannot_unpack_gets_it_plain() {
        let cases = [("gzip, br", true), ("br", false), ("gzip;q=0", false), ("*", true), ("identity", false)];
        for (accepted, packed) in cases {
            let (status, headers, body) = ask(&script(true), &[(ACCEPT_ENCODING, accepted)]).await;
            assert_eq!(status, 200);
            assert_eq!(headers.contains_key(CONTENT_ENCODING), packed, "{accepted}");
            let plain = if packed { unpack(&body).unwrap() } else { body };
            assert_eq!(plain, b"let a = 1;");
            assert_eq!(headers[VARY], "accept-encoding");
        }
        let (_, headers, body) = ask(&script(false), &[(ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!((headers.get(CONTENT_ENCODING), body.as_slice()), (None, b"let a = 1;".as_slice()));
    }

    #[tokio::test]
    async fn who_has_it_gets_nothing_again() {
        let (_, headers, _) = ask(&script(true), &[(ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!(
            (&headers[ETAG], &headers[CACHE_CONTROL]),
            (&HeaderValue::from_static("\"t-gz\""), &HeaderValue::from_static("public, max-age=31536000, immutable"))
        );
        let (status, _, body) = ask(&script(true), &[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, "\"t-gz\"")]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        let (status, ..) = ask(&script(true), &[(IF_NONE_MATCH, "\"t-gz\"")]).await;
        assert_eq!(status, StatusCode::OK, "the plain form is another one");
    }
}
