//! Describing a run before it exists.

use std::sync::Arc;

use milepost_core::event::RunStarted;
use milepost_core::{Body, Json, Kind, RunId};
use milepost_wire::native::requests::{CreateRun, InitialState};
use uuid::Uuid;

use crate::client::Client;
use crate::error::ClientError;
use crate::handle::RunHandle;

/// Describes a run. What is wrong with the description is told by [`start`](Self::start).
#[must_use = "a run exists once it is started or queued"]
pub struct RunBuilder {
    request: Result<CreateRun, ClientError>,
    place: Place,
}

enum Place {
    /// Through `POST /runs`.
    Anywhere(Client),
    /// Below a run that this process works on, through its queue.
    Below(RunHandle),
}

impl RunBuilder {
    pub(crate) fn anywhere(client: Client, kind: &str) -> Self {
        Self { request: described(kind), place: Place::Anywhere(client) }
    }

    pub(crate) fn below(parent: RunHandle, kind: &str) -> Self {
        let request = described(kind).map(|request| CreateRun { parent: Some(parent.id().clone()), ..request });
        Self { request, place: Place::Below(parent) }
    }

    /// Its id; a UUID where none is given. With an id, starting it again joins the run that exists.
    pub fn id(self, id: &str) -> Self {
        self.try_set(|request| {
            request.id = Some(RunId::new(id)?);
            Ok(())
        })
    }

    /// What to call it.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.set(|request| request.name = Some(name.into()))
    }

    /// Makes it a part of another run of this server.
    pub fn child_of(self, parent: &RunId) -> Self {
        self.set(|request| request.parent = Some(parent.clone()))
    }

    /// Its share in the roll-up of its parent; 1 where absent.
    pub fn weight(self, weight: f64) -> Self {
        self.set(|request| request.weight = Some(weight))
    }

    /// How many children it will have; those that are not there yet count 0 in the roll-up.
    pub fn expected_children(self, count: u32) -> Self {
        self.set(|request| request.expected_children = Some(count))
    }

    /// Seconds without a word after which it counts as stalled. Heartbeats are sent by themselves.
    pub fn lease_seconds(self, seconds: u32) -> Self {
        self.set(|request| request.lease_seconds = Some(seconds))
    }

    /// Whatever is to be remembered with it: an object.
    pub fn metadata(self, metadata: impl Into<Json>) -> Self {
        self.set(|request| request.metadata = Some(metadata.into()))
    }

    /// Creates and starts it.
    ///
    /// # Errors
    /// [`ClientError::Local`] when the description is not valid, else those of `POST /runs`; a child whose parent is held here is
    /// queued, with the errors of [`RunHandle::publish`].
    pub async fn start(self) -> Result<RunHandle, ClientError> {
        self.make(InitialState::Running).await
    }

    /// Creates it and leaves it queued; [`RunHandle::started`] or a claim starts it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn queue(self) -> Result<RunHandle, ClientError> {
        self.make(InitialState::Queued).await
    }

    async fn make(self, state: InitialState) -> Result<RunHandle, ClientError> {
        let mut request = CreateRun { state, ..self.request? };
        // An id of our own makes it safe to ask again when the answer was lost.
        let id = match &request.id {
            Some(id) => id.clone(),
            None => RunId::new(&Uuid::now_v7().to_string())?,
        };
        request.id = Some(id.clone());
        match self.place {
            Place::Anywhere(client) => client.create(&request).await,
            Place::Below(parent) => {
                let (above, lease_seconds) = (request.parent.clone(), request.lease_seconds);
                let mut bodies = vec![Body::RunCreated(request.created())];
                if state == InitialState::Running {
                    bodies.push(Body::RunStarted(RunStarted::default()));
                }
                let outbox = Arc::clone(parent.outbox());
                let handle = RunHandle::new(outbox, id, above.as_ref(), lease_seconds);
                handle.outbox().push(handle.id(), &bodies).await?;
                Ok(handle)
            }
        }
    }

    fn set(self, change: impl FnOnce(&mut CreateRun)) -> Self {
        self.try_set(|request| {
            change(request);
            Ok(())
        })
    }

    fn try_set(mut self, change: impl FnOnce(&mut CreateRun) -> Result<(), ClientError>) -> Self {
        self.request = self.request.and_then(|mut request| change(&mut request).map(|()| request));
        self
    }
}

fn described(kind: &str) -> Result<CreateRun, ClientError> {
    Ok(CreateRun::new(Kind::new(kind)?))
}
