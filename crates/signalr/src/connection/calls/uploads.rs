//! The streams that a client sends.

use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use crate::hub::upload::Uploaded;
use crate::options::Options;

pub(crate) struct Uploads {
    open: HashMap<String, PollSender<Uploaded>>,
    /// An item whose reader is behind. Nothing is handled until it is read.
    blocked: Option<(String, Uploaded)>,
    buffer: usize,
}

impl Uploads {
    pub(super) fn new(options: &Options) -> Self {
        Self { open: HashMap::new(), blocked: None, buffer: options.upload_buffer_items }
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Opens all of these, or none and names the one that is open already.
    pub(super) fn open(&mut self, ids: &[String]) -> Result<VecDeque<mpsc::Receiver<Uploaded>>, String> {
        let twice = |(at, id): (usize, &String)| self.open.contains_key(id) || ids[..at].contains(id);
        if let Some(at) = (0..ids.len()).find(|at| twice((*at, &ids[*at]))) {
            return Err(ids[at].clone());
        }
        let open = |id: &String| {
            let (sender, receiver) = mpsc::channel(self.buffer.max(1));
            self.open.insert(id.clone(), PollSender::new(sender));
            receiver
        };
        Ok(ids.iter().map(open).collect())
    }

    /// Closes those of a call that is over; what still arrives on them is dropped.
    pub(super) fn forget(&mut self, ids: &[String]) {
        for id in ids {
            self.open.remove(id);
        }
    }

    /// Nothing more will arrive.
    pub(crate) fn close(&mut self) {
        self.open.clear();
    }

    /// Takes what has arrived on a stream. Streams that are not known (any more) are of no interest.
    pub(crate) fn arrived(&mut self, id: String, what: Uploaded) {
        if self.open.contains_key(&id) {
            self.blocked = Some((id, what));
        }
    }

    /// Passes on what has arrived. True when that was possible, and the next message may be handled.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> bool {
        let Some((id, what)) = self.blocked.take() else { return false };
        let Some(sender) = self.open.get_mut(&id) else { return true };
        match sender.poll_reserve(context) {
            Poll::Pending => {
                self.blocked = Some((id, what));
                return false;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Ready(Ok(())) => {
                let last = matches!(what, Uploaded::End(_));
                // It was reserved; should the reader have gone since, then nobody wants the item.
                drop(sender.send_item(what));
                if !last {
                    return true;
                }
            }
        }
        self.open.remove(&id);
        true
    }
}
