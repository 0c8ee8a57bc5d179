//! Every bound of the server, with its reason. Those of the domain and of the live side stand in their crates.

use std::time::Duration;

/// Bytes of a JSON body. A batch of 5 000 ordinary events fits; larger things are artifacts.
pub(crate) const BODY_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of a refused body that are read and dropped before the refusal is sent. A socket that is closed with unread data
/// resets the connection, and the client would not see why.
pub(crate) const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// How long a client may take to send a JSON body, or the next piece of an artifact.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of one artifact. Bounds what one upload can take from the disk; videos fit.
pub(crate) const ARTIFACT_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// Bytes of an upload that are written to the disk at once; what one upload holds in memory is twice that.
pub(crate) const ARTIFACT_PART_BYTES: usize = 1024 * 1024;

/// Connections at the same time. An idle stream costs about 12 KiB here and 4 KiB in the kernel: half a gigabyte at most.
pub(crate) const CONNECTIONS: usize = 32_768;

/// Connections beyond that which are told so, at the same time; the others are closed without a word.
pub(crate) const REFUSALS: usize = 256;

/// How long a client may take to send the head of a request, and a connection may be idle between two requests.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of the head of a request, and of what waits to be written to a socket. The least that hyper takes is 8 KiB.
pub(crate) const CONNECTION_BUFFER_BYTES: usize = 16 * 1024;

/// Headers of a request.
pub(crate) const HEADERS: usize = 100;

/// How long a client may take to read anything of what waits for it. One that stopped reading would keep its connection
/// for ever: its system answers that there is no room, again and again. The same as for a WebSocket.
pub(crate) const WRITE_STALL: Duration = Duration::from_secs(30);

/// How long open answers may take to end once the server is shutting down.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// The longest long poll. Proxies give up after 60 s.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// Runs on a page: by default, and at most, because each of them is decoded.
pub(crate) const RUNS_PAGE: (usize, usize) = (50, 500);

/// Events on a page: by default, and at most, because a page is held in memory.
pub(crate) const EVENTS_PAGE: (usize, usize) = (100, 1_000);

/// The slowest frame rate that a viewer may ask for, in milliseconds between two progress frames of a run.
pub(crate) const COALESCE_MS_MAX: u64 = 60_000;

/// How long the answer of `/readyz` is good for: a probe is a write.
pub(crate) const READINESS_AGE: Duration = Duration::from_secs(1);

/// Connections that wait to be accepted. The system may have a lower bound of its own (`net.core.somaxconn`).
pub(crate) const BACKLOG: u32 = 4_096;

/// Kinds of queued runs that the metrics show, the longest queues first. Kinds are the users' words, and each is a time series.
pub(crate) const QUEUES_SHOWN: usize = 50;

/// While a built-in job runs, its viewers hear of it at least this often. They are promised 5 s; this leaves room for a late timer.
pub(crate) const SILENCE: Duration = Duration::from_secs(4);
