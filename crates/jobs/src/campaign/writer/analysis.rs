//! What a brief says, in the shape that writing needs.

use serde::{Deserialize, Serialize};

/// What a brief says. The result of the agent *Analysis*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::campaign) struct Analysis {
    /// What the business is called, or what to call it in the middle of a sentence.
    pub(super) name: String,
    /// What the campaign wants: `sales`, `launch`, `awareness` …
    pub(super) goal: String,
    /// Whom it speaks to, where that is known.
    #[serde(default)]
    pub(super) audience: Option<String>,
    /// How it speaks.
    #[serde(default)]
    pub(super) tone: Option<String>,
    /// Words that matter, the most important first.
    pub(super) keywords: Vec<String>,
    /// What the description says, a sentence each.
    pub(super) facts: Vec<String>,
}

impl Analysis {
    /// For people.
    pub(in crate::campaign) fn in_words(&self) -> String {
        let Self { name, goal, audience, tone, keywords, .. } = self;
        let mut words = format!("{name}: the goal is {goal}.");
        for (what, said) in [("audience", audience), ("tone", tone)] {
            if let Some(said) = said {
                words.push_str(&format!(" The {what} is {said}."));
            }
        }
        if !keywords.is_empty() {
            words.push_str(&format!(" What matters: {}.", keywords.join(", ")));
        }
        words
    }
}
