//! What a model said, read with patience.

use serde::Deserialize;

use crate::campaign::writer::{Analysis, Written};

/// Characters of a headline: what a picture has room for.
const HEADLINE_CHARS: usize = 90;

/// Hashtags of a post.
const HASHTAGS: usize = 8;

#[derive(Deserialize)]
struct Said {
    name: Option<String>,
    goal: Option<String>,
    audience: Option<String>,
    tone: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    facts: Vec<String>,
}

/// The analysis in `text`, which may stand between other words; what it does not say is as in `known`. None without one.
pub(super) fn analysis(text: &str, known: Analysis) -> Option<Analysis> {
    let (from, to) = (text.find('{')?, text.rfind('}')?);
    let said: Said = serde_json::from_str(text.get(from..=to)?).ok()?;
    let given = |said: Option<String>| said.map(|text| line(&text, 120)).filter(|text| !text.is_empty());
    let all = |said: Vec<String>, known: Vec<String>, max: usize| {
        let said: Vec<String> =
            said.iter().map(|text| line(text, max)).filter(|text| !text.is_empty()).take(12).collect();
        if said.is_empty() { known } else { said }
    };
    Some(Analysis {
        name: given(said.name).unwrap_or(known.name),
        goal: given(said.goal).unwrap_or(known.goal),
        audience: given(said.audience),
        tone: given(said.tone),
        keywords: all(said.keywords, known.keywords, 40),
        facts: all(said.facts, known.facts, 300),
    })
}

/// The post in `text`: its first line is the headline, lines of hashtags are its hashtags. None when there is nothing.
pub(super) fn post(text: &str) -> Option<Written> {
    let mut lines = text.trim().lines().map(str::trim);
    let headline = lines.find(|line| !line.is_empty())?;
    let (mut body, mut hashtags) = (Vec::new(), Vec::new());
    for text in lines {
        let words: Vec<&str> = text.split_whitespace().collect();
        if !words.is_empty() && words.iter().all(|word| is_hashtag(word)) {
            hashtags.extend(words.into_iter().map(str::to_owned));
        } else {
            body.push(text);
        }
    }
    hashtags.truncate(HASHTAGS);
    let marks = |c: char| matches!(c, '#' | '*' | '"' | '“' | '”' | '_') || c.is_whitespace();
    let headline = line(headline.trim_matches(marks), HEADLINE_CHARS);
    let body = body.join("\n").trim().to_owned();
    // A model that has no more to say than one line said it in its headline.
    let body = if body.is_empty() { headline.clone() } else { body };
    (!headline.is_empty()).then_some(Written { headline, text: body, hashtags })
}

fn is_hashtag(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|tag| !tag.is_empty() && tag.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

fn line(text: &str, max: usize) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_read() {
        let written = |headline: &str, text: &str, hashtags: &[&str]| {
            let hashtags = hashtags.iter().map(|&tag| tag.to_owned()).collect();
            Some(Written { headline: headline.to_owned(), text: text.to_owned(), hashtags })
        };
        let cases = [
            ("Bread\n\nFresh.\n\n#bread #luna", written("Bread", "Fresh.", &["#bread", "#luna"])),
            ("\n## **Bread**\nFresh.\nDaily. #1 in town\n", written("Bread", "Fresh.\nDaily. #1 in town", &[])),
            ("\"Only this\"", written("Only this", "Only this", &[])),
            ("  \n ", None),
            ("###", None),
        ];
        for (text, expect) in cases {
            assert_eq!(post(text), expect, "{text:?}");
        }
    }

    #[test]
    fn an_analysis_is_found_between_other_words() {
        let known = || Analysis {
            name: "our shop".to_owned(),
            goal: "sales".to_owned(),
            audience: None,
            tone: None,
            keywords: vec!["shoes".to_owned()],
            facts: vec!["We sell shoes.".to_owned()],
        };
        let found =
            analysis("Sure!\n```json\n{\"name\": \"Shoe Inn\", \"tone\": \"warm\", \"keywords\": []}\n```", known())
                .unwrap();
        assert_eq!((&*found.name, &*found.goal, found.tone.as_deref()), ("Shoe Inn", "sales", Some("warm")));
        assert_eq!(found.keywords, ["shoes"]);
        for nonsense in ["", "no", "{", "}{", "{\"keywords\": 7}"] {
            assert_eq!(analysis(nonsense, known()), None, "{nonsense}");
        }
    }
}
