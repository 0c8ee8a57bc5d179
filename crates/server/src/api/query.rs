//! Query parameters. Those that a call does not know are ignored: browsers and proxies add their own.

use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use milepost_core::Code;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::problem::Refusal;

/// The query, as `T`.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        read(&parts.uri).map(Self)
    }
}

/// Reads the query of `uri` as `T`.
pub(crate) fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    match axum::extract::Query::try_from_uri(uri) {
        Ok(axum::extract::Query(query)) => Ok(query),
        Err(rejection) => Err(Refusal::new(Code::InvalidQuery, rejection.body_text())),
    }
}

/// Reads a parameter that a type of the domain describes better than serde does.
pub(crate) fn parsed<T>(name: &str, text: Option<&str>) -> Result<Option<T>, Refusal>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let wrong = |error: T::Err| Refusal::new(Code::InvalidQuery, format!("`{name}`: {error}"));
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// Reads `limit`: 1 to `max`, `default` where absent.
pub(crate) fn limit(asked: Option<usize>, (default, max): (usize, usize)) -> Result<usize, Refusal> {
    match asked.unwrap_or(default) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(Refusal::new(Code::InvalidQuery, format!("`limit` is 1 to {max}"))),
    }
}
