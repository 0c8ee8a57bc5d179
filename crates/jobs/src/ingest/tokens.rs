//! How code and questions are cut into terms.
//!
//! A word is a run of letters, digits and `_`. It gives one term as a whole and, where it is made of parts as in
//! `parse_config`, `parseConfig` or `HTTPServer`, one for each part, all in lower case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Longer words are data, and tantivy refuses terms beyond 64 KiB.
const MAX_WORD_BYTES: usize = 128;

/// The words of `text`, with their byte offsets.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        loop {
            let start = rest + text[rest..].find(is_word)?;
            let length = text[start..].find(|c| !is_word(c)).unwrap_or(text.len() - start);
            rest = start + length;
            if length <= MAX_WORD_BYTES {
                return Some((start, &text[start..rest]));
            }
        }
    })
}

/// The parts of a word, in lower case; none if it has only one.
pub(crate) fn parts(word: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = word.chars().peekable();
    let mut previous = None;
    while let Some(character) = characters.next() {
        if character == '_' {
            parts.push(String::new());
            previous = None;
            continue;
        }
        let next_is_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        let begins_part = character.is_uppercase()
            && previous.is_some_and(|previous: char| !previous.is_uppercase() || next_is_lower);
        if begins_part {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.extend(character.to_lowercase());
        }
        previous = Some(character);
    }
    parts.retain(|part| !part.is_empty());
    if parts.len() < 2 { Vec::new() } else { parts }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The tokenizer of the index. It counts the texts it is given, which is the only way to learn how far tantivy's own
/// thread has come.
#[derive(Clone, Default)]
pub(crate) struct CodeTokenizer {
    pub(crate) begun: Arc<AtomicU64>,
}

/// The terms of one text.
pub(crate) struct CodeTokens<'a> {
    words: Box<dyn Iterator<Item = (usize, &'a str)> + 'a>,
    parts: std::vec::IntoIter<String>,
    token: Token,
}

impl Tokenizer for CodeTokenizer {
    type TokenStream<'a> = CodeTokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> CodeTokens<'a> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        CodeTokens { words: Box::new(words(text)), parts: Vec::new().into_iter(), token: Token::default() }
    }
}

impl TokenStream for CodeTokens<'_> {
    fn advance(&mut self) -> bool {
        if let Some(part) = self.parts.next() {
            self.token.text = part;
            return true;
        }
        let Some((offset, word)) = self.words.next() else {
            return false;
        };
        self.parts = parts(word).into_iter();
        self.token.text.clear();
        self.token.text.extend(word.chars().flat_map(char::to_lowercase));
        self.token.offset_from = offset;
        self.token.offset_to = offset + word.len();
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_parts() {
        let found: Vec<_> = words("fn parse_config(x: &HTTPServer) -> Über2").collect();
        assert_eq!(found, [(0, "fn"), (3, "parse_config"), (16, "x"), (20, "HTTPServer"), (35, "Über2")]);
        let cases: [(&str, &[&str]); 8] = [
            ("parse_config", &["parse", "config"]),
            ("parseConfig", &["parse", "config"]),
            ("HTTPServer", &["http", "server"]),
            ("__init__", &[]),
            ("MAX_SIZE", &["max", "size"]),
            ("plain", &[]),
            ("___", &[]),
            ("", &[]),
        ];
        for (word, expect) in cases {
            assert_eq!(parts(word), expect, "{word}");
        }
    }

    #[test]
    fn endless_words_are_left_out() {
        let text = format!("a {} b", "x".repeat(MAX_WORD_BYTES + 1));
        assert_eq!(words(&text).map(|(_, word)| word).collect::<Vec<_>>(), ["a", "b"]);
    }
}
