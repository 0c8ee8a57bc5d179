//! Filters over the names of frames: `ingest.job.*,agent.message.appended`.

use std::str::FromStr;

use super::names::NAMES;

/// Which frames a viewer wants: a comma-separated list of names, of prefixes that end in `.*`, and of `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameFilter(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exactly(String),
    StartsWith(String),
}

/// A text that is no filter, or one that no frame can match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a comma-separated list of names of frames, of families like `ingest.job.*`, or `*`; {0:?} is none of them")]
pub struct InvalidNames(String);

impl NameFilter {
    /// Whether frames called `name` are wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == name,
            Self::StartsWith(prefix) => name.starts_with(prefix),
        }
    }
}

impl FromStr for NameFilter {
    type Err = InvalidNames;

    fn from_str(text: &str) -> Result<Self, InvalidNames> {
        text.split(',').map(|part| pattern(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn pattern(text: &str) -> Result<Pattern, InvalidNames> {
    let pattern = match text.strip_suffix('*') {
        Some("") => Pattern::StartsWith(String::new()),
        Some(family) if family.ends_with('.') => Pattern::StartsWith(family.to_owned()),
        _ => Pattern::Exactly(text.to_owned()),
    };
    let matches = NAMES.iter().any(|name| pattern.matches(name));
    if matches { Ok(pattern) } else { Err(InvalidNames(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_names_and_families() {
        let cases = [
            ("ingest.job.*", "ingest.job.updated", true),
            ("ingest.*", "ingest.job.updated", true),
            ("ingest.job.*", "agent.run.created", false),
            ("workflow.node.*", "workflow.node.started", true),
            ("workflow.node.*", "workflow.node_state.updated", false),
            ("agent.run.failed, agent.step.updated", "agent.step.updated", true),
            ("agent.run.failed", "agent.run.completed", false),
            ("*", "workflow.run.created", true),
        ];
        for (filter, name, wanted) in cases {
            let filter: NameFilter = filter.parse().unwrap();
            assert_eq!(filter.wants(name), wanted, "{filter:?} {name}");
        }
    }

    #[test]
    fn what_matches_nothing_is_no_filter() {
        for text in ["", "ingest", "ingest.job", "job.*", "ingest*", "agent.run.*,", "run.started", "snapshot"] {
            assert!(text.parse::<NameFilter>().is_err(), "{text:?}");
        }
    }
}
