//! Filters over event types: `run.*,artifact.ready`.

use std::str::FromStr;

use crate::event::EventType;

/// Which event types a viewer wants: a comma-separated list of types, of prefixes that end in `.*`, and of `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeFilter(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exactly(EventType),
    StartsWith(String),
}

/// A text that is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`types` is a comma-separated list of event types, `run.*` or `*`; {0:?} is none of them")]
pub struct InvalidFilter(String);

impl TypeFilter {
    /// Whether `event_type` is wanted.
    pub fn wants(&self, event_type: &EventType) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Exactly(wanted) => wanted == event_type,
            Pattern::StartsWith(prefix) => event_type.as_str().starts_with(prefix),
        })
    }
}

impl FromStr for TypeFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        text.split(',').map(|part| pattern(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn pattern(text: &str) -> Result<Pattern, InvalidFilter> {
    if text == "*" {
        return Ok(Pattern::StartsWith(String::new()));
    }
    if let Some(family) = text.strip_suffix(".*") {
        let known = EventType::KNOWN.iter().any(|known| known.as_str().split('.').next() == Some(family));
        if known || family == "x" || family.starts_with("x.") {
            return Ok(Pattern::StartsWith(format!("{family}.")));
        }
    }
    text.parse().map(Pattern::Exactly).map_err(|_| InvalidFilter(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_types_and_families() {
        let cases = [
            ("run.*", "run.started", true),
            ("run.*", "artifact.ready", false),
            ("artifact.ready, run.failed", "run.failed", true),
            ("x.*", "x.mine", true),
            ("x.mine.*", "x.mine.too", true),
            ("*", "state.updated", true),
        ];
        for (filter, event_type, wanted) in cases {
            let filter: TypeFilter = filter.parse().unwrap();
            assert_eq!(filter.wants(&event_type.parse().unwrap()), wanted, "{filter:?} {event_type}");
        }
    }

    #[test]
    fn nonsense_is_no_filter() {
        for text in ["", "run", "run.", "walk.*", "run.*,", "run.exploded"] {
            assert!(text.parse::<TypeFilter>().is_err(), "{text:?}");
        }
    }
}
