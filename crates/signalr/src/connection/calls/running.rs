//! Calls that go on.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;

use crate::hub::error::HubError;
use crate::hub::method::Items;
use crate::protocol::Payload;

/// A method that will answer with a value.
pub(super) struct Answering {
    /// Absent when the caller does not want to know.
    pub(super) id: Option<String>,
    pub(super) target: String,
    pub(super) since: Instant,
    /// Ids of the uploads that it reads.
    pub(super) uploads: Vec<String>,
    pub(super) future: BoxFuture<'static, Result<Option<Payload>, HubError>>,
}

impl Answering {
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Payload>, HubError>> {
        self.future.poll_unpin(context)
    }
}

/// A method that answers with a stream.
pub(super) struct Streaming {
    pub(super) id: String,
    pub(super) target: String,
    pub(super) since: Instant,
    pub(super) uploads: Vec<String>,
    state: State,
}

enum State {
    Opening(BoxFuture<'static, Result<Items, HubError>>),
    Open(Items),
}

impl Streaming {
    pub(super) fn new(
        id: String,
        target: String,
        uploads: Vec<String>,
        opening: BoxFuture<'static, Result<Items, HubError>>,
    ) -> Self {
        Self { id, target, since: Instant::now(), uploads, state: State::Opening(opening) }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, HubError>>> {
        loop {
            match &mut self.state {
                State::Open(items) => return items.poll_next_unpin(context),
                State::Opening(opening) => match opening.poll_unpin(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(items)) => self.state = State::Open(items),
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                },
            }
        }
    }

    /// What the caller is told when the stream has failed: before it began, the method is to blame.
    pub(super) fn failure(&self, error: &HubError, detailed: bool) -> String {
        match self.state {
            State::Open(_) => error.told("An error occurred on the server while streaming results.", detailed),
            State::Opening(_) => {
                error.told(&format!("An unexpected error occurred invoking '{}' on the server.", self.target), detailed)
            }
        }
    }
}
