//! Pictures: `POST {base_url}/images/generations`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ChatSettings;
use super::call::{Refusal, send};
use crate::campaign::audit::decode;
use crate::campaign::caps::ANSWER_BYTES;
use crate::campaign::error::JobError;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    b64_json: String,
}

/// What is sent.
pub(super) fn request(model: &str, prompt: &str) -> Value {
    json!({"model": model, "prompt": prompt, "n": 1, "size": "1024x1024", "response_format": "b64_json"})
}

/// Asks for one picture, and looks whether it is one: PNG.
pub(super) async fn ask(http: &reqwest::Client, settings: &ChatSettings, request: &Value) -> Result<Vec<u8>, Refusal> {
    let response = send(http, settings, "images/generations", request).await?;
    let (mut bytes, mut text) = (response.bytes_stream(), Vec::new());
    while let Some(piece) = bytes.next().await {
        let piece = piece.map_err(|error| Refusal::passing(JobError::BrokenOff(error.without_url().to_string())))?;
        text.extend_from_slice(&piece);
        if text.len() > ANSWER_BYTES {
            return Err(nonsense("it does not end"));
        }
    }
    let read = move || {
        let answer: Answer = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let picture = answer.data.into_iter().next().ok_or_else(|| "there is no picture in it".to_owned())?;
        let picture = BASE64_STANDARD.decode(picture.b64_json.trim()).map_err(|error| error.to_string())?;
        decode(&picture).map_err(|reason| format!("the picture is no PNG: {reason}")).map(|()| picture)
    };
    // Decoding takes a core for some time.
    let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(|panic| Err(panic.to_string()));
    read.map_err(|reason| nonsense(&reason))
}

fn nonsense(what: &str) -> Refusal {
    Refusal::lasting(JobError::Unintelligible(what.to_owned()))
}
