//! What is said about an artifact's bytes, so that a browser neither runs nor misnames them.

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use milepost_core::run::Artifact;

const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Puts the headers of `artifact` into `head`.
pub(super) fn describe(head: &mut HeaderMap, artifact: &Artifact, sha256: &str) {
    let media_type = artifact.media_type.as_deref().unwrap_or_default();
    // Whatever a producer published is no header if it is none.
    let content_type = HeaderValue::from_str(media_type).ok().filter(|value| !value.is_empty()).unwrap_or(UNKNOWN);
    head.insert(CONTENT_TYPE, content_type);
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{sha256}\"")) {
        head.insert(ETAG, etag);
    }
    // Its bytes never change, but the run may be deleted, and made again.
    head.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    head.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    let name = artifact.name.as_deref().unwrap_or(artifact.artifact.as_str());
    if let Ok(disposition) = HeaderValue::from_str(&disposition(media_type, name)) {
        head.insert(CONTENT_DISPOSITION, disposition);
    }
}

/// RFC 6266: shown where that is harmless, else saved; with the name in ASCII for old clients and in UTF-8 for the others.
fn disposition(media_type: &str, name: &str) -> String {
    let how = if is_harmless(media_type) { "inline" } else { "attachment" };
    let plain =
        |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '%') || c == ' ' { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    if ascii == name {
        return format!("{how}; filename=\"{ascii}\"");
    }
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{}", percent(name))
}

/// Pictures, sound, film and text that a browser shows without running anything. SVG and HTML are not among them.
fn is_harmless(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    match kind {
        "image" => matches!(subtype, "png" | "jpeg" | "gif" | "webp" | "avif" | "apng" | "bmp"),
        "audio" | "video" => true,
        "text" => matches!(subtype, "plain" | "csv" | "markdown"),
        "application" => matches!(subtype, "json" | "x-ndjson"),
        _ => false,
    }
}

/// The `ext-value` of RFC 8187. Slashes and control characters have no place in the name of a file.
fn percent(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '_' } else { c }) {
        let mut bytes = [0; 4];
        for byte in c.encode_utf8(&mut bytes).bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_headers() {
        let cases = [
            ("image/png", "a b.png", "inline; filename=\"a b.png\""),
            ("text/html", "x.html", "attachment; filename=\"x.html\""),
            ("image/svg+xml", "x.svg", "attachment; filename=\"x.svg\""),
            ("text/plain; charset=utf-8", "x", "inline; filename=\"x\""),
            ("", "\"../x\"\r\n", "attachment; filename=\"_.._x___\"; filename*=UTF-8''%22.._x%22__"),
            ("", "Größe.txt", "attachment; filename=\"Gr__e.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt"),
        ];
        for (media_type, name, expect) in cases {
            assert_eq!(disposition(media_type, name), expect);
        }
    }
}
