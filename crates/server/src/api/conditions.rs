//! `If-Match` and `If-None-Match` (RFC 9110, section 13.1), over cursors and over hashes.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use milepost_core::{Code, Cursor};

use crate::problem::Refusal;

/// The entity tags of `If-None-Match`.
pub(crate) enum NoneMatch {
    /// `*`: whatever there is.
    Any,
    /// One of these.
    Tags(Vec<String>),
}

impl NoneMatch {
    /// None when the header is absent.
    ///
    /// # Errors
    /// `invalid_header` when it is not text.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(text) = joined(headers, &IF_NONE_MATCH)? else { return Ok(None) };
        if text.trim() == "*" {
            return Ok(Some(Self::Any));
        }
        Ok(Some(Self::Tags(text.split(',').map(|tag| bare(tag).to_owned()).collect())))
    }

    /// Whether the client has what `tag` names.
    pub(crate) fn has(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|known| known == tag),
        }
    }
}

/// The cursor of `If-Match`, bare or as an entity tag. None when it is absent, and for `*`: what is written to exists.
///
/// # Errors
/// `invalid_header` when it is no cursor, or a list: a stream stands in one place.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<Cursor>, Refusal> {
    let Some(text) = joined(headers, &IF_MATCH)? else { return Ok(None) };
    if text.trim() == "*" {
        return Ok(None);
    }
    let wrong = |_| Refusal::new(Code::InvalidHeader, format!("`If-Match` is one cursor, and not {text:?}"));
    bare(&text).parse().map(Some).map_err(wrong)
}

/// A tag without the quotes, and without the mark of a weak one: proxies that compress put it there.
fn bare(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag)
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let wrong = |_| Refusal::new(Code::InvalidHeader, format!("`{name}` is not text"));
    let values: Result<Vec<_>, _> = headers.get_all(name).iter().map(|value| value.to_str()).collect();
    let values = values.map_err(wrong)?;
    Ok((!values.is_empty()).then(|| values.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn tags_are_found_however_they_are_written() {
        let cases = [
            ("ab-1", true),
            ("\"ab-1\"", true),
            ("W/\"ab-1\"", true),
            ("\"ab-0\", \"ab-1\"", true),
            ("*", true),
            ("\"ab-2\"", false),
            ("\"\"", false),
        ];
        for (value, expect) in cases {
            let tags = NoneMatch::of(&headers(IF_NONE_MATCH, value)).unwrap().unwrap();
            assert_eq!(tags.has("ab-1"), expect, "{value}");
        }
        assert!(NoneMatch::of(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn one_cursor_is_expected() {
        let cases = [
            ("ab-1", Ok(true)),
            ("\"ab-1\"", Ok(true)),
            ("7", Ok(true)),
            ("*", Ok(false)),
            ("x", Err(())),
            ("1, 2", Err(())),
        ];
        for (value, expect) in cases {
            let found = if_match(&headers(IF_MATCH, value)).map(|cursor| cursor.is_some()).map_err(drop);
            assert_eq!(found, expect, "{value}");
        }
    }
}
