//! Streams that a client sends along with a call.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::error::HubError;
use crate::protocol::Payload;

/// What arrives on an upload.
pub(crate) enum Uploaded {
    Item(Payload),
    /// The client ended it, perhaps with an error.
    End(Option<String>),
}

/// A parameter of a hub method that the client sends item by item: its `Subject` in TypeScript, `IAsyncEnumerable` in .NET.
///
/// The client is held back when it is [some items](crate::Options::upload_buffer_items) ahead. Dropping the upload drops
/// what is still to come. After an error nothing more comes.
pub struct Upload<T> {
    items: mpsc::Receiver<Uploaded>,
    done: bool,
    of: PhantomData<fn() -> T>,
}

impl<T> Upload<T> {
    pub(super) fn new(items: mpsc::Receiver<Uploaded>) -> Self {
        Self { items, done: false, of: PhantomData }
    }
}

impl<T: DeserializeOwned> Stream for Upload<T> {
    type Item = Result<T, HubError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        let arrived = match self.items.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(arrived) => arrived,
        };
        let item = match arrived {
            Some(Uploaded::Item(payload)) => match payload.bind() {
                Ok(item) => return Poll::Ready(Some(Ok(item))),
                Err(error) => Some(Err(HubError::new(format!("An item of the stream is of another type: {error}")))),
            },
            Some(Uploaded::End(None)) => None,
            Some(Uploaded::End(Some(error))) => Some(Err(HubError::new(error))),
            None => Some(Err(HubError::new("The connection ended before the stream did."))),
        };
        self.done = true;
        Poll::Ready(item)
    }
}
