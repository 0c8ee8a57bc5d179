//! Media types of bodies with events.

use milepost_core::Code;

use crate::rejected::Rejected;

/// What a body with events is, going by its `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// JSON of any name, or no type at all.
    Json,
    /// One JSON document per line.
    Lines,
    /// One event of the `CloudEvents` structured mode.
    CloudEvent,
    /// A batch of `CloudEvents`.
    CloudEvents,
}

impl Media {
    /// Reads a `Content-Type` (RFC 9110, section 8.3.1).
    ///
    /// # Errors
    /// `unsupported_media_type`, also for a charset other than UTF-8.
    pub(crate) fn of(content_type: Option<&str>) -> Result<Self, Rejected> {
        let mut parts = content_type.unwrap_or_default().split(';').map(|part| part.trim().to_ascii_lowercase());
        let essence = parts.next().unwrap_or_default();
        let charset =
            parts.find_map(|part| part.strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned()));
        let utf8 = charset.is_none_or(|name| matches!(name.as_str(), "utf-8" | "utf8" | "us-ascii"));
        let media = match essence.as_str() {
            // Plain `curl -d` sends the type of forms, whatever it sends.
            "" | "application/json" | "text/json" | "application/x-www-form-urlencoded" => Self::Json,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Self::Lines,
            "application/cloudevents+json" => Self::CloudEvent,
            "application/cloudevents-batch+json" => Self::CloudEvents,
            other if other.ends_with("+json") => Self::Json,
            _ => return Err(unsupported(&essence)),
        };
        if utf8 { Ok(media) } else { Err(unsupported(content_type.unwrap_or_default())) }
    }
}

fn unsupported(content_type: &str) -> Rejected {
    let detail =
        format!("{content_type:?} is not taken here; send application/json, application/x-ndjson or CloudEvents");
    Rejected::new(Code::UnsupportedMediaType, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_understood() {
        let cases = [
            (None, Some(Media::Json)),
            (Some("application/json; charset=\"UTF-8\""), Some(Media::Json)),
            (Some("Application/Vnd.Mine+JSON"), Some(Media::Json)),
            (Some("application/x-ndjson"), Some(Media::Lines)),
            (Some("application/cloudevents+json;charset=utf-8"), Some(Media::CloudEvent)),
            (Some("application/cloudevents-batch+json"), Some(Media::CloudEvents)),
            (Some("application/json; charset=utf-16"), None),
            (Some("application/x-www-form-urlencoded"), Some(Media::Json)),
            (Some("text/plain"), None),
        ];
        for (content_type, expect) in cases {
            let code = expect.ok_or(Code::UnsupportedMediaType);
            assert_eq!(Media::of(content_type).map_err(|rejected| rejected.code), code, "{content_type:?}");
        }
    }
}
