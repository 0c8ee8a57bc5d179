//! Bounds of the client, each with its reason.

use std::time::Duration;

/// Entries that a producer holds for the server. A worker may be cut off for minutes; beyond that it has to wait.
pub(crate) const OUTBOX_ENTRIES: usize = 10_000;

/// Events of one publish. Large enough that the round trip does not count, small enough for every server's body limit.
pub(crate) const BATCH_EVENTS: usize = 500;

/// Bytes of data in one publish, for the same reason. One event alone may be larger.
pub(crate) const BATCH_BYTES: usize = 512 * 1024;

/// Progress goes out at most this often; people do not see more.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// How long the last events are tried for when nobody holds the run any more and the server is away.
pub(crate) const LINGER: Duration = Duration::from_secs(30);

/// How long one long poll waits. Proxies cut silent connections after a minute.
pub(crate) const CONTROL_WAIT: Duration = Duration::from_secs(25);

/// Runs of one tree that are asked about at the same time; each takes a connection. The others learn of a cancellation from the
/// answers to what they publish.
pub(crate) const CONTROL_POLLS: usize = 16;

/// How long a child exists before it is asked about. Many are over by then.
pub(crate) const CONTROL_DELAY: Duration = Duration::from_millis(250);

/// The pause before a server is asked again that has told nothing new at once.
pub(crate) const CONTROL_PAUSE: Duration = Duration::from_secs(1);

/// How long connecting may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call may take, apart from what it waits on purpose.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest silence on a live stream; the server says something every 15 seconds.
pub(crate) const STREAM_SILENCE: Duration = Duration::from_secs(45);

/// Bytes of one SSE event. The largest is a snapshot of a whole tree.
pub(crate) const SSE_EVENT_BYTES: usize = 256 * 1024 * 1024;

/// Bytes of an error answer that are read; more is no problem document.
pub(crate) const PROBLEM_BYTES: usize = 64 * 1024;

/// The first pause before another try.
pub(crate) const RETRY_MIN: Duration = Duration::from_millis(100);

/// The longest pause before another try, before jitter.
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(10);

/// How long creating a run is tried for.
pub(crate) const CREATE_PATIENCE: Duration = Duration::from_secs(60);
