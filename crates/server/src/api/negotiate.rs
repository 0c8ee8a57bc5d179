//! In which form a client wants events.

use http::HeaderMap;
use http::header::ACCEPT;

/// The forms of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON document.
    Json,
    /// Server-Sent Events.
    EventStream,
    /// One JSON document per line.
    Lines,
}

impl Form {
    /// What `Accept` (RFC 9110, section 12.5.1) likes best; JSON where it does not say, or likes something else.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let forms = values.flat_map(|value| value.split(',')).filter_map(weighted);
        // Of those that are liked equally, the one that was named first.
        let best = forms.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.filter(|(weight, _)| *weight > 0.0).map_or(Self::Json, |(_, form)| form)
    }
}

fn weighted(range: &str) -> Option<(f32, Form)> {
    let mut parts = range.split(';').map(str::trim);
    let form = match parts.next()?.to_ascii_lowercase().as_str() {
        "text/event-stream" => Form::EventStream,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Form::Lines,
        "application/json" => Form::Json,
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse().ok())?;
    Some((weight, form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_form_is_found() {
        let cases = [
            ("*/*", Form::Json),
            ("text/event-stream", Form::EventStream),
            ("Text/Event-Stream; charset=utf-8", Form::EventStream),
            ("application/x-ndjson, */*", Form::Lines),
            ("application/json, text/event-stream", Form::Json),
            ("application/json;q=0.5, text/event-stream", Form::EventStream),
            ("text/event-stream;q=0", Form::Json),
            ("text/html", Form::Json),
        ];
        for (accept, expect) in cases {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Form::of(&headers), expect, "{accept}");
        }
        assert_eq!(Form::of(&HeaderMap::new()), Form::Json);
    }
}
