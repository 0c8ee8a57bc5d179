//! Symbols, and the file they are kept in.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A name that a source file defines or refers to; one line of `symbols.ndjson`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol<'a> {
    /// The file, as in the repository; bytes that are not UTF-8 are replaced.
    pub path: Cow<'a, str>,
    /// The language's name, as in `summary.json`.
    pub language: Cow<'a, str>,
    /// The name itself.
    pub name: Cow<'a, str>,
    /// What it names, in the words of the grammar's query: `function`, `class`, `call`, …
    pub kind: Cow<'a, str>,
    /// Whether it is introduced or used here.
    pub role: Role,
    /// The line of the name, from 1.
    pub line: u64,
}

/// What a symbol does where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It is introduced here.
    Definition,
    /// It is used here.
    Reference,
}
