//! Query strings, whose keys are compared without regard to case.

use http::Uri;

/// The first value of this key.
pub(super) fn value(uri: &Uri, key: &str) -> Option<String> {
    let query = uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| value.into_owned())
}
