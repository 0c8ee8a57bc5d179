//! From what was written to what it means.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use milepost_core::InvalidName;
use url::Url;

use super::file::{
    AuthTable, BridgeTable, CorsTable, File, IngestTable, JwtTable, LeaseTable, LlmTable, PushTable, SignalRTable,
};
use super::sections::{
    Algorithm, Auth, Bridge, Cors, Ingest, Jwt, KeySource, Lease, Llm, Origin, Push, Secret, SignalR,
};
use super::{Config, ConfigError};

const LISTEN: &str = "127.0.0.1:6453";
const DATA_DIR: &str = "milepost-data";
const MIN_INTERVAL_MS: u64 = 100;
const LLM_TIMEOUT_S: u32 = 60;
const GOOGLE_ISSUER: &str = "https://accounts.google.com";
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

pub(super) fn config(file: File, insecure: bool) -> Result<Config, ConfigError> {
    let File { listen, data_dir, auth: auth_table, cors, progress, lease, signalr, campaign, ingest, pubsub, webhooks } =
        file;
    let listen = listen.as_deref().unwrap_or(LISTEN);
    let listen: SocketAddr =
        listen.parse().map_err(|_| wrong("listen", format!("{listen:?} is no address with a port, like {LISTEN}")))?;
    let auth = auth(auth_table)?;
    if !listen.ip().is_loopback() && !insecure {
        return Err(ConfigError::Exposed(listen));
    }
    Ok(Config {
        listen,
        data_dir: PathBuf::from(non_empty("data_dir", data_dir.unwrap_or_else(|| DATA_DIR.to_owned()))?),
        auth,
        cors: origins(cors)?,
        min_interval_ms: within(
            "progress.min_interval_ms",
            progress.min_interval_ms.unwrap_or(MIN_INTERVAL_MS),
            0,
            60_000,
        )?,
        lease: self::lease(&lease)?,
        signalr: self::signalr(&signalr)?,
        llm: llm(campaign.llm)?,
        ingest: self::ingest(&ingest, listen)?,
        push: push(pubsub.push)?,
        bridge: bridge(pubsub.bridge)?,
        webhooks: super::webhooks::all(webhooks)?,
    })
}

fn auth(table: AuthTable) -> Result<Auth, ConfigError> {
    let jwt = jwt(table.jwt)?;
    match table.mode.as_deref() {
        None | Some("none") => Ok(Auth::Open { jwt }),
        Some("required") => Err(ConfigError::NoAuthentication),
        Some(_) => Err(wrong("auth.mode", "it is \"none\" or \"required\"")),
    }
}

fn jwt(table: JwtTable) -> Result<Option<Jwt>, ConfigError> {
    let JwtTable { algorithm, secret_file, public_key_file, jwks_url, issuer, audience } = table;
    let key = match (secret_file, public_key_file, jwks_url) {
        (None, None, None) if algorithm.is_none() && issuer.is_none() && audience.is_none() => return Ok(None),
        (Some(file), None, None) => KeySource::SecretFile(file.into()),
        (None, Some(file), None) => KeySource::PublicKeyFile(file.into()),
        (None, None, Some(address)) => KeySource::Jwks(url("auth.jwt.jwks_url", &address)?),
        _ => return Err(wrong("auth.jwt", "give one of secret_file, public_key_file and jwks_url")),
    };
    let algorithm = match algorithm.as_deref() {
        Some("HS256") => Algorithm::Hs256,
        Some("RS256") => Algorithm::Rs256,
        Some("ES256") => Algorithm::Es256,
        Some("EdDSA") => Algorithm::EdDsa,
        _ => return Err(wrong("auth.jwt.algorithm", "it is HS256, RS256, ES256 or EdDSA")),
    };
    // A public key that is taken for a shared secret lets everybody sign.
    if matches!(key, KeySource::SecretFile(_)) != (algorithm == Algorithm::Hs256) {
        return Err(wrong("auth.jwt.algorithm", "HS256 goes with secret_file, and the others with a public key"));
    }
    Ok(Some(Jwt { algorithm, key, issuer, audience }))
}

fn origins(table: CorsTable) -> Result<Cors, ConfigError> {
    let origins = table.origins.unwrap_or_default();
    let origins = origins.iter().map(|origin| Origin::new(origin)).collect::<Result<_, _>>();
    Ok(Cors { origins: origins.map_err(|reason| wrong("cors.origins", reason))? })
}

fn lease(table: &LeaseTable) -> Result<Lease, ConfigError> {
    if table.fail_stalled_after_s == Some(0) {
        return Err(wrong("lease.fail_stalled_after_s", "it is 1 or more; leave it out for never"));
    }
    Ok(Lease { fail_stalled_after_s: table.fail_stalled_after_s })
}

fn signalr(table: &SignalRTable) -> Result<SignalR, ConfigError> {
    let keep_alive = within("signalr.keep_alive_s", table.keep_alive_s.unwrap_or(15), 1, 3_600)?;
    let client_timeout = within("signalr.client_timeout_s", table.client_timeout_s.unwrap_or(60), 1, 3_600)?;
    Ok(SignalR {
        detailed_errors: table.detailed_errors.unwrap_or(false),
        keep_alive: Duration::from_secs(keep_alive.into()),
        client_timeout: Duration::from_secs(client_timeout.into()),
        max_message_bytes: within(
            "signalr.max_message_bytes",
            table.max_message_bytes.unwrap_or(102_400),
            1_024,
            64 << 20,
        )?,
    })
}

fn llm(table: LlmTable) -> Result<Option<Llm>, ConfigError> {
    let LlmTable { base_url, key, model, image_model, timeout_s, .. } = table;
    let prices = (table.prompt_usd_per_million, table.completion_usd_per_million);
    let (base_url, model) = match (base_url, model) {
        (Some(base_url), Some(model)) => (base_url, model),
        (None, None) if key.is_none() && image_model.is_none() && timeout_s.is_none() && prices == (None, None) => {
            return Ok(None);
        }
        _ => return Err(wrong("campaign.llm", "base_url and model go together, and the other keys with them")),
    };
    let prices = match prices {
        (None, None) => None,
        (Some(prompt), Some(completion)) if prompt >= 0.0 && completion >= 0.0 => Some((prompt, completion)),
        _ => {
            return Err(wrong(
                "campaign.llm",
                "prompt_usd_per_million and completion_usd_per_million go together, from 0 on",
            ));
        }
    };
    Ok(Some(Llm {
        base_url: url("campaign.llm.base_url", &base_url)?,
        key: key.map(Secret::new),
        model: non_empty("campaign.llm.model", model)?,
        image_model: image_model.map(|model| non_empty("campaign.llm.image_model", model)).transpose()?,
        timeout: Duration::from_secs(
            within("campaign.llm.timeout_s", timeout_s.unwrap_or(LLM_TIMEOUT_S), 1, 600)?.into(),
        ),
        prices,
    }))
}

/// Reading from the own machine is for development, which is what a loopback listener is taken for.
fn ingest(table: &IngestTable, listen: SocketAddr) -> Result<Ingest, ConfigError> {
    let here = listen.ip().is_loopback();
    if table.max_bytes == Some(0) || table.max_files == Some(0) || table.timeout_s == Some(0) {
        return Err(wrong("ingest", "max_bytes, max_files and timeout_s are 1 or more"));
    }
    Ok(Ingest {
        allow_local: table.allow_local.unwrap_or(here),
        allow_private: table.allow_private.unwrap_or(here),
        max_bytes: table.max_bytes,
        max_files: table.max_files,
        timeout: table.timeout_s.map(|seconds| Duration::from_secs(seconds.into())),
        frame_interval: Duration::from_millis(table.frame_interval_ms.unwrap_or(1_000).into()),
    })
}

fn push(table: PushTable) -> Result<Option<Push>, ConfigError> {
    let PushTable { issuer, audience, email, jwks_url } = table;
    let Some(audience) = audience else {
        return match (issuer, email, jwks_url) {
            (None, None, None) => Ok(None),
            _ => Err(wrong("pubsub.push.audience", "it is missing; without one any token of the issuer would do")),
        };
    };
    Ok(Some(Push {
        issuer: issuer.unwrap_or_else(|| GOOGLE_ISSUER.to_owned()),
        audience: non_empty("pubsub.push.audience", audience)?,
        email,
        jwks_url: url("pubsub.push.jwks_url", jwks_url.as_deref().unwrap_or(GOOGLE_KEYS))?,
    }))
}

fn bridge(table: BridgeTable) -> Result<Option<Bridge>, ConfigError> {
    let BridgeTable { topic, projects, endpoint } = table;
    let Some(topic) = topic else {
        return match (projects, endpoint) {
            (None, None) => Ok(None),
            _ => Err(wrong("pubsub.bridge.topic", "it is missing")),
        };
    };
    let parts: Vec<&str> = topic.split('/').collect();
    if !matches!(parts.as_slice(), ["projects", project, "topics", name] if !project.is_empty() && !name.is_empty()) {
        return Err(wrong("pubsub.bridge.topic", "it is written projects/PROJECT/topics/TOPIC"));
    }
    if !cfg!(feature = "pubsub") {
        let reason = "this program was built without the bridge; build it with `--features pubsub`";
        return Err(wrong("pubsub.bridge.topic", reason));
    }
    let projects = projects.unwrap_or_default().iter().map(|name| name.parse()).collect::<Result<_, _>>();
    Ok(Some(Bridge {
        topic,
        projects: projects.map_err(|error: InvalidName| wrong("pubsub.bridge.projects", error.to_string()))?,
        endpoint: endpoint.map(|endpoint| url("pubsub.bridge.endpoint", &endpoint)).transpose()?,
    }))
}

pub(super) fn url(key: &str, text: &str) -> Result<Url, ConfigError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(wrong(key, "it is an address that begins with https:// or http://")),
    }
}

pub(super) fn non_empty(key: &str, text: String) -> Result<String, ConfigError> {
    if text.trim().is_empty() { Err(wrong(key, "it is empty")) } else { Ok(text) }
}

pub(super) fn within<N: PartialOrd + std::fmt::Display>(
    key: &str,
    number: N,
    min: N,
    max: N,
) -> Result<N, ConfigError> {
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(ConfigError::Value { key: key.to_owned(), reason: "out of its range".to_owned() })
}

pub(super) fn wrong(key: &str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Value { key: key.to_owned(), reason: reason.into() }
}
