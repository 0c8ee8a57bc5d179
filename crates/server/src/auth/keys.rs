//! The keys of an issuer (a JWK set, RFC 7517): fetched, kept, and fetched again when a token names one that is not there.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// How long fetching may take. A pusher waits for it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a key set. Real ones have a few thousand.
const SET_BYTES: usize = 1024 * 1024;

/// How long keys count as fresh where the issuer does not say, and within which bounds it may say.
const FRESH: Duration = Duration::from_secs(3_600);
const FRESH_MIN: Duration = Duration::from_secs(60);
const FRESH_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How long keys are used while the issuer cannot be reached. A key that was withdrawn is accepted for so long at most.
const STALE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Fetches in [`FETCH_WINDOW`]. Anybody can send tokens with made-up key ids, and must not make us hammer the issuer.
const FETCHES: usize = 5;
const FETCH_WINDOW: Duration = Duration::from_secs(60);

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// The issuer cannot be asked; later it may.
    Unavailable(String),
}

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct KeySet {
    url: Url,
    http: reqwest::Client,
    known: RwLock<Arc<Known>>,
    /// When keys were fetched lately. Who holds the lock is fetching, so that nobody else does.
    fetches: Mutex<VecDeque<Instant>>,
}

#[derive(Debug, Default)]
struct Known {
    set: Option<JwkSet>,
    fresh_until: Option<Instant>,
    usable_until: Option<Instant>,
}

impl KeySet {
    pub(super) fn new(url: Url) -> Result<Self, reqwest::Error> {
        // The address is the operator's choice, and where it leads on is not.
        let http =
            reqwest::Client::builder().timeout(FETCH_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { url, http, known: RwLock::default(), fetches: Mutex::default() })
    }

    /// The key with the id `kid`; the only one there is where a token names none.
    pub(super) async fn key(&self, kid: Option<&str>) -> Result<Jwk, NoKey> {
        if let Some(key) = self.known().fresh(kid) {
            return Ok(key);
        }
        let mut fetches = self.fetches.lock().await;
        // Somebody else may have fetched it meanwhile.
        let known = self.known();
        if let Some(key) = known.fresh(kid) {
            return Ok(key);
        }
        let now = Instant::now();
        fetches.retain(|fetch| now.duration_since(*fetch) < FETCH_WINDOW);
        if fetches.len() >= FETCHES {
            let none =
                if known.is_usable() { NoKey::Unknown } else { NoKey::Unavailable("asked too often".to_owned()) };
            return known.usable(kid).ok_or(none);
        }
        fetches.push_back(now);
        match self.fetch().await {
            Ok(fetched) => {
                let found = fetched.usable(kid).ok_or(NoKey::Unknown);
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fetched);
                found
            }
            Err(reason) => {
                tracing::warn!(url = %self.url, reason, "the keys of an issuer cannot be fetched");
                known.usable(kid).ok_or(NoKey::Unavailable(reason))
            }
        }
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<Known, String> {
        let in_words = |error: reqwest::Error| error.without_url().to_string();
        let response = self.http.get(self.url.clone()).send().await.map_err(in_words)?;
        if !response.status().is_success() {
            return Err(format!("the issuer answered {}", response.status()));
        }
        let fresh = max_age(response.headers()).unwrap_or(FRESH).clamp(FRESH_MIN, FRESH_MAX);
        let (mut response, mut text) = (response, Vec::new());
        while let Some(piece) = response.chunk().await.map_err(in_words)? {
            text.extend_from_slice(&piece);
            if text.len() > SET_BYTES {
                return Err("the key set is too large".to_owned());
            }
        }
        let set = serde_json::from_slice(&text).map_err(|error| format!("it is no key set: {error}"))?;
        let now = Instant::now();
        Ok(Known { set: Some(set), fresh_until: Some(now + fresh), usable_until: Some(now + STALE_MAX.max(fresh)) })
    }
}

impl Known {
    fn fresh(&self, kid: Option<&str>) -> Option<Jwk> {
        self.fresh_until.filter(|until| Instant::now() < *until)?;
        self.find(kid)
    }

    fn usable(&self, kid: Option<&str>) -> Option<Jwk> {
        if self.is_usable() { self.find(kid) } else { None }
    }

    fn is_usable(&self) -> bool {
        self.usable_until.is_some_and(|until| Instant::now() < until)
    }

    fn find(&self, kid: Option<&str>) -> Option<Jwk> {
        let set = self.set.as_ref()?;
        match (kid, set.keys.as_slice()) {
            (Some(kid), _) => set.find(kid).cloned(),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get(CACHE_CONTROL)?.to_str().ok()?.split(',');
    let mut ages = directives.filter_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok());
    ages.next().map(Duration::from_secs)
}
