//! The parts of the configuration, as types that cannot be wrong.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use milepost_core::{EventType, Project};
use milepost_jobs::campaign::ChatSettings;
use url::Url;

/// Who may do what.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Everybody may do everything.
    Open {
        /// Keys of tokens, which are given and not used in this version.
        jwt: Option<Jwt>,
    },
}

/// How tokens are verified.
#[derive(Debug, Clone)]
pub struct Jwt {
    /// The one algorithm that is taken, whatever a token says.
    pub algorithm: Algorithm,
    /// Where the key is.
    pub key: KeySource,
    /// `iss` of every token.
    pub issuer: Option<String>,
    /// `aud` of every token.
    pub audience: Option<String>,
}

/// Signature algorithms of tokens (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFCs")]
pub enum Algorithm {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

/// Where the key of tokens is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file with the shared secret.
    SecretFile(PathBuf),
    /// A file with a public key in PEM.
    PublicKeyFile(PathBuf),
    /// An address of a key set.
    Jwks(Url),
}

/// Which web pages may use this server, with credentials.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// Their origins; none means no other page than our own.
    pub origins: Vec<Origin>,
}

/// An origin of web pages (RFC 6454), like `https://app.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Checks `text`.
    ///
    /// # Errors
    /// What is wrong: `*`, a path, another scheme than http or https.
    pub fn new(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Err("`*` is not possible together with credentials; name the origins".to_owned());
        }
        let url = Url::parse(text).map_err(|error| format!("{text:?} is no origin: {error}"))?;
        let origin = url.origin().ascii_serialization();
        if !matches!(url.scheme(), "http" | "https") || text.trim_end_matches('/') != origin {
            return Err(format!("{text:?} is no origin; one looks like {origin:?}"));
        }
        HeaderValue::try_from(origin).map(Self).map_err(|error| error.to_string())
    }

    /// As it stands in headers.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// Runs whose workers are silent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lease {
    /// A run that was stalled for so many seconds fails; never when absent.
    pub fail_stalled_after_s: Option<u32>,
}

/// The SignalR hub.
#[derive(Debug, Clone, Copy)]
pub struct SignalR {
    /// Whether clients are told what went wrong inside of a hub method.
    pub detailed_errors: bool,
    /// How often a silent server says something.
    pub keep_alive: Duration,
    /// How long a silent client counts as there.
    pub client_timeout: Duration,
    /// The largest message of a client.
    pub max_message_bytes: usize,
}

/// A chat endpoint that speaks the protocol of `OpenAI`.
#[derive(Debug, Clone)]
pub struct Llm {
    /// Where it is.
    pub base_url: Url,
    /// What to show to it.
    pub key: Option<Secret>,
    /// Which model to ask.
    pub model: String,
    /// Which model makes the pictures; they are drawn here where there is none.
    pub image_model: Option<String>,
    /// The longest silence.
    pub timeout: Duration,
    /// US dollars for a million prompt tokens and for a million completion tokens.
    pub prices: Option<(f64, f64)>,
}

impl Llm {
    /// What the jobs of campaigns need to know of it, wherever they run.
    pub fn chat(&self) -> ChatSettings {
        ChatSettings {
            base_url: self.base_url.to_string(),
            key: self.key.as_ref().map(|key| key.expose().to_owned()),
            model: self.model.clone(),
            image_model: self.image_model.clone(),
            silence: self.timeout,
            prices: self.prices,
        }
    }
}

/// The built-in ingestion.
#[derive(Debug, Clone, Copy)]
pub struct Ingest {
    /// Whether it may read from the disk of the server.
    pub allow_local: bool,
    /// Whether it may connect to private and loopback addresses.
    pub allow_private: bool,
    /// The largest repository; the default of the job where absent.
    pub max_bytes: Option<u64>,
    /// The most files; the default of the job where absent.
    pub max_files: Option<u64>,
    /// The longest run; the default of the job where absent.
    pub timeout: Option<Duration>,
    /// Between two frames that a viewer of a job gets, unless the stage changes.
    pub frame_interval: Duration,
}

/// Pushes of Google Pub/Sub whose tokens (OIDC) are verified.
#[derive(Debug, Clone)]
pub struct Push {
    /// `iss` of the tokens.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
    /// The service account that pushes; anyone's tokens with the right audience where absent.
    pub email: Option<String>,
    /// The keys of the issuer.
    pub jwks_url: Url,
}

/// A topic of Google Cloud Pub/Sub that gets every event.
#[derive(Debug, Clone)]
pub struct Bridge {
    /// `projects/PROJECT/topics/TOPIC`
    pub topic: String,
    /// Of which projects; all where empty.
    pub projects: Vec<Project>,
    /// An emulator, or anything else that needs no credentials; the service of Google where absent.
    pub endpoint: Option<Url>,
}

/// An endpoint that is told what happens.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// What it is called; unique. Another name is another endpoint, which is told what happens from then on.
    pub name: String,
    /// Where it is.
    pub url: Url,
    /// The keys that requests are signed with; more than one while they are changed.
    pub secrets: Vec<SigningKey>,
    /// Which events it is told of.
    pub events: Vec<EventType>,
    /// Of which projects; all where empty.
    pub projects: Vec<Project>,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// How long an event is tried for.
    pub retry_for: Duration,
}

/// The key of a webhook: bytes that are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
