//! Answers. Written by the server, read by the client, which ignores members that it does not know.

use std::sync::Arc;

use milepost_core::run::Cancel;
use milepost_core::{ArtifactId, Cursor, EventId, Run, RunId, Time};
use serde::{Deserialize, Serialize};

use super::event::WireEvent;

/// Of `POST /runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Created {
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run: RunId,
    /// Its stream: the id of its root.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub stream: RunId,
    /// The sequence of the last event that creating it wrote.
    pub seq: u64,
    /// The same as a cursor.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cursor: Cursor,
}

/// Of `POST /runs/{run}/events`: durable, all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Published {
    /// The stream.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub stream: RunId,
    /// Its head after this batch.
    pub seq: u64,
    /// What became of each event, in the order of the request.
    pub events: Vec<PublishedEvent>,
    /// The open cancel request that concerns the producer: it should stop, and publish `run.cancelled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelInfo>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublishedEvent {
    /// Its id: the producer's, or the one that the server made.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: EventId,
    /// Its sequence; of a duplicate that of the first one, of coalesced progress that of what superseded it.
    pub seq: u64,
    /// Whether it was there already.
    #[serde(default, skip_serializing_if = "is_false")]
    pub duplicate: bool,
    /// Whether it is progress that later progress superseded before it was written.
    #[serde(default, skip_serializing_if = "is_false")]
    pub coalesced: bool,
}

/// Of `POST /runs/{run}/cancel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CancelAccepted {
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run: RunId,
    /// The request, which may be an earlier one.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::CancelSchema))]
    pub cancel: Cancel,
}

/// An open cancel request, as a worker is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CancelInfo {
    /// The run that is to end, which may be above the worker's own.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run: RunId,
    /// Who asked.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub by: Option<Arc<str>>,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub reason: Option<Arc<str>>,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub requested_at: Time,
    /// When the server cancels by itself.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub deadline: Time,
}

/// Of `GET /runs/{run}/events`. The server writes it with [`events_page`](super::events_page).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EventsPage {
    /// In the order of the log.
    pub events: Vec<WireEvent>,
    /// Where the next page begins: the `after` to ask with.
    pub next: Cursor,
    /// Where the stream stands.
    pub head: Cursor,
    /// Why the page does not go on where it was asked to, but at the beginning; a word of the server.
    #[serde(default)]
    pub reset: Option<String>,
}

/// Of `GET /runs`. The server may have its runs as JSON already, hence the parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunsPage<R = Run> {
    /// Newest first.
    pub runs: Vec<R>,
    /// The `page` to ask with for the next page; none when this is the last.
    pub next_page: Option<String>,
}

/// Of `POST /runs/{run}/heartbeat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Heartbeat {
    /// When the lease runs out unless it is renewed again; none when the run has no lease.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub lease_expires_at: Option<Time>,
    /// The open cancel request that concerns the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelInfo>,
}

/// Of `GET /runs/{run}/control` as a long poll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Commands {
    /// What the worker is to do.
    pub commands: Vec<Command>,
}

/// Something that a worker is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Stop, and publish `run.cancelled`.
    Cancel(CancelCommand),
    /// A command of a newer server.
    #[serde(other)]
    Unknown,
}

/// The command to cancel a run; also the data of the SSE frame `event: cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CancelCommand {
    /// The run that is to end.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run: RunId,
    /// Why.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub reason: Option<Arc<str>>,
    /// When the server cancels by itself.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub deadline: Time,
}

/// Of `POST /claims`: the run is now running and leased to the caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Claimed {
    /// The run as it stands now.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RunSchema))]
    pub run: Arc<Run>,
    /// Its stream.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub stream: RunId,
    /// Where the stream stands.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cursor: Cursor,
    /// What to send as `Milepost-Lease` with everything written.
    pub lease: String,
    /// When the lease runs out unless it is renewed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub lease_expires_at: Time,
}

/// Of `PUT /runs/{run}/artifacts/{artifact}`: the bytes and the `artifact.ready` event are durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactStored {
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run: RunId,
    /// The artifact.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub artifact: ArtifactId,
    /// The sequence of its `artifact.ready`.
    pub seq: u64,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// Where to get it, relative to the server.
    pub url: String,
}

/// The data of a `reset`: continuity cannot be given, and a snapshot follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reset {
    /// A word for programs, `too_slow` for instance.
    pub reason: String,
}

impl Commands {
    /// The commands to cancel; those that this version does not know are left out.
    pub fn cancels(self) -> Vec<CancelCommand> {
        let cancel = |command| match command {
            Command::Cancel(cancel) => Some(cancel),
            Command::Unknown => None,
        };
        self.commands.into_iter().filter_map(cancel).collect()
    }
}

impl CancelInfo {
    /// The request `cancel` on `run`.
    pub fn of(run: &RunId, cancel: &Cancel) -> Self {
        let Cancel { by, reason, requested_at, deadline, .. } = cancel.clone();
        Self { run: run.clone(), by, reason, requested_at, deadline }
    }
}

impl From<CancelInfo> for CancelCommand {
    fn from(cancel: CancelInfo) -> Self {
        let CancelInfo { run, reason, deadline, .. } = cancel;
        Self { run, reason, deadline }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
