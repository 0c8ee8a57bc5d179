//! Every bound of the live side, with its reason.

use std::time::Duration;

/// Commands that wait for one stream's actor. A producer beyond that waits, which slows it down and nobody else.
pub(crate) const INBOX: usize = 1_024;

/// Commands decided and committed together. Enough to fill a commit, few enough to answer the first of them soon.
pub(crate) const COMMANDS_PER_BATCH: usize = 512;

/// Frames that a live stream keeps for its sessions; who needs older ones reads the log.
pub(crate) const RING_FRAMES: usize = 1_024;

/// Bytes of event data that a ring keeps, so that a thousand large events do not fill the memory.
pub(crate) const RING_BYTES: usize = 2 * 1024 * 1024;

/// Frames that a session hands over at once; bounds what one slow socket is given to write.
pub(crate) const FRAMES_PER_TURN: usize = 256;

/// Records read from the log at once.
pub(crate) const PAGE: usize = 256;

/// How far a live session may fall behind before it is given a fresh snapshot instead of the log.
pub(crate) const LAG: u64 = 20_000;

/// How long a stream stays in memory when nobody writes or watches and no timer runs.
pub(crate) const DORMANT_AFTER: Duration = Duration::from_secs(60);

/// Events between two checkpoints of a stream: at most so many are folded to bring it back.
pub(crate) const CHECKPOINT_EVERY: u64 = 1_000;

/// How far the projection of runs may be behind a stream's progress, in milliseconds, but for kinds that are to be fresh.
pub(crate) const ROWS_EVERY_MS: u64 = 1_000;

/// Frames that a project's feed keeps; a reader that falls out of it gets a new list of runs.
pub(crate) const FEED_FRAMES: usize = 4_096;

/// Bytes of event data that a feed keeps: 4 KiB for each of its frames. That many of the largest would be a gigabyte for each project.
pub(crate) const FEED_BYTES: usize = 16 * 1024 * 1024;

/// Open runs that a project's feed begins with.
pub(crate) const FEED_RUNS: usize = 1_000;

/// Candidates that one claim tries before it looks again.
pub(crate) const CLAIM_CANDIDATES: usize = 16;

/// Snapshots of one stream, of different topmost runs, that are kept until the next event.
pub(crate) const SNAPSHOTS_KEPT: usize = 16;

/// Values of dialects that one frame or snapshot keeps: each dialect has one, and a second where progress was coalesced.
pub(crate) const SLOTS: usize = 8;

/// Events between two states that are kept for those who read the log for views: what they fold at most before they go on.
pub(crate) const MARK_EVERY: u64 = 1_024;

/// Such states of one stream. They reach back as far as a live viewer may fall behind.
pub(crate) const MARKS: usize = 21;
