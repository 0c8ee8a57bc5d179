//! How much one ingestion may take. Every bound stands here with its reason.

use std::time::Duration;

/// The bounds an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes received from the remote, and apart from that bytes of text read: a small pack can hold a large text.
    pub max_bytes: u64,
    /// Files of the commit. As many directories are allowed, because a tree can repeat itself without files.
    pub max_files: u64,
    /// The whole ingestion, from the first connection to the packed index.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 2 << 30, max_files: 200_000, timeout: Duration::from_secs(30 * 60) }
    }
}

/// A larger file is counted as `huge` and left out: it is data or generated, and would be parsed and stored whole.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 20;

/// One object, unpacked. Indexing a pack means hashing every object in memory, and a few compressed kilobytes can
/// unpack to gigabytes; a repository with a larger object is refused.
pub(crate) const MAX_OBJECT_BYTES: u64 = 512 << 20;

/// A path of the tree. Deeper nesting is no source tree but an attempt to exhaust memory.
pub(crate) const MAX_PATH_BYTES: usize = 16 << 10;

/// A larger file is indexed as text without symbols: parsers can need time and memory beyond proportion to it.
pub(crate) const MAX_PARSED_BYTES: usize = 256 << 10;

/// Parsing one file. Grammars have inputs on which they crawl; such a file is indexed as text, without symbols.
pub(crate) const PARSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Symbols of one file: what a generated file of [`MAX_FILE_BYTES`] may put into `symbols.ndjson`.
pub(crate) const MAX_SYMBOLS_PER_FILE: usize = 50_000;

/// A symbol's name; some queries capture whole expressions.
pub(crate) const MAX_SYMBOL_BYTES: usize = 256;

/// How long the remote may say nothing before the connection counts as dead.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Text that may wait to be indexed: enough to keep the indexing thread at work while a file is read.
pub(crate) const MAX_WAITING_BYTES: usize = 4 << 20;

/// How long the indexing thread may be at one document, or at writing a segment, before it counts as dead.
pub(crate) const INDEX_STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How often flags and deadlines are looked at where nothing else happens; a cancel must be seen within a second.
pub(crate) const TICK: Duration = Duration::from_millis(20);
