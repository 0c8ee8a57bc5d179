//! `[[webhooks]]`: endpoints that are told what happens.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use milepost_core::{EventType, Project};

use super::ConfigError;
use super::file::WebhookTable;
use super::parse::{non_empty, url, within, wrong};
use super::sections::{SigningKey, Webhook};

/// What an endpoint may be told of: what somebody waits for, and not each step on the way.
const EVENTS: [EventType; 5] = [
    EventType::RunCompleted,
    EventType::RunFailed,
    EventType::RunCancelled,
    EventType::RunAudited,
    EventType::ArtifactReady,
];

/// Endpoints. Each has a task and a position of its own.
const WEBHOOKS_MAX: usize = 100;

/// How the secrets of Standard Webhooks begin, and how many bytes they have.
const SECRET_PREFIX: &str = "whsec_";
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

pub(super) fn all(tables: Vec<WebhookTable>) -> Result<Vec<Webhook>, ConfigError> {
    if tables.len() > WEBHOOKS_MAX {
        return Err(wrong("webhooks", format!("there are at most {WEBHOOKS_MAX}")));
    }
    let mut all: Vec<Webhook> = Vec::with_capacity(tables.len());
    for table in tables {
        let webhook = one(table)?;
        if all.iter().any(|known| known.name == webhook.name) {
            let reason = format!("{:?} is there twice: give one of them another name", webhook.name);
            return Err(wrong("webhooks.name", reason));
        }
        all.push(webhook);
    }
    Ok(all)
}

fn one(table: WebhookTable) -> Result<Webhook, ConfigError> {
    let WebhookTable { name, url: address, secret, secret_file, events, projects, timeout_s, retry_for_s } = table;
    let address = url("webhooks.url", address.as_deref().unwrap_or_default())?;
    let secret = match (secret, secret_file) {
        (Some(secret), None) => secret,
        (None, Some(file)) => {
            std::fs::read_to_string(&file).map_err(|error| wrong("webhooks.secret_file", format!("{file}: {error}")))?
        }
        _ => return Err(wrong("webhooks.secret", "give one of secret and secret_file")),
    };
    // Its path and its query may be secrets, and the name is shown.
    let host = || {
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", address.host_str().unwrap_or_default())
    };
    let projects = projects.unwrap_or_default().iter().map(|name| name.parse::<Project>()).collect::<Result<_, _>>();
    Ok(Webhook {
        name: non_empty("webhooks.name", name.unwrap_or_else(host))?,
        secrets: secrets(&secret)?,
        events: self::events(events)?,
        projects: projects.map_err(|error| wrong("webhooks.projects", error.to_string()))?,
        timeout: Duration::from_secs(within("webhooks.timeout_s", timeout_s.unwrap_or(20), 1, 60)?.into()),
        retry_for: Duration::from_secs(
            within("webhooks.retry_for_s", retry_for_s.unwrap_or(86_400), 1, 604_800)?.into(),
        ),
        url: address,
    })
}

/// One secret, or several with spaces between them. The text is not repeated in an error.
fn secrets(text: &str) -> Result<Vec<SigningKey>, ConfigError> {
    let key = |secret: &str| {
        let bytes = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then(|| SigningKey::new(bytes))
    };
    let keys: Option<Vec<SigningKey>> = text.split_whitespace().map(key).collect();
    let reason = "it is `whsec_` with 24 to 64 bytes in base64; several have spaces between them";
    keys.filter(|keys| !keys.is_empty()).ok_or_else(|| wrong("webhooks.secret", reason))
}

fn events(names: Option<Vec<String>>) -> Result<Vec<EventType>, ConfigError> {
    let Some(names) = names else { return Ok(EVENTS.to_vec()) };
    let known = |name: &String| EVENTS.iter().find(|event| event.as_str() == name).cloned();
    let all = EVENTS.iter().map(EventType::as_str).collect::<Vec<_>>().join(", ");
    let events: Option<Vec<EventType>> = names.iter().map(known).collect();
    events.filter(|events| !events.is_empty()).ok_or_else(|| wrong("webhooks.events", format!("they are {all}")))
}
