//! Writes the full text index.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tantivy::indexer::NoMergePolicy;
use tantivy::schema::{Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Index, IndexWriter, TantivyDocument, TantivyError};

use super::error::IngestError;
use super::tokens::CodeTokenizer;

/// The name of the tokenizer of texts and names; written into every index.
const TOKENIZER: &str = "code";

/// The same for paths. Apart, because it counts documents: each has one path, which is its first field.
const PATH_TOKENIZER: &str = "path";

/// tantivy's buffer for a segment under construction. How much it holds bounds how long the last commit takes, which
/// cannot be interrupted.
const HEAP_BYTES: usize = 32 << 20;

/// What must still fit on the disk for a failure not to be blamed on it.
const PROBE_BYTES: usize = 1 << 20;

/// The fields of a document, which is a file.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) path: Field,
    pub(crate) language: Field,
    pub(crate) content: Field,
    /// The names the file defines, again, to make them weigh more.
    pub(crate) symbols: Field,
}

impl Fields {
    fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        // No positions: questions are sets of words, and the index is a third smaller.
        let code = |tokenizer| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer);
            TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::WithFreqs))
        };
        let fields = Self {
            path: schema.add_text_field("path", code(PATH_TOKENIZER).set_stored()),
            language: schema.add_text_field("language", STRING | STORED),
            content: schema.add_text_field("content", code(TOKENIZER).set_stored()),
            symbols: schema.add_text_field("symbols", code(TOKENIZER)),
        };
        (schema.build(), fields)
    }

    /// The fields of an index that was written earlier.
    pub(crate) fn of(index: &Index) -> tantivy::Result<Self> {
        let schema = index.schema();
        Ok(Self {
            path: schema.get_field("path")?,
            language: schema.get_field("language")?,
            content: schema.get_field("content")?,
            symbols: schema.get_field("symbols")?,
        })
    }
}

/// An index being written, by a thread of tantivy's.
pub(crate) struct Writer {
    writer: IndexWriter,
    directory: PathBuf,
    fields: Fields,
    begun: Arc<AtomicU64>,
    added: u64,
    /// The sizes of the texts that wait for their turn, and their sum.
    waiting: VecDeque<usize>,
    waiting_bytes: usize,
}

/// One document.
pub(crate) struct Document<'a> {
    pub(crate) path: &'a str,
    pub(crate) language: &'a str,
    pub(crate) content: &'a str,
    pub(crate) definitions: &'a [String],
}

impl Writer {
    /// Begins an index in `directory`, which must exist and be empty.
    pub(crate) fn create(directory: &Path) -> Result<Self, IngestError> {
        let (schema, fields) = Fields::schema();
        let index = Index::create_in_dir(directory, schema).map_err(|error| failed(&error, directory))?;
        let counting = CodeTokenizer::default();
        let begun = Arc::clone(&counting.begun);
        index.tokenizers().register(PATH_TOKENIZER, TextAnalyzer::from(counting));
        index.tokenizers().register(TOKENIZER, TextAnalyzer::from(CodeTokenizer::default()));
        // One thread, so that the order of documents, on which the order of equally good hits depends, is that of the
        // paths.
        let writer = index.writer_with_num_threads(1, HEAP_BYTES).map_err(|error| failed(&error, directory))?;
        // Merging would go on after the last commit, without progress and without a way to stop it; and with one
        // thread and one commit, ordinary repositories have one segment and very large ones some dozens.
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Self {
            writer,
            directory: directory.to_owned(),
            fields,
            begun,
            added: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        })
    }

    /// Hands a document over.
    pub(crate) fn add(&mut self, document: &Document<'_>) -> Result<(), IngestError> {
        let mut entry = TantivyDocument::new();
        entry.add_text(self.fields.path, document.path);
        entry.add_text(self.fields.language, document.language);
        entry.add_text(self.fields.content, document.content);
        for name in document.definitions {
            entry.add_text(self.fields.symbols, name);
        }
        self.writer.add_document(entry).map_err(|error| failed(&error, &self.directory))?;
        self.added += 1;
        self.waiting.push_back(document.content.len());
        self.waiting_bytes += document.content.len();
        Ok(())
    }

    /// Documents that are indexed. The one at work is not counted.
    pub(crate) fn indexed(&self) -> u64 {
        self.begun.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Bytes of text that are handed over but not begun. tantivy lets 10,000 documents wait, whatever their size, so
    /// this is for the caller to bound.
    pub(crate) fn waiting_bytes(&mut self) -> usize {
        let waiting = self.added.saturating_sub(self.begun.load(Ordering::Relaxed));
        while self.waiting.len() as u64 > waiting {
            self.waiting_bytes -= self.waiting.pop_front().unwrap_or_default();
        }
        self.waiting_bytes
    }

    /// Completes the index.
    pub(crate) fn finish(mut self) -> Result<(), IngestError> {
        self.writer.commit().map_err(|error| failed(&error, &self.directory))?;
        // Dropping the writer instead would leave its threads at work on the files.
        self.writer.wait_merging_threads().map_err(|error| failed(&error, &self.directory))
    }
}

/// The error behind tantivy's, which often does not tell: when its thread has died, all it says is that it has. So the
/// disk is asked directly whether it is full.
fn failed(error: &TantivyError, directory: &Path) -> IngestError {
    let probe = directory.join("probe");
    let written = std::fs::write(&probe, vec![0; PROBE_BYTES]);
    let _ = std::fs::remove_file(&probe);
    match written.map_err(IngestError::from) {
        Err(IngestError::DiskFull) => IngestError::DiskFull,
        _ => IngestError::unexpected("cannot write the index", error),
    }
}
