//! Asks an index.
//!
//! A question is a set of words: code is full of what query languages take for operators (`std::vec`, `-x`, `a[1]`), so
//! there is no query language, and no question is wrong.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, BoostQuery, EmptyQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{IndexReader, ReloadPolicy, TantivyDocument, Term};

use super::index::Fields;
use super::tokens;

/// More words do not make a question better, only slower.
const MAX_WORDS: usize = 32;
/// Hits in one answer.
const MAX_HITS: usize = 100;
/// Characters of a snippet; lines of generated files can be as long as the file.
const MAX_SNIPPET: usize = 240;
/// Characters of the question that are looked at and repeated in the answer.
const MAX_QUERY: usize = 1000;

/// How much more a word in the defined names, or in the path, weighs than one in the text.
const SYMBOL_BOOST: f32 = 4.0;
const PATH_BOOST: f32 = 2.0;
/// How much a part of a word, as `parse` in `parse_config`, weighs against the whole.
const PART_BOOST: f32 = 0.5;

/// An index that is open for questions. Cheap to keep; files are mapped, not read.
pub struct Index {
    reader: IndexReader,
    fields: Fields,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The question, shortened if it was very long.
    pub query: String,
    /// How many files match.
    pub total: u64,
    /// The best of them, best first.
    pub hits: Vec<Hit>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Its path in the repository.
    pub path: String,
    /// The first line that has the most words of the question, from 1; 1 if only the path matches.
    pub line: u64,
    /// How well it matches; to compare hits of one answer only.
    pub score: f32,
    /// That line, trimmed and shortened.
    pub snippet: String,
    /// The language's name.
    pub language: String,
}

/// The index cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the search index: {0}")]
pub struct SearchError(#[from] tantivy::TantivyError);

impl Index {
    /// Opens the index in `directory`, as it was written or unpacked.
    ///
    /// # Errors
    /// If there is no sound index.
    pub fn open(directory: &Path) -> Result<Self, SearchError> {
        let index = tantivy::Index::open_in_dir(directory)?;
        let fields = Fields::of(&index)?;
        // The index never changes, so nothing has to look for changes.
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { reader, fields })
    }

    /// The files that have all words of `query`, or any of them if none has all. At most `limit` (and 100) hits.
    ///
    /// # Errors
    /// Only if the index cannot be read, never because of `query`.
    pub fn search(&self, query: &str, limit: usize) -> Result<Answer, SearchError> {
        let query: String = query.chars().take(MAX_QUERY).collect();
        let words: Vec<&str> = tokens::words(&query).map(|(_, word)| word).take(MAX_WORDS).collect();
        let mut answer = self.run(&self.query(&words, Occur::Must), &words, limit)?;
        if answer.total == 0 && words.len() > 1 {
            answer = self.run(&self.query(&words, Occur::Should), &words, limit)?;
        }
        Ok(Answer { query, ..answer })
    }

    fn run(&self, query: &dyn Query, words: &[&str], limit: usize) -> Result<Answer, SearchError> {
        let searcher = self.reader.searcher();
        let top = TopDocs::with_limit(limit.clamp(1, MAX_HITS)).order_by_score();
        let (best, total) = searcher.search(query, &(top, Count))?;
        let terms = line_terms(words);
        let mut hits = Vec::with_capacity(best.len());
        for (score, address) in best.into_iter().take(limit) {
            let document: TantivyDocument = searcher.doc(address)?;
            let text = |field: Field| document.get_first(field).and_then(|value| value.as_str()).unwrap_or_default();
            let (line, snippet) = best_line(text(self.fields.content), &terms);
            let (path, language) = (text(self.fields.path).to_owned(), text(self.fields.language).to_owned());
            hits.push(Hit { path, line, score, snippet, language });
        }
        Ok(Answer { query: String::new(), total: total as u64, hits })
    }

    fn query(&self, words: &[&str], occur: Occur) -> Box<dyn Query> {
        if words.is_empty() {
            return Box::new(EmptyQuery);
        }
        let words = words.iter().map(|word| (occur, self.word(word))).collect();
        Box::new(BooleanQuery::new(words))
    }

    /// A word matches as a whole, or by all its parts.
    fn word(&self, word: &str) -> Box<dyn Query> {
        let mut ways = vec![(Occur::Should, self.term(&word.to_lowercase()))];
        let parts = tokens::parts(word);
        if !parts.is_empty() {
            let parts = parts.iter().map(|part| (Occur::Must, self.term(part))).collect();
            ways.push((Occur::Should, Box::new(BoostQuery::new(Box::new(BooleanQuery::new(parts)), PART_BOOST))));
        }
        Box::new(BooleanQuery::new(ways))
    }

    fn term(&self, term: &str) -> Box<dyn Query> {
        let fields = [(self.fields.content, 1.0), (self.fields.path, PATH_BOOST), (self.fields.symbols, SYMBOL_BOOST)];
        let fields = fields.map(|(field, boost)| {
            let query = TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::WithFreqs);
            (Occur::Should, Box::new(BoostQuery::new(Box::new(query), boost)) as Box<dyn Query>)
        });
        Box::new(BooleanQuery::new(fields.into()))
    }
}

/// What to look for in lines: each word, and its parts.
fn line_terms(words: &[&str]) -> Vec<Vec<String>> {
    words.iter().map(|word| std::iter::once(word.to_lowercase()).chain(tokens::parts(word)).collect()).collect()
}

/// The first line with the most of `terms`, where a whole word counts more than any number of parts.
fn best_line(text: &str, terms: &[Vec<String>]) -> (u64, String) {
    let mut best = (0, 1, text.lines().next().unwrap_or_default());
    for (number, line) in (1..).zip(text.lines()) {
        // Most lines have nothing of the question, which shows without cutting them into terms.
        let lower = line.to_lowercase();
        if !terms.iter().flatten().any(|term| lower.contains(term)) {
            continue;
        }
        let mut present = HashSet::new();
        for (_, word) in tokens::words(line) {
            present.extend(tokens::parts(word));
            present.insert(word.to_lowercase());
        }
        let matched = terms.iter().map(|word| weight(word, &present)).sum::<u64>();
        if matched > best.0 {
            best = (matched, number, line);
        }
    }
    (best.1, best.2.trim().chars().take(MAX_SNIPPET).collect())
}

/// How well a line with the terms `present` has the word of which `terms` are the whole and the parts.
fn weight(terms: &[String], present: &HashSet<String>) -> u64 {
    let found = terms.iter().map(|term| present.contains(term));
    found.enumerate().map(|(index, is_found)| u64::from(is_found) * if index == 0 { 64 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::index::{Document, Writer};
    use super::*;

    const FILES: [(&str, &str, &[&str]); 4] = [
        ("src/config.rs", "use std::fs;\n\n    fn parse_config() {}\n", &["parse_config"]),
        ("src/main.rs", "fn main() {\n    let x = parse_config();\n}\n", &["main"]),
        ("src/HttpServer.java", "class HttpServer {}\n", &["HttpServer"]),
        ("docs/parse.md", "Nothing here.\nHow to parse the config.\n", &[]),
    ];

    fn index() -> (tempfile::TempDir, Index) {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(directory.path()).unwrap();
        for (path, content, names) in FILES {
            let definitions: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            writer.add(&Document { path, language: "Rust", content, definitions: &definitions }).unwrap();
        }
        writer.finish().unwrap();
        let index = Index::open(directory.path()).unwrap();
        (directory, index)
    }

    #[test]
    fn questions_and_answers() {
        let (_directory, index) = index();
        // The question, the total, and the best hit with its line.
        let cases = [
            ("parse_config", 3, "src/config.rs", 3),
            ("PARSE_CONFIG", 3, "src/config.rs", 3),
            ("parseConfig", 3, "src/config.rs", 3),
            ("main", 1, "src/main.rs", 1),
            ("let x = parse_config();", 1, "src/main.rs", 2),
            ("http", 1, "src/HttpServer.java", 1),
            ("std::fs", 1, "src/config.rs", 1),
            ("nothing zzzz", 1, "docs/parse.md", 1),
            ("docs", 1, "docs/parse.md", 1),
            ("how parse config", 1, "docs/parse.md", 2),
        ];
        for (query, total, path, line) in cases {
            let answer = index.search(query, 10).unwrap();
            let best = answer.hits.first().map(|hit| (hit.path.as_str(), hit.line));
            assert_eq!((answer.total, best), (total, Some((path, line))), "{query}");
            assert_eq!(answer.query, query);
        }
        assert_eq!(index.search("parse_config", 1).unwrap().hits.len(), 1);
        assert_eq!(index.search("parse_config", 0).unwrap().hits.len(), 0);
        assert_eq!(index.search("fn main", 5).unwrap().hits[0].snippet, "fn main() {");
    }

    #[test]
    fn strange_questions_have_answers() {
        let (_directory, index) = index();
        let long = "word ".repeat(10_000);
        let strange = [
            "",
            " ",
            "\"",
            "(((",
            "a AND OR NOT",
            "path:",
            ":",
            "*",
            "^2",
            "[a TO",
            "-",
            "+-!",
            "\0",
            "\u{202e}",
            "🦀",
            "field:\"x",
            "~",
            "\\",
            &long,
        ];
        for query in strange {
            index.search(query, usize::MAX).unwrap();
        }
    }

    #[test]
    fn no_index_is_an_error() {
        assert!(Index::open(Path::new("/nonexistent")).is_err());
    }

    proptest! {
        #[test]
        fn no_question_fails(query in "\\PC{0,40}", limit in 0usize..200) {
            thread_local!(static INDEX: (tempfile::TempDir, Index) = index());
            INDEX.with(|(_, index)| index.search(&query, limit)).unwrap();
        }
    }
}
