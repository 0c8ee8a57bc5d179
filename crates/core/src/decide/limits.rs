//! The bounds of what one event may carry.

use super::Refusal;
use crate::caps;
use crate::event::{Body, ErrorInfo, RunCreated};
use crate::fold::json_len;

/// Refuses `count` of `what` beyond `max`.
pub(super) fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), Refusal> {
    if count <= max {
        return Ok(());
    }
    Err(Refusal::Limit { what, max: max as u64 })
}

/// Checks every text, number and document of an event against its bound.
pub(super) fn check(body: &Body) -> Result<(), Refusal> {
    match body {
        Body::RunCreated(data) => created(data),
        Body::RunStarted(data) => {
            if data.attempt == Some(0) {
                return Err(Refusal::Invalid("attempts count from 1".to_owned()));
            }
            lease(data.lease_seconds)
        }
        Body::RunProgressed(data) => {
            labels([data.stage.as_ref().and_then(Option::as_deref), data.unit.as_ref().and_then(Option::as_deref)])?;
            sentence(data.message.as_ref().and_then(Option::as_deref))
        }
        Body::RunWaiting(data) => sentence(data.reason.as_deref()),
        Body::RunResumed(data) => sentence(data.reason.as_deref()),
        Body::RunCancelRequested(data) => {
            labels([data.by.as_deref()])?;
            sentence(data.reason.as_deref())
        }
        Body::RunFailed(data) => error(data.error.as_ref()),
        Body::RunCancelled(data) => sentence(data.reason.as_deref()),
        Body::RunAudited(data) => labels([data.verdict.as_deref()]),
        Body::ArtifactPending(data) => {
            labels([data.artifact_type.as_deref(), data.name.as_deref(), data.media_type.as_deref()])
        }
        Body::ArtifactReady(data) => {
            let labelled = [&data.artifact_type, &data.name, &data.media_type, &data.sha256];
            labels(labelled.map(|text| text.as_deref()))?;
            sentence(data.url.as_deref())
        }
        Body::ArtifactFailed(data) => error(data.error.as_ref()),
        Body::MessageAppended(data) => labels([data.role.as_deref()]),
        Body::StateUpdated(data) => labels([data.key.as_deref()]),
        // The size of the whole event bounds these.
        Body::RunStalled(_)
        | Body::RunRecovered(_)
        | Body::RunCompleted(_)
        | Body::RunAuditStarted(_)
        | Body::ArtifactAppended(_)
        | Body::Custom(..) => Ok(()),
    }
}

fn created(data: &RunCreated) -> Result<(), Refusal> {
    labels([data.name.as_deref()])?;
    lease(data.lease_seconds)?;
    at_most("bytes of metadata", json_len(data.metadata.as_ref()), caps::METADATA_BYTES)?;
    at_most("expected children", data.expected_children.unwrap_or(0) as usize, caps::RUNS_PER_TREE)?;
    if data.metadata.as_ref().is_some_and(|metadata| !metadata.is_object()) {
        return Err(Refusal::Invalid("`metadata` is an object".to_owned()));
    }
    match data.weight {
        Some(weight) if !(0.0..=caps::WEIGHT_MAX).contains(&weight) => {
            Err(Refusal::Invalid(format!("`weight` is a number from 0 to {}", caps::WEIGHT_MAX)))
        }
        _ => Ok(()),
    }
}

fn lease(seconds: Option<u32>) -> Result<(), Refusal> {
    match seconds {
        Some(seconds) if !(1..=caps::LEASE_SECONDS_MAX).contains(&seconds) => {
            Err(Refusal::Invalid(format!("`lease_seconds` is 1 to {}", caps::LEASE_SECONDS_MAX)))
        }
        _ => Ok(()),
    }
}

fn error(error: Option<&ErrorInfo>) -> Result<(), Refusal> {
    labels([error.map(|error| error.code.as_str())])?;
    sentence(error.map(|error| error.message.as_str()))
}

fn labels<const N: usize>(texts: [Option<&str>; N]) -> Result<(), Refusal> {
    texts.into_iter().flatten().try_for_each(|text| {
        at_most(
            "characters in a name, a stage, a unit, a type, a key or a code",
            text.chars().count(),
            caps::LABEL_CHARS,
        )
    })
}

fn sentence(text: Option<&str>) -> Result<(), Refusal> {
    let chars = text.map_or(0, |text| text.chars().count());
    at_most("characters in a message, a reason or a URL", chars, caps::SENTENCE_CHARS)
}
