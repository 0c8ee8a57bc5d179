//! One call of the endpoint, and when to make it again.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use milepost_wire::sse::{Decoder, Item};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ChatSettings;
use crate::campaign::caps::{CALL_PAUSE, CALL_PAUSE_MAX, CALL_TRIES, CHUNK_BYTES};
use crate::campaign::error::JobError;

/// Characters of a refusal that are shown.
const REFUSAL_CHARS: usize = 300;

/// Bytes of a refusal that are read.
const REFUSAL_BYTES: usize = 64 * 1024;

/// A call that did not begin.
pub(super) struct Refusal {
    error: JobError,
    /// Whether the same call may succeed later.
    again: bool,
    /// When, as the endpoint wants it.
    retry_after: Option<Duration>,
}

impl Refusal {
    /// One that the same call gets again.
    pub(super) fn lasting(error: JobError) -> Self {
        Self { error, again: false, retry_after: None }
    }

    /// One that may pass.
    pub(super) fn passing(error: JobError) -> Self {
        Self { error, again: true, retry_after: None }
    }
}

/// Counts the tries.
pub(super) struct Retry {
    left: u32,
    pause: Duration,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self { left: CALL_TRIES, pause: CALL_PAUSE }
    }

    /// How long to wait before the next try.
    ///
    /// # Errors
    /// The refusal itself, when there is none.
    pub(super) fn after(&mut self, refusal: Refusal) -> Result<(JobError, Duration), JobError> {
        self.left -= 1;
        let wait = refusal.retry_after.unwrap_or(self.pause);
        if !refusal.again || self.left == 0 || wait > CALL_PAUSE_MAX {
            return Err(refusal.error);
        }
        self.pause *= 2;
        Ok((refusal.error, wait))
    }
}

/// An answer that comes piece by piece.
pub(super) struct Call {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    decoder: Decoder,
    pieces: VecDeque<String>,
    tokens: (u64, u64),
    finished: bool,
}

/// Begins a call. When this returns the endpoint has taken it.
pub(super) async fn begin(http: &reqwest::Client, settings: &ChatSettings, messages: &Value) -> Result<Call, Refusal> {
    let body = json!({
        "model": settings.model, "messages": messages, "stream": true, "stream_options": {"include_usage": true},
    });
    let response = send(http, settings, "chat/completions", &body).await?;
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.starts_with("text/event-stream") {
        let error = JobError::Unintelligible(format!("it is {media_type:?} where an event stream was asked for"));
        return Err(Refusal::lasting(error));
    }
    let bytes = response.bytes_stream().boxed();
    Ok(Call { bytes, decoder: Decoder::new(CHUNK_BYTES), pieces: VecDeque::new(), tokens: (0, 0), finished: false })
}

/// Sends a request. An answer that is a success is returned.
pub(super) async fn send(
    http: &reqwest::Client,
    settings: &ChatSettings,
    path: &str,
    body: &Value,
) -> Result<reqwest::Response, Refusal> {
    let mut request = http.post(format!("{}/{path}", settings.base_url)).json(body);
    if let Some(key) = &settings.key {
        request = request.bearer_auth(key);
    }
    // Errors of reqwest name the address, in which an operator may have put a secret.
    let unreachable = |error| Refusal::passing(JobError::Unreachable(in_words(error)));
    let response = request.send().await.map_err(unreachable)?;
    if response.status().is_success() { Ok(response) } else { Err(refused(response).await) }
}

async fn refused(response: reqwest::Response) -> Refusal {
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    let mut text = Vec::new();
    let mut bytes = response.bytes_stream();
    while let Some(Ok(piece)) = bytes.next().await
        && text.len() < REFUSAL_BYTES
    {
        text.extend_from_slice(&piece);
    }
    let text = String::from_utf8_lossy(&text);
    let said = serde_json::from_str::<Value>(&text).ok();
    let said = said.as_ref().and_then(|said| said["error"]["message"].as_str()).unwrap_or(&text);
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(REFUSAL_CHARS).collect();
    let words = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    let (error, again) = match status {
        StatusCode::TOO_MANY_REQUESTS => (JobError::Busy(words), true),
        _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => (JobError::Busy(words), true),
        _ => (JobError::Refused(words), false),
    };
    Refusal { error, again, retry_after }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); a date is not used by such endpoints.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn in_words(error: reqwest::Error) -> String {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    if timed_out { "it does not answer in time".to_owned() } else { cause }
}

/// A chunk of a streamed answer, as far as it matters.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Call {
    /// The next piece of the text; none at its end.
    ///
    /// # Errors
    /// [`JobError::BrokenOff`] when the answer ends in the middle, [`JobError::Unintelligible`] when it is none.
    pub(super) async fn next(&mut self) -> Result<Option<String>, JobError> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.take(&bytes)?,
                Some(Err(error)) if !self.finished => return Err(JobError::BrokenOff(in_words(error))),
                None if !self.finished => return Err(JobError::BrokenOff("the answer stops in the middle".to_owned())),
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    /// Tokens of the prompt and of the answer, once that has ended.
    pub(super) fn tokens(&self) -> (u64, u64) {
        self.tokens
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), JobError> {
        let nonsense = |what: String| JobError::Unintelligible(what);
        let mut items = Vec::new();
        self.decoder.push(bytes, &mut items).map_err(|error| nonsense(error.to_string()))?;
        for item in items {
            let Item::Event { data, .. } = item else { continue };
            if data.trim() == "[DONE]" {
                self.finished = true;
                continue;
            }
            let chunk: Chunk =
                serde_json::from_str(&data).map_err(|error| nonsense(format!("a chunk is no JSON: {error}")))?;
            if let Some(error) = chunk.error {
                let said = error["message"].as_str().unwrap_or("without a reason");
                return Err(JobError::BrokenOff(said.chars().take(REFUSAL_CHARS).collect()));
            }
            if let Some(tokens) = chunk.usage {
                self.tokens = (tokens.prompt_tokens, tokens.completion_tokens);
            }
            for choice in chunk.choices {
                self.finished |= choice.finish_reason.is_some();
                self.pieces.extend(choice.delta.content.filter(|content| !content.is_empty()));
            }
        }
        Ok(())
    }
}
