//! What a client says: the handshake, then one message after the other.

use bytes::Bytes;

use super::{Driver, Open};
use crate::connection::calls::Calls;
use crate::connection::ending::Ending;
use crate::connection::replay::Replay;
use crate::connection::sources::Sources;
use crate::hub::context::ConnectionInfo;
use crate::hub::upload::Uploaded;
use crate::options::Transport;
use crate::protocol::handshake::{self, ACCEPTED, HandshakeError};
use crate::protocol::{FrameError, Message, Outcome};

impl Driver {
    /// Handles what has arrived, message by message.
    pub(super) fn handle(&mut self) -> Result<bool, Ending> {
        let gone = self.departed.is_some();
        if self.open.is_none() && (gone || !self.shake_hands()?) {
            return Ok(false);
        }
        let (mut messages, mut bytes) = (0, 0);
        while let Some(open) = &mut self.open
            && open.connecting.is_none()
            && open.calls.has_room()
        {
            let frame = match self.input.next(open.protocol) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return Err(Ending::bad_frame(&error, self.server.options.detailed_errors)),
            };
            messages += 1;
            bytes += frame.len();
            match open.protocol.decode(&frame) {
                Ok(Some(message)) => self.hear(message)?,
                // Of a kind that the future may bring.
                Ok(None) => {}
                Err(error) => return Err(Ending::bad_message(&error, self.server.options.detailed_errors)),
            }
        }
        if messages > 0 {
            self.server.metrics.received(messages, bytes);
        }
        Ok(messages > 0)
    }

    /// True when the hands are shaken.
    fn shake_hands(&mut self) -> Result<bool, Ending> {
        let Some(transport) = self.carrier.transport() else { return Ok(false) };
        let record = match self.input.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(false),
            Err(_) => return Err(Ending::handshake(&HandshakeError::Canceled)),
        };
        let agreed = match handshake::agree(&record, transport.is_binary()) {
            Ok(agreed) => agreed,
            Err(error) => return Err(Ending::handshake(&error)),
        };
        let protocol = agreed.protocol;
        if agreed.stateful && self.endpoint.is_stateful() && transport == Transport::WebSockets {
            let limit = self.server.options.stateful_buffer_bytes;
            self.output.replay = Some(Replay::new(limit));
        } else {
            self.endpoint.not_stateful();
        }
        self.output.set_protocol(protocol);
        self.output.push_raw(Bytes::from_static(ACCEPTED));
        self.link.set_protocol(protocol);
        let extensions = std::mem::take(&mut self.extensions);
        let info = ConnectionInfo { id: self.link.id().to_owned(), transport, protocol, extensions };
        let session = self.server.hub.session(info, self.link.clone(), self.server.registry.clone());
        self.server.registry.add(&self.link);
        let calls = Calls::new(protocol, self.link.clone(), self.server.metrics.clone(), &self.server.options);
        let connecting = Some(session.connected());
        self.open = Some(Open { protocol, session, connecting, calls, sources: Sources::default() });
        Ok(true)
    }

    fn hear(&mut self, message: Message) -> Result<(), Ending> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Some(replay) = &mut self.output.replay {
            match message {
                Message::Ack(number) => {
                    replay.confirmed(number);
                    return Ok(());
                }
                Message::Sequence(next) => {
                    return replay
                        .sequence(next)
                        .map_err(|gap| Ending::bad_message(&gap, self.server.options.detailed_errors));
                }
                _ if !replay.accept(message.is_counted(), self.times.received) => return Ok(()),
                _ => {}
            }
        }
        match message {
            Message::Invocation(call) => open.calls.call(&*open.session, call, false),
            Message::StreamInvocation(call) => open.calls.call(&*open.session, call, true),
            Message::StreamItem { id, item } => open.calls.uploads.arrived(id, Uploaded::Item(item)),
            Message::Completion { id, outcome } => {
                let error = match outcome {
                    Outcome::Error(error) => Some(error),
                    Outcome::Void | Outcome::Result(_) => None,
                };
                open.calls.uploads.arrived(id, Uploaded::End(error));
            }
            Message::CancelInvocation { id } => open.calls.cancel(&id),
            Message::Ping => self.times.pings = true,
            Message::Close { .. } => {
                // A client that has said goodbye may hang up at once: then it is not lost.
                self.departed = None;
                self.depart(Ending::closed());
            }
            Message::Ack(_) | Message::Sequence(_) => {}
        }
        Ok(())
    }

    pub(super) fn too_large(&self) -> Ending {
        if self.open.is_none() {
            return Ending::handshake(&HandshakeError::Canceled);
        }
        let error = FrameError::TooLarge { limit: self.server.options.max_message_bytes };
        Ending::bad_frame(&error, self.server.options.detailed_errors)
    }
}
