//! An issuer of OIDC tokens on this machine, whose keys can change, and which can break down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use milepost_server::config::Push;
use serde_json::{Value, json};

pub(crate) struct Issuer {
    address: String,
    kid: String,
    key: Key,
    keys: Arc<Keys>,
}

#[derive(Default)]
struct Keys {
    set: Mutex<Value>,
    fetches: AtomicUsize,
    broken: AtomicBool,
}

/// A key pair, and its public half as a JWK.
struct Key {
    private: EncodingKey,
    jwk: Value,
}

impl Key {
    fn new(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let private = EncodingKey::from_rsa_der(pkcs1(der.as_ref()));
        let public = pair.public_key();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (n, e) =
            (public.modulus().big_endian_without_leading_zero(), public.exponent().big_endian_without_leading_zero());
        let jwk = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": part(n), "e": part(e)});
        Self { private, jwk }
    }
}

/// The RSA key inside of PKCS #8: the content of the last member of the outermost sequence.
fn pkcs1(pkcs8: &[u8]) -> &[u8] {
    // SEQUENCE (4 bytes of header), version (3), algorithm (15), OCTET STRING (4 bytes of header).
    &pkcs8[26..]
}

async fn keys(State(keys): State<Arc<Keys>>) -> Result<String, StatusCode> {
    keys.fetches.fetch_add(1, Ordering::Relaxed);
    if keys.broken.load(Ordering::Relaxed) {
        return Err(StatusCode::BAD_GATEWAY);
    }
    Ok(keys.set.lock().unwrap().to_string())
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Keys::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", get(keys)).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut issuer = Self { address, kid: "0".to_owned(), key: Key::new("0"), keys: shared };
        issuer.rotate();
        issuer
    }

    /// What a server is configured with that trusts it.
    pub(crate) fn push(&self, audience: &str, email: &str) -> Push {
        Push {
            issuer: self.address.clone(),
            audience: audience.to_owned(),
            email: Some(email.to_owned()),
            jwks_url: format!("{}/keys", self.address).parse().unwrap(),
        }
    }

    /// What Google would say of `email`.
    pub(crate) fn claims(&self, audience: &str, email: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({"iss": self.address, "aud": audience, "email": email, "email_verified": true, "azp": "1", "sub": "1",
            "iat": now, "exp": now + 3_600})
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.kid, claims)
    }

    /// Signs as if the key had another id.
    pub(crate) fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &self.key.private).unwrap()
    }

    /// Tokens that say the right things and are not signed by the issuer.
    pub(crate) fn forged(&self, claims: &Value) -> Vec<String> {
        let good = self.sign(claims);
        let (body, signature) = good.rsplit_once('.').unwrap();
        let (_, payload) = body.split_once('.').unwrap();
        let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "typ": "JWT", "kid": self.kid}).to_string());
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let other = Key::new("other");
        let header = |algorithm| Header { kid: Some(self.kid.clone()), ..Header::new(algorithm) };
        // The public key as the secret of a symmetric algorithm.
        let public = EncodingKey::from_secret(self.key.jwk["n"].as_str().unwrap().as_bytes());
        let changed = claims.to_string().replace("\"azp\":\"1\"", "\"azp\":\"2\"");
        vec![
            format!("{none}.{payload}."),
            format!("{none}.{payload}.{signature}"),
            encode(&header(Algorithm::HS256), claims, &public).unwrap(),
            encode(&header(Algorithm::RS512), claims, &self.key.private).unwrap(),
            encode(&header(Algorithm::RS256), claims, &other.private).unwrap(),
            encode(&Header { kid: Some("other".to_owned()), ..header(Algorithm::RS256) }, claims, &other.private)
                .unwrap(),
            format!("{}.{}.{signature}", body.split_once('.').unwrap().0, part(&changed)),
            format!("{body}."),
            body.to_owned(),
            "nonsense".to_owned(),
            "x".repeat(12_000),
        ]
    }

    /// The issuer signs with a new key from now on, and no longer knows the one before.
    pub(crate) fn rotate(&mut self) {
        self.kid = format!("key-{}", self.kid.len());
        self.key = Key::new(&self.kid);
        let another = Key::new("another").jwk;
        *self.keys.set.lock().unwrap() = json!({"keys": [another, self.key.jwk]});
    }

    pub(crate) fn break_down(&self, broken: bool) {
        self.keys.broken.store(broken, Ordering::Relaxed);
    }

    /// How often the keys were asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.keys.fetches.load(Ordering::Relaxed)
    }
}
