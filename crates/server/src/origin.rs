//! Which web pages may make a browser act here.
//!
//! CORS keeps a foreign page from *reading* answers. It does not keep a page from sending a simple `POST`, nor from opening
//! a WebSocket, on behalf of whoever looks at it: against a server without authentication on the same machine that is all
//! an attacker needs. Browsers say by `Origin` which page it is; everything else has no such header, and is let through.

use axum::extract::Request;
use http::header::{HOST, ORIGIN, UPGRADE};
use http::{HeaderValue, Method};
use milepost_core::Code;

use crate::app::App;
use crate::problem::Refusal;

/// Refuses what a page of another origin sends, unless it is one of `cors.origins`.
pub(crate) fn check(app: &App, request: &Request) -> Result<(), Refusal> {
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if harmless && !request.headers().contains_key(UPGRADE) {
        return Ok(());
    }
    let own = request.headers().get(HOST).is_some_and(|host| is_same(origin, host));
    if own || app.config().cors.origins.iter().any(|known| known.header() == *origin) {
        return Ok(());
    }
    Err(Refusal::new(Code::Forbidden, "pages of this origin may not do that; `cors.origins` names those that may"))
}

/// Whether the page came from the address that it speaks to. The scheme is not compared: a proxy may speak TLS for us.
fn is_same(origin: &HeaderValue, host: &HeaderValue) -> bool {
    let (Ok(origin), Ok(host)) = (origin.to_str(), host.to_str()) else { return false };
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared() {
        let cases = [
            ("http://localhost:6453", "localhost:6453", true),
            ("https://Example.com", "example.com", true),
            ("http://localhost:5173", "localhost:6453", false),
            ("null", "localhost:6453", false),
            ("http://evil.example", "example.com", false),
        ];
        for (origin, host, expect) in cases {
            let (origin, host) = (HeaderValue::from_static(origin), HeaderValue::from_static(host));
            assert_eq!(is_same(&origin, &host), expect, "{origin:?} {host:?}");
        }
    }
}
