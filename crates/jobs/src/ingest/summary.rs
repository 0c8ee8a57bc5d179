//! The counts of an ingestion: `summary.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was found. `files`, `lines` and `bytes` are those of the indexed text, and the sums over the languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The source, without credentials.
    pub repository: String,
    /// The ingested commit; `None` for an empty repository.
    pub commit: Option<String>,
    /// Files indexed.
    pub files: u64,
    /// Their lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was left out.
    pub skipped: Skipped,
    /// Totals by the language's name.
    pub languages: BTreeMap<String, LanguageTotals>,
}

/// Entries of the tree that were left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Files that are not text.
    pub binary: u64,
    /// Files too large to be source code.
    pub huge: u64,
    /// Symbolic links, which are never followed.
    pub symlink: u64,
    /// Other repositories.
    pub submodule: u64,
    /// Files that are indexed as text but whose symbols were given up: too large, nested too deeply, or too slow to
    /// parse.
    pub unparsed: u64,
}

/// The totals of one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageTotals {
    /// Files indexed.
    pub files: u64,
    /// Their lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Definitions and references found in them.
    pub symbols: u64,
}

impl Summary {
    /// Counts one indexed file.
    pub(crate) fn add(&mut self, language: &str, lines: u64, bytes: u64, symbols: u64) {
        self.files += 1;
        self.lines += lines;
        self.bytes += bytes;
        let totals = self.languages.entry(language.to_owned()).or_default();
        totals.files += 1;
        totals.lines += lines;
        totals.bytes += bytes;
        totals.symbols += symbols;
    }
}
