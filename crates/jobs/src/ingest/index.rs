//! Writes the full text index.

use std::path::Path;

use tantivy::indexer::NoMergePolicy;
use tantivy::schema::{Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Index, IndexWriter, TantivyDocument};

use super::error::IngestError;
use super::tokens::CodeTokenizer;

/// The name under which schemas know [`CodeTokenizer`]; written into every index.
const TOKENIZER: &str = "code";

/// tantivy's buffer for a segment under construction.
const HEAP_BYTES: usize = 64 << 20;

/// A commit waits until all documents handed over are written. It comes after so much text, which bounds three things:
/// the memory of waiting documents (tantivy queues up to 10,000 of them, whatever their size), how far progress is ahead
/// of the truth, and how long a cancel has to wait.
const COMMIT_BYTES: usize = 16 << 20;

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
        let indexing =
            TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqs);
        let code = TextOptions::default().set_indexing_options(indexing);
        let fields = Self {
            path: schema.add_text_field("path", code.clone().set_stored()),
            language: schema.add_text_field("language", STRING | STORED),
            content: schema.add_text_field("content", code.clone().set_stored()),
            symbols: schema.add_text_field("symbols", code),
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

/// Makes an opened index understand its own terms.
pub(crate) fn register_tokenizer(index: &Index) {
    index.tokenizers().register(TOKENIZER, TextAnalyzer::from(CodeTokenizer));
}

/// An index being written.
pub(crate) struct Writer {
    writer: IndexWriter,
    fields: Fields,
    uncommitted_bytes: usize,
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
        let index = Index::create_in_dir(directory, schema).map_err(failed)?;
        register_tokenizer(&index);
        // One thread: the parts of an index are as many as threads times commits, and the order of documents, on which
        // the order of equally good hits depends, stays that of the paths.
        let writer = index.writer_with_num_threads(1, HEAP_BYTES).map_err(failed)?;
        // Merging would go on after the last commit, without progress and without a way to stop it; and with commits
        // this rare a repository of ordinary size has one segment, a very large one some dozens.
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Self { writer, fields, uncommitted_bytes: 0 })
    }

    /// Adds a document, and from time to time waits until all are written.
    pub(crate) fn add(&mut self, document: &Document<'_>) -> Result<(), IngestError> {
        let mut entry = TantivyDocument::new();
        entry.add_text(self.fields.path, document.path);
        entry.add_text(self.fields.language, document.language);
        entry.add_text(self.fields.content, document.content);
        for name in document.definitions {
            entry.add_text(self.fields.symbols, name);
        }
        self.writer.add_document(entry).map_err(failed)?;
        self.uncommitted_bytes += document.content.len();
        if self.uncommitted_bytes >= COMMIT_BYTES {
            self.writer.commit().map_err(failed)?;
            self.uncommitted_bytes = 0;
        }
        Ok(())
    }

    /// Completes the index.
    pub(crate) fn finish(mut self) -> Result<(), IngestError> {
        self.writer.commit().map_err(failed)?;
        // Dropping the writer instead would leave its threads at work on the files.
        self.writer.wait_merging_threads().map_err(failed)
    }
}

fn failed(error: tantivy::TantivyError) -> IngestError {
    IngestError::unexpected("cannot write the index", &error)
}
