//! An endpoint that is told what happens, in the way of Standard Webhooks.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use milepost_core::{Cursor, EventType, Project, Run, RunId, Time};
use milepost_hub::{Hub, LogEntry};
use milepost_wire::native::write_event;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::sign::signatures;
use crate::config::Webhook;
use crate::outbox::{Next, Sink, Undelivered};

/// The longest pause, also where an endpoint asks for one.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// How long the hub may take to show what is in the log. It takes microseconds; a stream that is gone answers at once.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// Bytes of a body beyond which the run is left out. Receivers are told to expect small ones.
const BODY_BYTES: usize = 20 * 1024;

/// One configured endpoint.
pub(crate) struct Endpoint {
    webhook: Webhook,
    hub: Hub,
    http: reqwest::Client,
}

/// The body of a request.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: Time,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    project: &'a Project,
    stream: &'a RunId,
    run: &'a RunId,
    seq: u64,
    cursor: Cursor,
    /// The event as the API shows it.
    event: &'a RawValue,
    /// The run as it stands when this is sent; null when it is gone, or too large.
    current: Option<&'a Run>,
}

impl Endpoint {
    pub(crate) fn new(webhook: Webhook, hub: Hub) -> Result<Self, reqwest::Error> {
        // Only what is configured is asked, and not where it leads on to.
        let redirect = reqwest::redirect::Policy::none();
        let agent = concat!("milepost/", env!("CARGO_PKG_VERSION"));
        let http = reqwest::Client::builder().timeout(webhook.timeout).redirect(redirect).user_agent(agent).build()?;
        Ok(Self { webhook, hub, http })
    }

    async fn send(&self, entry: &LogEntry) -> Result<(), Undelivered> {
        let (id, now) = (self.id(entry), self.hub.now().millis() / 1_000);
        let body = self.body(entry).await;
        let signature = signatures(&self.webhook.secrets, &id, now, &body);
        let request = self.http.post(self.webhook.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header("webhook-id", id).header("webhook-timestamp", now);
        let sent = request.header("webhook-signature", signature).body(body).send().await;
        let failed = |reason: String, next| Err(Undelivered { done: 0, reason, next });
        let response = match sent {
            Ok(response) => response,
            Err(error) => return failed(in_words(&error), Next::Again),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let next = match (status, retry_after) {
            // It says itself that it will never be there again.
            (StatusCode::GONE, _) => Next::Bury,
            (_, Some(seconds)) => Next::After(Duration::from_secs(seconds).min(PAUSE_MAX)),
            _ => Next::Again,
        };
        failed(format!("the endpoint answered {status}"), next)
    }

    /// The same for each attempt, and another one for each endpoint: receivers know by it what they had before.
    fn id(&self, entry: &LogEntry) -> String {
        let LogEntry { project, stream, epoch, record, .. } = entry;
        let place = format!("{}\n{project}\n{stream}\n{epoch}\n{}", self.webhook.name, record.seq);
        let digest = Sha256::digest(place);
        digest.iter().take(16).fold("msg_".to_owned(), |mut id, byte| {
            // A string takes everything.
            write!(id, "{byte:02x}").unwrap_or_default();
            id
        })
    }

    async fn body(&self, entry: &LogEntry) -> Vec<u8> {
        let LogEntry { project, stream, epoch, record, .. } = entry;
        // The log has an event a moment before the hub shows it.
        drop(self.hub.moved(project, &record.run, record.seq - 1, SHOWN_WITHIN).await);
        let run = self.hub.snapshot(project, &record.run).await.ok();
        // A stream that was deleted and made again has other runs.
        let same = run.filter(|shown| shown.snapshot().cursor.epoch == Some(*epoch));
        let run: Option<Arc<Run>> = same.and_then(|shown| shown.snapshot().runs.first().cloned());
        let mut event = Vec::new();
        write_event(&mut event, stream, record, None);
        // The writer writes JSON.
        let event = String::from_utf8(event).ok().and_then(|text| RawValue::from_string(text).ok()).unwrap_or_default();
        let written = |current: Option<&Run>| {
            let (run, seq, cursor) = (&record.run, record.seq, Cursor::new(*epoch, record.seq));
            let data = Data { project, stream, run, seq, cursor, event: &event, current };
            let event_type = record.event_type.as_str();
            serde_json::to_vec(&Body { event_type, timestamp: record.time, data }).unwrap_or_default()
        };
        let body = written(run.as_deref());
        if body.len() > BODY_BYTES { written(None) } else { body }
    }
}

#[async_trait]
impl Sink for Endpoint {
    fn name(&self) -> &str {
        &self.webhook.name
    }

    fn types(&self) -> Option<&[EventType]> {
        Some(&self.webhook.events)
    }

    fn wants(&self, entry: &LogEntry) -> bool {
        self.webhook.projects.is_empty() || self.webhook.projects.contains(&entry.project)
    }

    fn at_once(&self) -> usize {
        1
    }

    fn patience(&self) -> Duration {
        self.webhook.retry_for
    }

    fn longest_pause(&self) -> Duration {
        PAUSE_MAX
    }

    async fn deliver(&self, entries: &[LogEntry]) -> Result<(), Undelivered> {
        for (done, entry) in entries.iter().enumerate() {
            self.send(entry).await.map_err(|undelivered| Undelivered { done, ..undelivered })?;
        }
        Ok(())
    }
}

/// Without the address, which may have a secret in it.
fn in_words(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "it took too long".to_owned() } else { "no connection".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
