//! How a client reaches one project of one server.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use milepost_core::{ArtifactId, Cursor, Event, Kind, Project, RunId, RunState, Snapshot};
use milepost_wire::Start;
use milepost_wire::native::answers::{
    ArtifactStored, CancelAccepted, CancelCommand, Claimed, Created, Heartbeat, Published, RunsPage,
};
use milepost_wire::native::requests::{CancelRequest, ClaimRequest, CreateRun, InputEvent};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use crate::error::ClientError;

/// The calls of the native API, about one project. A call is made once; trying again is up to the caller, who knows from
/// [`ClientError::is_transient`] whether it helps. Dropping a call's future gives it up.
///
/// `lease` is what a claim gave, and goes with everything that its worker writes.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// The project that it is about.
    fn project(&self) -> &Project;

    /// `POST /runs`. The same id and body again gives the same answer.
    async fn create_run(&self, request: &CreateRun) -> Result<Created, ClientError>;

    /// `POST /runs/{run}/events`: one atomic batch.
    async fn publish(&self, run: &RunId, events: &[InputEvent], lease: Option<&str>) -> Result<Published, ClientError>;

    /// `POST /runs/{run}/cancel`.
    async fn cancel(&self, run: &RunId, request: &CancelRequest) -> Result<CancelAccepted, ClientError>;

    /// `GET /runs/{run}`. With `newer_than`, none when the time ran out and nothing is newer.
    async fn snapshot(&self, run: &RunId, newer_than: Option<NewerThan>) -> Result<Option<Snapshot>, ClientError>;

    /// `GET /runs`.
    async fn list(&self, query: &ListRuns) -> Result<RunsPage, ClientError>;

    /// `POST /runs/{run}/heartbeat`.
    async fn heartbeat(&self, run: &RunId, lease: Option<&str>) -> Result<Heartbeat, ClientError>;

    /// `POST /runs/{run}/release`.
    async fn release(&self, run: &RunId, lease: Option<&str>) -> Result<(), ClientError>;

    /// `GET /runs/{run}/control` as a long poll. Empty when the time ran out.
    async fn control(&self, run: &RunId, wait: Duration) -> Result<Vec<CancelCommand>, ClientError>;

    /// `PUT /runs/{run}/artifacts/{artifact}`.
    async fn put_artifact(
        &self,
        run: &RunId,
        artifact: &NewArtifact,
        bytes: ByteStream,
        lease: Option<&str>,
    ) -> Result<ArtifactStored, ClientError>;

    /// `GET /runs/{run}/artifacts/{artifact}`.
    async fn get_artifact(&self, run: &RunId, artifact: &ArtifactId) -> Result<ArtifactBytes, ClientError>;

    /// `POST /claims`. None when there is nothing to claim.
    async fn claim(&self, request: &ClaimRequest) -> Result<Option<Claimed>, ClientError>;

    /// `DELETE /runs/{run}`.
    async fn delete(&self, run: &RunId) -> Result<(), ClientError>;

    /// `GET /runs/{run}/events` as a live stream. It ends where the connection does, or after [`Item::End`].
    async fn events(&self, run: &RunId, start: Start) -> Result<Items, ClientError>;
}

/// Bytes as they come.
pub type ByteStream = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// What a live stream says, as it comes.
pub type Items = BoxStream<'static, Result<Item, ClientError>>;

/// What a live stream says.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every item is an event")]
pub enum Item {
    /// The tree as it stands; events after it follow.
    Snapshot(Box<Snapshot>),
    /// An event.
    Event {
        /// The event.
        event: Event,
        /// The cursor after it.
        cursor: Cursor,
        /// The first of the sequences before it that were left out because they were superseded progress.
        coalesced_from: Option<u64>,
    },
    /// The viewer may resume from here; what lies before is none of its business (other parts of the tree, filtered types).
    Moved(Cursor),
    /// The replay has reached where the stream stood when the connection was made.
    CaughtUp {
        /// Where that was.
        cursor: Option<Cursor>,
    },
    /// Continuity cannot be given; a snapshot follows.
    Reset {
        /// Why: a word of the server.
        reason: String,
    },
    /// The run is over and everything was sent.
    End {
        /// The final cursor; none when the viewer was at the end already.
        cursor: Option<Cursor>,
    },
}

/// What a snapshot has to be newer than.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewerThan {
    /// The cursor of the snapshot that is known.
    pub cursor: Cursor,
    /// How long to wait for a newer one.
    pub wait: Duration,
}

/// Which runs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRuns {
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only in this state.
    pub state: Option<RunState>,
    /// The children of this run; roots when absent.
    pub parent: Option<RunId>,
    /// At most so many; the server's default when absent.
    pub limit: Option<usize>,
    /// The `next_page` of the page before.
    pub page: Option<String>,
}

/// What an artifact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its id, unique within its run.
    pub artifact: ArtifactId,
    /// What sort of thing it is: `report`, `image` …
    pub artifact_type: Option<String>,
    /// What to call it, a file name for instance.
    pub name: Option<String>,
    /// Its media type (RFC 9110); `application/octet-stream` where absent.
    pub media_type: Option<String>,
}

impl NewArtifact {
    /// An artifact of which nothing is said but its id.
    pub fn new(artifact: ArtifactId) -> Self {
        Self { artifact, artifact_type: None, name: None, media_type: None }
    }
}

/// Where an artifact's bytes are. They can be read again when sending them failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactSource {
    /// In memory.
    Bytes(Bytes),
    /// In a file, which must not change meanwhile.
    File(PathBuf),
}

impl ArtifactSource {
    pub(crate) async fn open(&self) -> Result<ByteStream, ClientError> {
        match self {
            Self::Bytes(bytes) => Ok(stream::iter([Ok(bytes.clone())]).boxed()),
            Self::File(path) => {
                let unreadable = |error| ClientError::Local(format!("{}: {error}", path.display()));
                Ok(ReaderStream::new(File::open(path).await.map_err(unreadable)?).boxed())
            }
        }
    }
}

/// An artifact as it comes.
pub struct ArtifactBytes {
    /// Its media type.
    pub media_type: Option<String>,
    /// Its length in bytes.
    pub size: Option<u64>,
    /// The bytes.
    pub bytes: ByteStream,
}
