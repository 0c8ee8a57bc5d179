//! The offline writer: composes posts from the words of the brief, without any model.
//!
//! It finds the name, the words that matter and the sentences of the description, guesses what the campaign wants, and puts them into
//! patterns. The same brief always gives the same posts, and no two posts of a campaign have the same pattern until all were used.

mod angles;
mod words;

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Analysis, Written};
use crate::campaign::brief::Brief;
use angles::{ANGLES, Angle};
use words::{clip, goal_of, hashtag, key_words, name_of, sentences, upper_first};

/// Words that matter which are kept.
const KEYWORDS: usize = 10;

/// Characters of a headline: what a picture has room for.
const HEADLINE_CHARS: usize = 70;

/// Reads the brief.
pub(super) fn analyse(brief: &Brief) -> Analysis {
    let facts = sentences(&brief.business_description);
    let mut keywords = key_words(&brief.business_description, KEYWORDS);
    let name = name_of(&brief.business_description);
    if let Some(name) = &name {
        keywords.retain(|word| !name.to_lowercase().split_whitespace().any(|part| part == word));
    }
    let name =
        name.unwrap_or_else(|| keywords.first().map_or_else(|| "our team".to_owned(), |word| format!("our {word}")));
    let goal = goal_of(&brief.objective).name.to_owned();
    Analysis { name, goal, audience: None, tone: None, keywords, facts }
}

/// Writes the post with this number.
pub(super) fn write(brief: &Brief, analysis: &Analysis, number: u32) -> Written {
    let seed = seed(brief);
    let at = number.saturating_sub(1) as usize;
    // Every campaign begins with another angle, and goes round.
    let angle = &ANGLES[(at + seed as usize % ANGLES.len()) % ANGLES.len()];
    let round = at / ANGLES.len();
    let slots = Slots::of(brief, analysis, at, seed);
    let headline = clip(&upper_first(&slots.fill(pick(angle.headlines, seed, at, round))), HEADLINE_CHARS);
    let body = slots.fill(pick(angle.bodies, seed.rotate_left(7), at, round));
    let call = slots.fill(pick(goal_of(&brief.objective).calls, seed.rotate_left(13), at, 0));
    let text = format!("{body}\n\n{call}");
    Written { headline, text, hashtags: hashtags(analysis, angle, at) }
}

/// What the patterns' gaps are filled with: another fact and other words for each post.
struct Slots {
    name: String,
    fact: String,
    word: String,
    other: String,
    aim: String,
}

impl Slots {
    fn of(brief: &Brief, analysis: &Analysis, at: usize, seed: u64) -> Self {
        let nth = |list: &[String], at: usize, or: &str| match list.len() {
            0 => or.to_owned(),
            count => list[at % count].clone(),
        };
        let aims: Vec<String> = key_words(&brief.objective, 4);
        Self {
            name: analysis.name.clone(),
            fact: nth(&analysis.facts, at, "There is more to it than meets the eye."),
            word: nth(&analysis.keywords, at + seed as usize % 3, "craft"),
            other: nth(&analysis.keywords, at + 1 + seed as usize % 3, "care"),
            aim: nth(&aims, at, "what comes next"),
        }
    }

    fn fill(&self, pattern: &str) -> String {
        let Self { name, fact, word, other, aim } = self;
        let gaps = [("{name}", name), ("{fact}", fact), ("{word}", word), ("{other}", other), ("{aim}", aim)];
        let mut text = pattern.to_owned();
        for (gap, with) in gaps {
            text = text.replace(gap, with);
        }
        text
    }
}

fn pick<'a>(list: &[&'a str], seed: u64, at: usize, round: usize) -> &'a str {
    list[(seed as usize % list.len() + at + round) % list.len()]
}

fn hashtags(analysis: &Analysis, angle: &Angle, at: usize) -> Vec<String> {
    let words = analysis.keywords.iter().cycle().skip(at).take(analysis.keywords.len().min(2));
    let name = analysis.name.strip_prefix("our ").unwrap_or(&analysis.name);
    let mut tags: Vec<String> =
        [name].into_iter().chain(words.map(String::as_str)).chain([angle.tag]).filter_map(hashtag).collect();
    let mut seen = std::collections::HashSet::new();
    tags.retain(|tag| seen.insert(tag.to_lowercase()));
    tags
}

/// The same for the same brief, on every machine: `DefaultHasher::new` has fixed keys.
fn seed(brief: &Brief) -> u64 {
    let mut hasher = DefaultHasher::new();
    (brief.business_description.trim(), brief.objective.trim()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
