//! Finding names, words and sentences in a text, and what a campaign wants.

use std::collections::HashMap;

/// Characters of a sentence that becomes part of a post.
const SENTENCE_CHARS: usize = 220;

/// Words that say nothing by themselves.
const COMMON: &[&str] = &[
    "about",
    "above",
    "after",
    "again",
    "also",
    "always",
    "among",
    "another",
    "around",
    "based",
    "because",
    "been",
    "before",
    "being",
    "best",
    "better",
    "between",
    "both",
    "bring",
    "brings",
    "business",
    "called",
    "campaign",
    "come",
    "comes",
    "company",
    "could",
    "during",
    "each",
    "every",
    "everyone",
    "everything",
    "find",
    "first",
    "from",
    "gets",
    "give",
    "gives",
    "good",
    "great",
    "have",
    "having",
    "help",
    "helps",
    "here",
    "high",
    "increase",
    "into",
    "itself",
    "just",
    "keep",
    "know",
    "known",
    "like",
    "long",
    "made",
    "make",
    "makes",
    "making",
    "many",
    "more",
    "most",
    "much",
    "need",
    "needs",
    "never",
    "offer",
    "offers",
    "only",
    "other",
    "others",
    "over",
    "people",
    "provide",
    "provides",
    "quality",
    "really",
    "sell",
    "sells",
    "serve",
    "serves",
    "should",
    "since",
    "small",
    "some",
    "such",
    "take",
    "takes",
    "than",
    "that",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "thing",
    "things",
    "this",
    "those",
    "through",
    "together",
    "under",
    "until",
    "using",
    "very",
    "want",
    "wants",
    "ways",
    "well",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "whose",
    "will",
    "with",
    "within",
    "without",
    "work",
    "works",
    "would",
    "year",
    "years",
    "your",
    "yours",
    "ours",
    "self",
    "must",
    "same",
    "does",
    "done",
    "even",
    "ever",
    "next",
    "once",
    "part",
    "per",
    "via",
    "its",
    "the",
    "and",
    "for",
    "are",
    "our",
    "you",
    "has",
    "was",
    "who",
    "how",
    "all",
    "any",
    "can",
    "not",
    "but",
    "out",
    "own",
    "one",
    "two",
    "new",
    "use",
    "get",
    "let",
    "may",
];

/// What campaigns want.
pub(super) struct Goal {
    pub(super) name: &'static str,
    /// Beginnings of words that tell.
    signs: &'static [&'static str],
    /// What to ask the reader for.
    pub(super) calls: &'static [&'static str],
}

const GOALS: &[Goal] = &[
    Goal {
        name: "sign-ups",
        signs: &["sign", "subscri", "newsletter", "regist", "waitlist", "join", "member", "enrol", "book"],
        calls: &[
            "Sign up today and be the first to hear more.",
            "Your place is waiting: join us.",
            "It takes a minute to register. Do it now, thank yourself later.",
            "Save your seat before it is gone.",
        ],
    },
    Goal {
        name: "a launch",
        signs: &["launch", "introduc", "releas", "opening", "announc", "premier"],
        calls: &[
            "Be there from the first day.",
            "Mark the date and tell a friend.",
            "The doors open soon. Stay close.",
            "Want to see it before everybody else? Follow along.",
        ],
    },
    Goal {
        name: "hiring",
        signs: &["hire", "hiring", "recruit", "talent", "applicant", "candidate"],
        calls: &[
            "Sounds like you? Write to us.",
            "We are looking for people who care. Apply today.",
            "Know somebody who would fit? Tag them.",
            "Come as you are, and help us build it.",
        ],
    },
    Goal {
        name: "donations",
        signs: &["donat", "fundrais", "charit", "volunteer", "sponsor"],
        calls: &[
            "Every contribution counts. Give what you can.",
            "Lend a hand this month.",
            "Share this with somebody who cares.",
            "Together it works. Be part of it.",
        ],
    },
    Goal {
        name: "sales",
        signs: &[
            "sale", "sell", "revenue", "order", "purchas", "buy", "custom", "convert", "shop", "visit", "foot", "guest",
        ],
        calls: &[
            "Come and see for yourself.",
            "Order yours today.",
            "Drop by this week; we would love to see you.",
            "Treat yourself. You will know why after the first time.",
        ],
    },
    Goal {
        name: "engagement",
        signs: &["engag", "communit", "follow", "comment", "share", "loyal"],
        calls: &[
            "Tell us in the comments.",
            "Share your story with us.",
            "Which one are you? Let us know below.",
            "Tag the friend who came to mind.",
        ],
    },
    Goal {
        name: "awareness",
        signs: &[],
        calls: &[
            "Follow along for more.",
            "Now you know. Pass it on.",
            "Save this for later, and tell a friend.",
            "There is more where this came from. Stay with us.",
        ],
    },
];

/// What the objective is after. What is not recognised is awareness.
pub(super) fn goal_of(objective: &str) -> &'static Goal {
    let words: Vec<String> = tokens(objective).map(str::to_lowercase).collect();
    let told = |goal: &Goal| words.iter().any(|word| goal.signs.iter().any(|sign| word.starts_with(sign)));
    GOALS.iter().find(|goal| told(goal)).unwrap_or(&GOALS[GOALS.len() - 1])
}

/// What the business is called: the capitalised words that the description begins with, or those that it repeats.
pub(super) fn name_of(description: &str) -> Option<String> {
    let words: Vec<&str> = description.split_whitespace().take(60).collect();
    let first: Vec<&str> = words.iter().copied().take_while(|word| is_capitalised(word)).collect();
    let opening = |word: &&str| {
        ["a", "an", "the", "we", "our", "at", "in", "for", "from", "this"].contains(&&*word.to_lowercase())
    };
    let begins: Vec<&str> = first.iter().copied().skip_while(opening).collect();
    // A single capitalised word that begins a sentence says nothing, unless a verb follows: "Milepost is …".
    let follows = words.get(first.len()).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase());
    let verb = follows.is_some_and(|word| {
        ["is", "are", "makes", "offers", "sells", "builds", "helps", "brings", "serves", "provides", "runs", "was"]
            .contains(&&*word)
    });
    if begins.len() >= 2 || (begins.len() == 1 && verb) {
        return Some(tidy(&begins.join(" ")));
    }
    let called = words
        .windows(2)
        .find(|pair| ["called", "named"].contains(&&*pair[0].to_lowercase()) && is_capitalised(pair[1]));
    called.map(|pair| tidy(pair[1]))
}

fn is_capitalised(word: &str) -> bool {
    word.chars().next().is_some_and(|first| first.is_uppercase() || first.is_numeric())
        // A sentence ends with the word before.
        && !word.contains(['"', '('])
}

fn tidy(name: &str) -> String {
    let name = name.trim_end_matches("'s").trim_end_matches("’s");
    clip(name.trim_matches(|c: char| !c.is_alphanumeric()), 40)
}

/// What a verb follows: what comes next is nothing that one can talk about.
const BEFORE_VERBS: &[&str] = &["we", "you", "they", "i", "he", "she", "it", "who", "to", "can", "will"];

/// The words that matter, the most important first: those that come often, and early. Names are none, unless there is nothing else.
pub(super) fn key_words(text: &str, count: usize) -> Vec<String> {
    let found = scored(text, count, Names::LeftOut);
    if found.len() > 1 { found } else { scored(text, count, Names::Taken) }
}

#[derive(Clone, Copy, PartialEq)]
enum Names {
    LeftOut,
    Taken,
}

fn scored(text: &str, count: usize, names: Names) -> Vec<String> {
    let mut scores: HashMap<String, (f64, usize)> = HashMap::new();
    let (mut begins, mut before) = (true, String::new());
    for (at, raw) in text.split_whitespace().enumerate() {
        let word = raw.trim_matches(|c: char| !c.is_alphanumeric());
        let is_name = !begins && word.starts_with(char::is_uppercase);
        let is_verb = BEFORE_VERBS.contains(&&*before);
        begins = raw.ends_with(['.', '!', '?', ':', ';']);
        before = word.to_lowercase();
        if matters(&before) && (names == Names::Taken || !is_name && !is_verb) {
            let known = scores.entry(before.clone()).or_insert((0.0, at));
            known.0 += 1.0 + (before.chars().count() as f64 / 24.0) + 1.0 / (1.0 + at as f64 / 12.0);
        }
    }
    let mut words: Vec<_> = scores.into_iter().collect();
    words.sort_by(|(a, (score, at)), (b, (other, other_at))| {
        other.total_cmp(score).then(at.cmp(other_at)).then_with(|| a.cmp(b))
    });
    words.into_iter().take(count).map(|(word, _)| word).collect()
}

/// Whether a word (in small letters) says anything by itself. Where words are not written apart, a whole clause looks like one, and
/// those with a hyphen are seldom nouns.
fn matters(word: &str) -> bool {
    (3..=24).contains(&word.chars().count())
        && word.chars().all(char::is_alphanumeric)
        && !word.chars().all(char::is_numeric)
        && !COMMON.contains(&word)
}

/// The sentences of a text, without their full stops, each no longer than a post can quote.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | ';' | '\n' | '。' | '！' | '？');
    let parts = text.split(ends).map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    parts
        .filter(|part| part.chars().count() >= 8)
        .map(|part| finish(&clip(&upper_first(&part), SENTENCE_CHARS)))
        .take(24)
        .collect()
}

fn finish(sentence: &str) -> String {
    if sentence.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | '%' | '"')) {
        format!("{sentence}.")
    } else {
        sentence.to_owned()
    }
}

/// A word, or several, as a hashtag; none when nothing is left of it.
pub(super) fn hashtag(words: &str) -> Option<String> {
    let parts = words.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let tag: String = parts.map(upper_first).collect();
    (!tag.is_empty() && tag.chars().count() <= 30).then(|| format!("#{tag}"))
}

pub(super) fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// At most `max` characters, cut between words.
pub(super) fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(max.saturating_sub(1)).collect();
    let whole = cut.rfind(char::is_whitespace).filter(|at| *at > cut.len() / 2).map_or(&*cut, |at| &cut[..at]);
    format!("{}…", whole.trim_end_matches(|c: char| !c.is_alphanumeric()))
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '-')
        .map(|word| word.trim_matches('-'))
        .filter(|word| !word.is_empty())
}
