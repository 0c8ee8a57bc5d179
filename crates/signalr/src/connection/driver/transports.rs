//! Transports that come to a connection, with what their requests bring.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::Extensions;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Driver;
use crate::connection::Command;
use crate::connection::carrier::{Carrier, PollAnswer};
use crate::connection::ending::Ending;
use crate::protocol::Message;

impl Driver {
    /// Carries out what requests ask for.
    pub(super) fn obey(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        let mut progress = false;
        while let Poll::Ready(Some(command)) = self.commands.poll_recv(context) {
            progress = true;
            match command {
                Command::WebSocket(boxed) => {
                    let (socket, extensions) = *boxed;
                    self.attach(Carrier::WebSocket { socket: Box::new(socket), flushed: true }, extensions);
                }
                Command::Sse(boxed) => {
                    let (end, extensions) = *boxed;
                    self.attach(Carrier::Sse(end), extensions);
                }
                Command::Poll(boxed) => {
                    let (poll, extensions) = *boxed;
                    self.poll_arrived(poll, extensions);
                }
                Command::Data(boxed) => {
                    let (bytes, done) = *boxed;
                    self.times.received = Instant::now();
                    self.input.post(bytes, done);
                }
                Command::Delete => return Err(Ending::closed()),
            }
        }
        Ok(progress)
    }

    fn poll_arrived(&mut self, poll: oneshot::Sender<PollAnswer>, extensions: Extensions) {
        self.times.polled = Instant::now();
        if let Carrier::LongPolling { poll: waiting } = &mut self.carrier {
            if let Some(superseded) = waiting.replace(poll) {
                drop(superseded.send(PollAnswer::Gone));
            }
            return;
        }
        // The first poll only says that there will be others.
        drop(poll.send(PollAnswer::Data(Bytes::new())));
        self.attach(Carrier::LongPolling { poll: None }, extensions);
    }

    fn attach(&mut self, carrier: Carrier, extensions: Extensions) {
        let now = Instant::now();
        if self.times.attached.is_none() {
            self.times.attached = Some(now);
            if let Some(transport) = carrier.transport() {
                self.server.metrics.connection_started(transport);
            }
        }
        let replaced = std::mem::replace(&mut self.carrier, carrier);
        self.times.received = now;
        if self.open.is_none() {
            // Half a handshake on one socket is not continued on another; what was posted before the first one is.
            if !matches!(replaced, Carrier::None) {
                self.input.clear();
            }
            self.extensions = extensions;
            return;
        }
        // A WebSocket that takes over from another one.
        self.output.forget();
        self.input.clear();
        if let (Some(replay), Some(open)) = (&mut self.output.replay, &self.open) {
            let (first, kept) = replay.resume();
            let again: Vec<_> = kept.cloned().collect();
            self.server.metrics.connection_resumed(again.len());
            self.output.push_raw(open.protocol.encode(&Message::Sequence(first)));
            again.into_iter().for_each(|message| self.output.push_raw(message));
        }
    }
}
