//! The audit: looks at what came out of a campaign, whoever made it.

use std::collections::HashMap;
use std::io::Cursor;

use futures_util::StreamExt;
use milepost_client::{Client, ClientError};
use milepost_core::run::{Artifact, ArtifactState};
use milepost_core::{ArtifactId, RunId};
use serde::{Deserialize, Serialize};

use super::caps::POST_CHARS;

/// Characters that a post has at least.
const POST_CHARS_MIN: usize = 20;

/// Bytes of an artifact that are looked at. What is larger was not made here, and is not audited.
const AUDITED_BYTES: usize = 64 << 20;

/// Pixels of a picture that are decoded: a small file can unpack to gigabytes.
const PIXELS: u64 = 64 << 20;

/// Findings that are kept.
const FINDINGS: usize = 200;

/// What no post should promise: regulators of advertising ask for proof of such words.
const BANNED: &[&str] = &[
    "guaranteed",
    "risk-free",
    "risk free",
    "miracle",
    "get rich",
    "no side effects",
    "clinically proven",
    "100% safe",
];

/// What the audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Texts that were read.
    pub texts: u32,
    /// Pictures that were decoded.
    pub pictures: u32,
    /// What is wrong with them.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The run that made it.
    pub run: RunId,
    /// The artifact.
    pub artifact: ArtifactId,
    /// `too_short`, `too_long`, `banned_word`, `duplicate`, `unreadable`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Notes {
    /// The verdict: `passed`, or `findings`.
    pub fn verdict(&self) -> &'static str {
        if self.findings.is_empty() { "passed" } else { "findings" }
    }
}

/// Looks at every finished text and picture of a campaign.
///
/// # Errors
/// When the server cannot be reached.
pub async fn audit(client: &Client, campaign: &RunId) -> Result<Notes, ClientError> {
    let snapshot = client.snapshot(campaign).await?;
    let mut looked = Looked::default();
    for artifact in snapshot.artifacts.iter().filter(|artifact| artifact.state == ArtifactState::Ready) {
        let sort = Sort::of(artifact);
        if sort == Sort::Other || artifact.size.is_some_and(|size| size > AUDITED_BYTES as u64) {
            continue;
        }
        match fetch(client, artifact).await {
            Ok(bytes) => looked.look(artifact, sort, bytes).await,
            // It was announced as ready by somebody who keeps it elsewhere.
            Err(ClientError::Refused { status: 404, .. }) => {}
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => looked.find(artifact, "unreadable", error.to_string()),
        }
    }
    Ok(looked.notes)
}

async fn fetch(client: &Client, artifact: &Artifact) -> Result<Vec<u8>, ClientError> {
    let mut pieces = client.transport().get_artifact(&artifact.run, &artifact.artifact).await?.bytes;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| ClientError::Unreachable(error.to_string()))?);
        if bytes.len() > AUDITED_BYTES {
            break;
        }
    }
    Ok(bytes)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    Png,
    Other,
}

impl Sort {
    fn of(artifact: &Artifact) -> Self {
        let media_type = artifact.media_type.as_deref().unwrap_or_default();
        match media_type.split(';').next().unwrap_or_default().trim() {
            "text/markdown" | "text/plain" => Self::Text,
            "image/png" | "image/apng" => Self::Png,
            _ => Self::Other,
        }
    }
}

/// What was looked at so far.
#[derive(Default)]
struct Looked {
    notes: Notes,
    texts: HashMap<String, ArtifactId>,
}

impl Looked {
    async fn look(&mut self, artifact: &Artifact, sort: Sort, bytes: Vec<u8>) {
        if sort == Sort::Text {
            self.notes.texts += 1;
            match String::from_utf8(bytes) {
                Ok(text) => self.read(artifact, &text),
                Err(_) => self.find(artifact, "unreadable", "the text is not UTF-8".to_owned()),
            }
            return;
        }
        self.notes.pictures += 1;
        // Decoding takes a core for some time.
        let decoded = tokio::task::spawn_blocking(move || decode(&bytes)).await;
        if let Err(reason) = decoded.unwrap_or_else(|panic| Err(panic.to_string())) {
            self.find(artifact, "unreadable", reason);
        }
    }

    fn read(&mut self, artifact: &Artifact, text: &str) {
        // What stands below a line of dashes says who wrote it.
        let text = text.rsplit_once("\n---\n").map_or(text, |(post, _)| post).trim();
        let chars = text.chars().count();
        if chars < POST_CHARS_MIN {
            self.find(artifact, "too_short", format!("{chars} characters"));
        }
        if chars > POST_CHARS {
            self.find(artifact, "too_long", format!("{chars} characters"));
        }
        let lower = text.to_lowercase();
        for word in BANNED.iter().filter(|word| lower.contains(**word)) {
            self.find(artifact, "banned_word", format!("it says \"{word}\""));
        }
        let words = lower.split_whitespace().collect::<Vec<_>>().join(" ");
        match self.texts.get(&words).cloned() {
            Some(first) => self.find(artifact, "duplicate", format!("it says the same as {first}")),
            None => drop(self.texts.insert(words, artifact.artifact.clone())),
        }
    }

    fn find(&mut self, artifact: &Artifact, code: &str, message: String) {
        if self.notes.findings.len() < FINDINGS {
            let (run, artifact, code) = (artifact.run.clone(), artifact.artifact.clone(), code.to_owned());
            self.notes.findings.push(Finding { run, artifact, code, message });
        }
    }
}

/// Decodes every frame of a PNG.
pub(super) fn decode(bytes: &[u8]) -> Result<(), String> {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().map_err(|error| error.to_string())?;
    let info = reader.info();
    let frames = info.animation_control.map_or(1, |control| control.num_frames);
    if u64::from(info.width) * u64::from(info.height) > PIXELS {
        return Err("the picture is too large".to_owned());
    }
    let mut pixels = vec![0; reader.output_buffer_size().ok_or_else(|| "the picture is too large".to_owned())?];
    for _ in 0..frames {
        reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(name: &str) -> Artifact {
        let named = serde_json::json!({"artifact": name, "run": "c1:text", "state": "ready", "media_type": "text/markdown; charset=utf-8"});
        serde_json::from_value(named).unwrap()
    }

    #[tokio::test]
    async fn what_is_wrong_is_found() {
        let cases: &[(&str, &str)] = &[
            ("# Bread\n\nFresh every morning, from our oven.\n\n---\n*by us*", ""),
            ("# Bread\n\nFresh every  morning, from our OVEN.\n\n---\n*by them*", "duplicate"),
            ("short", "too_short"),
            ("This bread is guaranteed to make you happy.", "banned_word"),
            (&"long ".repeat(1_200), "too_long"),
        ];
        let mut looked = Looked::default();
        for (at, (text, expect)) in cases.iter().enumerate() {
            let name = format!("post-{at}.md");
            let found = looked.notes.findings.len();
            looked.look(&artifact(&name), Sort::Text, text.as_bytes().to_vec()).await;
            let codes: Vec<_> = looked.notes.findings[found..].iter().map(|finding| finding.code.as_str()).collect();
            assert_eq!(codes.join(" "), *expect, "{text}");
        }
        assert_eq!((looked.notes.texts, looked.notes.verdict()), (5, "findings"));
        looked.look(&artifact("image-1.png"), Sort::Png, b"\x89PNG\r\n\x1a\nnonsense".to_vec()).await;
        assert_eq!(looked.notes.findings.last().map(|finding| finding.code.as_str()), Some("unreadable"));
        assert_eq!(Notes::default().verdict(), "passed");
    }
}
