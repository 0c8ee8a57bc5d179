//! One project of one server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use milepost_core::{Project, RunId, Snapshot};
use milepost_wire::Start;
use milepost_wire::native::answers::{CancelAccepted, Claimed, Created, RunsPage};
use milepost_wire::native::requests::{CancelRequest, ClaimRequest, CreateRun};
use tokio::time::{Instant, sleep};

use crate::builder::RunBuilder;
use crate::caps::CREATE_PATIENCE;
use crate::error::ClientError;
use crate::follow::Follower;
use crate::handle::RunHandle;
use crate::http::HttpTransport;
use crate::producer::Outbox;
use crate::retry::Backoff;
use crate::transport::{ListRuns, Transport};

/// One project of one server. Cheap to clone; clones share their queues.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    /// One queue per stream, so that the order of the log is that of the process, whoever holds the handles.
    outboxes: Arc<Mutex<HashMap<RunId, Weak<Outbox>>>>,
}

impl Client {
    /// Uses any transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, outboxes: Arc::default() }
    }

    /// Reaches a server over HTTP; see [`HttpTransport::new`].
    ///
    /// # Errors
    /// [`ClientError::Local`] when the URL, the project or the token cannot be used.
    pub fn http(base_url: &str, project: &str, token: Option<&str>) -> Result<Self, ClientError> {
        Ok(Self::new(Arc::new(HttpTransport::new(base_url, Project::new(project)?, token)?)))
    }

    /// The transport, for the calls that need no more than that.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// The project.
    pub fn project(&self) -> &Project {
        self.transport.project()
    }

    /// Begins to describe a run.
    pub fn run(&self, kind: &str) -> RunBuilder {
        RunBuilder::anywhere(self.clone(), kind)
    }

    /// Takes up a run that exists, `run` of `stream`, to work on it. Has to be called inside a tokio runtime.
    pub fn attach(&self, run: &RunId, stream: &RunId) -> RunHandle {
        RunHandle::new(self.outbox(stream), run.clone(), None, None)
    }

    /// Claims a run: it is now running, and leased to the returned handle, which keeps the lease. None when there is none.
    ///
    /// # Errors
    /// Those of `POST /claims`. When the answer was lost, a run may be claimed and stall until its lease runs out.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Option<(RunHandle, Claimed)>, ClientError> {
        let Some(claimed) = self.transport.claim(request).await? else { return Ok(None) };
        // A lease goes with everything that is written, so a claimed run has a queue of its own.
        let (run, lease) = (claimed.run.id.clone(), Some(claimed.lease.clone()));
        let outbox = Outbox::open(self.transport.clone(), claimed.stream.clone(), run.clone(), lease);
        let handle = RunHandle::new(Arc::new(outbox), run, claimed.run.parent.as_ref(), Some(request.lease_seconds));
        Ok(Some((handle, claimed)))
    }

    /// Asks for the cancellation of a run.
    ///
    /// # Errors
    /// Those of `POST /runs/{run}/cancel`.
    pub async fn cancel(&self, run: &RunId, request: &CancelRequest) -> Result<CancelAccepted, ClientError> {
        self.transport.cancel(run, request).await
    }

    /// A run as it stands.
    ///
    /// # Errors
    /// Those of `GET /runs/{run}`.
    pub async fn snapshot(&self, run: &RunId) -> Result<Snapshot, ClientError> {
        let missing = || ClientError::Unintelligible("there is no snapshot in the answer".to_owned());
        self.transport.snapshot(run, None).await?.ok_or_else(missing)
    }

    /// Lists runs.
    ///
    /// # Errors
    /// Those of `GET /runs`.
    pub async fn list(&self, query: &ListRuns) -> Result<RunsPage, ClientError> {
        self.transport.list(query).await
    }

    /// Follows a run. Nothing is asked before the first [`Follower::next`].
    pub fn follow(&self, run: &RunId, start: Start) -> Follower {
        Follower::new(self.transport.clone(), run.clone(), start)
    }

    /// Creates a run, for as long as it takes the server to come back, within bounds.
    pub(crate) async fn create(&self, request: &CreateRun) -> Result<RunHandle, ClientError> {
        let (mut backoff, begun) = (Backoff::new(), Instant::now());
        let Created { run, stream, .. } = loop {
            match self.transport.create_run(request).await {
                Ok(created) => break created,
                Err(error) if error.is_transient() && begun.elapsed() < CREATE_PATIENCE => sleep(backoff.next()).await,
                Err(error) => return Err(error),
            }
        };
        Ok(RunHandle::new(self.outbox(&stream), run, request.parent.as_ref(), request.lease_seconds))
    }

    fn outbox(&self, stream: &RunId) -> Arc<Outbox> {
        let mut outboxes = self.outboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = outboxes.get(stream).and_then(Weak::upgrade) {
            return open;
        }
        outboxes.retain(|_, outbox| outbox.strong_count() > 0);
        let outbox = Arc::new(Outbox::open(self.transport.clone(), stream.clone(), stream.clone(), None));
        outboxes.insert(stream.clone(), Arc::downgrade(&outbox));
        outbox
    }
}
