//! Every bound of the domain, with its reason. Bounds of sockets and queues stand in the crates that own them.

/// Characters of an id. Long enough for a UUID with a prefix, short enough to be a key.
pub const NAME_LEN: usize = 128;

/// Runs in one tree. A snapshot carries all of them, so this bounds the largest answer.
pub const RUNS_PER_TREE: usize = 10_000;

/// Levels of a tree. Every event walks to the root for the roll-up and the cancellation check.
pub const TREE_DEPTH: usize = 32;

/// Artifacts in one tree, for the same reason as [`RUNS_PER_TREE`].
pub const ARTIFACTS_PER_TREE: usize = 10_000;

/// Messages that a snapshot keeps; the oldest leave first, the log keeps all.
pub const MESSAGES_KEPT: usize = 1_000;

/// Bytes (UTF-8) of one message's content, or of one artifact's text, that a snapshot keeps; the log keeps all.
pub const TEXT_KEPT_BYTES: usize = 64 * 1024;

/// Bytes of one event's data. A frame is written to every viewer, so it has to stay small; larger things are artifacts.
pub const EVENT_DATA_BYTES: usize = 256 * 1024;

/// Bytes of a run's metadata; it is part of every snapshot.
pub const METADATA_BYTES: usize = 64 * 1024;

/// Bytes of a run's values altogether (`state.updated`); they are part of every snapshot.
pub const VALUES_BYTES: usize = 256 * 1024;

/// Characters of a stage, a name, a unit, a role, an error code, a verdict, a media type or an artifact type.
pub const LABEL_CHARS: usize = 256;

/// Characters of a progress message, a reason or a URL.
pub const SENTENCE_CHARS: usize = 4_096;

/// Events of one publish. A batch is atomic, so it is held in memory and committed as one.
pub const BATCH_EVENTS: usize = 5_000;

/// The longest lease and the longest grace of a cancellation, in seconds: a week.
pub const LEASE_SECONDS_MAX: u32 = 7 * 24 * 3_600;

/// The largest weight of a run; it keeps roll-ups far from the limits of a double.
pub const WEIGHT_MAX: f64 = 1e6;
