//! Finds the symbols of one source file.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tree_sitter_tags::TagsContext;

use super::depth::is_too_deep;
use super::languages::Language;
use super::limits::{MAX_PARSED_BYTES, MAX_SYMBOL_BYTES, MAX_SYMBOLS_PER_FILE, PARSE_TIMEOUT};
use super::symbols::Role;

/// A symbol where it was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) role: Role,
    pub(crate) line: u64,
}

/// The brake of a parser that may run away. Another thread must call [`Self::tick`], since a grammar at work can only be
/// stopped by a flag it looks at.
#[derive(Default)]
pub(crate) struct Brake {
    started: Mutex<Option<Instant>>,
    /// Not zero: stop. (`tree-sitter-tags` wants this type.)
    stop: AtomicUsize,
}

impl Brake {
    /// Stops the parser if its file takes too long.
    pub(crate) fn tick(&self) {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if started.is_some_and(|started| started.elapsed() > PARSE_TIMEOUT) {
            self.stop.store(1, Ordering::SeqCst);
        }
    }

    /// Stops the parser for good, after a cancel.
    pub(crate) fn pull(&self) {
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.stop.store(1, Ordering::SeqCst);
    }

    fn set(&self, started: Option<Instant>) {
        let mut current = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        *current = started;
        self.stop.store(0, Ordering::SeqCst);
    }
}

/// Whether it is reasonable to parse `text` at all.
pub(crate) fn is_parsable(language: &Language, text: &str) -> bool {
    text.len() <= MAX_PARSED_BYTES && !is_too_deep(text, language.lines)
}

/// Parses `text` and passes on its symbols in their order. `false` if that was given up half-way; what was passed on
/// until then is good.
pub(crate) fn symbols<E>(
    language: &'static Language,
    text: &str,
    context: &mut TagsContext,
    brake: &Brake,
    mut pass_on: impl FnMut(Found<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let Ok(tags) = language.tags() else {
        return Ok(false);
    };
    brake.set(Some(Instant::now()));
    let complete = match context.generate_tags(tags, text.as_bytes(), Some(&brake.stop)) {
        Err(_) => false,
        Ok((found, _has_errors)) => {
            let mut complete = true;
            for (count, tag) in found.enumerate() {
                let Ok(tag) = tag else {
                    complete = false;
                    break;
                };
                if count >= MAX_SYMBOLS_PER_FILE {
                    complete = false;
                    break;
                }
                let Some(name) = text.get(tag.name_range).filter(|name| is_name(name)) else {
                    continue;
                };
                pass_on(Found {
                    name,
                    kind: tags.syntax_type_name(tag.syntax_type_id),
                    role: if tag.is_definition { Role::Definition } else { Role::Reference },
                    line: tag.span.start.row as u64 + 1,
                })?;
            }
            complete
        }
    };
    brake.set(None);
    Ok(complete)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_SYMBOL_BYTES && !name.contains('\n')
}
