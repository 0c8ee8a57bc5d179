//! The task of a connection: everything that happens to it happens here, one thing after the other.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Extensions;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Command;
use super::calls::Calls;
use super::carrier::{Carrier, PollAnswer, Read};
use super::ending::Ending;
use super::input::Input;
use super::link::{Demand, Entry, Link};
use super::output::{Output, Written};
use super::sources::Sources;
use super::timers::Alarm;
use crate::hub::context::ConnectionInfo;
use crate::hub::dispatch::Session;
use crate::hub::error::HubError;
use crate::hub::upload::Uploaded;
use crate::options::Transport;
use crate::protocol::handshake::{self, ACCEPTED, HandshakeError};
use crate::protocol::{Message, Outcome, Protocol};
use crate::server::{Endpoint, Server};

/// Turns before other tasks have theirs.
const TURNS: usize = 16;

pub(crate) struct Driver {
    pub(super) server: Arc<Server>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) link: Arc<Link>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) carrier: Carrier,
    /// What the request said that brought the transport; until the handshake.
    extensions: Extensions,
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) open: Option<Open>,
    alarm: Alarm,
    pub(super) times: Times,
    /// The client is gone, and what it said before is still carried out.
    departed: Option<Departed>,
}

struct Departed {
    ending: Ending,
    /// When that is given up.
    until: Instant,
}

/// What there is after the handshake.
pub(super) struct Open {
    protocol: Protocol,
    pub(super) session: Box<dyn Session>,
    /// `on_connected`, until it is done. No call is carried out before.
    connecting: Option<BoxFuture<'static, Result<(), HubError>>>,
    calls: Calls,
    sources: Sources,
}

/// When things happened that something else depends on.
pub(super) struct Times {
    /// When the first transport came.
    pub(super) attached: Option<Instant>,
    /// When the transport was last lost, or the last poll was answered.
    detached: Instant,
    polled: Instant,
    received: Instant,
    /// Whether the client sends pings, so that its silence means something.
    pings: bool,
}

impl Driver {
    pub(crate) fn new(server: Arc<Server>, endpoint: Arc<Endpoint>, commands: mpsc::Receiver<Command>) -> Self {
        let now = Instant::now();
        let (input, output) = (Input::new(&server.options), Output::new(&server.options, now));
        let alarm = Alarm::new(now + server.options.disconnect_timeout);
        let times = Times { attached: None, detached: now, polled: now, received: now, pings: false };
        Self {
            link: endpoint.link.clone(),
            server,
            endpoint,
            commands,
            carrier: Carrier::None,
            extensions: Extensions::new(),
            input,
            output,
            open: None,
            alarm,
            times,
            departed: None,
        }
    }

    /// Lives the life of the connection.
    ///
    /// Boxed, because a future has room for each of the futures that it waits for, and for what it gives to them.
    pub(crate) async fn run(mut self: Box<Self>) {
        let ending = poll_fn(|context| self.poll(context)).await;
        self.end(ending).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        for _ in 0..TURNS {
            let turn = self.turn(context).and_then(|progress| Ok(self.tick(context)? || progress));
            match turn {
                Err(ending) => return Poll::Ready(ending),
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does everything that can be done now. True when that may have made more possible.
    fn turn(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        match self.link.watch(context.waker()) {
            None => {}
            Some(Demand::Abort) => return Err(Ending::aborted()),
            Some(Demand::Shutdown) => return Err(Ending::shutting_down()),
            Some(Demand::TooSlow) => return Err(self.too_slow()),
        }
        let mut progress = self.obey(context)?;
        progress |= self.read(context)?;
        progress |= self.handle()?;
        progress |= self.work(context)?;
        self.leave(progress)?;
        let crowded = self.fill(context)?;
        let wrote = self.write(context);
        Ok(progress || (crowded && wrote))
    }

    /// Carries out what requests ask for.
    fn obey(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
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

    fn poll_arrived(&mut self, poll: tokio::sync::oneshot::Sender<PollAnswer>, extensions: Extensions) {
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

    /// Reads what the transport has, as far as there is room.
    fn read(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        let mut progress = false;
        loop {
            if self.departed.is_some() {
                return Ok(progress);
            }
            match self.carrier.poll_read(context, self.input.has_room()) {
                Poll::Pending => return Ok(progress),
                Poll::Ready(Read::Bytes(bytes)) => {
                    self.times.received = Instant::now();
                    self.input.push(bytes);
                }
                Poll::Ready(Read::Closed) => self.depart(Ending::closed()),
                Poll::Ready(Read::Lost) => self.lost(),
                Poll::Ready(Read::TooLarge) => return Err(self.too_large()),
                Poll::Ready(Read::Unpolled) => self.times.polled = Instant::now(),
            }
            progress = true;
        }
    }

    /// The transport broke. That is the end, unless the client may come back to this connection.
    fn lost(&mut self) {
        if self.output.replay.is_none() || self.departed.is_some() {
            return self.depart(Ending::lost());
        }
        self.carrier = Carrier::None;
        self.output.forget();
        self.times.detached = Instant::now();
    }

    /// The client is gone. What it has asked for before is still done, as far as that does not take too long: "send, then
    /// stop" has to work. Nobody hears the answers.
    fn depart(&mut self, ending: Ending) {
        let until = Instant::now() + self.server.options.close_timeout;
        self.departed.get_or_insert(Departed { ending, until });
        self.link.close();
        if let Some(open) = &mut self.open {
            open.calls.uploads.close();
            open.calls.stop_streams();
            open.sources = Sources::default();
        }
        if !matches!(self.carrier, Carrier::WebSocket { .. }) {
            self.carrier = Carrier::None;
        }
    }

    /// Ends the connection of a client that is gone, once nothing is left to do.
    fn leave(&mut self, progress: bool) -> Result<(), Ending> {
        let busy = self.open.as_ref().is_some_and(|open| open.connecting.is_some() || open.calls.is_busy());
        if progress || busy {
            return Ok(());
        }
        match self.departed.take() {
            None => Ok(()),
            Some(departed) => Err(departed.ending),
        }
    }

    /// Handles what has arrived, message by message.
    fn handle(&mut self) -> Result<bool, Ending> {
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
            self.output.replay = Some(super::replay::Replay::new(limit));
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

    /// Lets the application go on.
    fn work(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        let Some(open) = &mut self.open else { return Ok(false) };
        if let Some(connecting) = &mut open.connecting {
            match connecting.poll_unpin(context) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Err(error)) => {
                    return Err(Ending::not_connected(&error, self.server.options.detailed_errors));
                }
                Poll::Ready(Ok(())) => open.connecting = None,
            }
            open.calls.poll(context, &*open.session);
            return Ok(true);
        }
        Ok(open.calls.poll(context, &*open.session))
    }

    /// Puts into the batch what is in line, then what streams and sources have. True when there was no room for all of it.
    fn fill(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        let Some(open) = &mut self.open else { return Ok(false) };
        if matches!(self.carrier, Carrier::None) || self.departed.is_some() {
            return Ok(false);
        }
        while self.output.has_room()
            && let Some(entry) = self.link.take()
        {
            match entry {
                Entry::Message(bytes) => self.output.push(bytes),
                Entry::Attach(key, source) => open.sources.attach(key, source),
                Entry::Detach(key) => open.sources.detach(key, &self.link),
            }
        }
        open.calls.fill(context, &mut self.output);
        open.sources
            .fill(context, &mut self.output, open.protocol, &self.link)
            .map_err(|error| Ending::unencodable(&error, self.server.options.detailed_errors))?;
        Ok(!self.output.has_room() || !self.link.is_empty())
    }

    /// Hands over the batch. True when the transport took some of it.
    fn write(&mut self, context: &mut Context<'_>) -> bool {
        if self.departed.is_some() {
            return false;
        }
        match self.output.write(&mut self.carrier, context) {
            Written::Lost => {
                self.lost();
                true
            }
            Written::Some(0, _) => false,
            Written::Some(messages, bytes) => {
                self.server.metrics.sent(messages, bytes);
                if let Carrier::LongPolling { .. } = self.carrier {
                    self.times.polled = Instant::now();
                }
                true
            }
        }
    }

    /// Does what it is time for, and sets the alarm for what is next. True when something was done.
    fn tick(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        let now = Instant::now();
        let mut done = false;
        if let Some(number) = self.output.replay.as_mut().and_then(|replay| replay.due_ack(now)) {
            self.output.control(&Message::Ack(number));
            done = true;
        }
        let mut next = self.output.replay.as_ref().and_then(super::replay::Replay::ack_at);
        for (at, what) in self.deadlines().into_iter().flatten() {
            if at > now {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            done = true;
            match what {
                Due::Ping => {
                    // What waits to be written is sign enough of life.
                    if self.output.is_empty() {
                        self.output.control(&Message::Ping);
                    }
                    self.output.last_sent = now;
                }
                Due::PollEnds => {
                    self.times.polled = now;
                    if let Carrier::LongPolling { poll } = &mut self.carrier
                        && let Some(poll) = poll.take()
                    {
                        drop(poll.send(PollAnswer::Data(Bytes::new())));
                    }
                }
                Due::Handshake => return Err(Ending::handshake_timed_out()),
                Due::Silence => return Err(Ending::timed_out(self.server.options.client_timeout)),
                Due::Abandoned => return Err(Ending::abandoned()),
                Due::Departure => {
                    return Err(self.departed.take().map_or_else(Ending::lost, |departed| departed.ending));
                }
                Due::Stuck => return Err(self.too_slow()),
            }
        }
        if let (false, Some(next)) = (done, next) {
            self.alarm.arm(next, context);
        }
        Ok(done)
    }

    /// What will be due if nothing happens before.
    fn deadlines(&self) -> [Option<(Instant, Due)>; 4] {
        if let Some(departed) = &self.departed {
            return [Some((departed.until, Due::Departure)), None, None, None];
        }
        let (options, times) = (&self.server.options, &self.times);
        let handshake = match (&self.open, times.attached) {
            (None, Some(attached)) => Some((attached + options.handshake_timeout, Due::Handshake)),
            _ => None,
        };
        match &self.carrier {
            Carrier::None => [Some((times.detached + options.disconnect_timeout, Due::Abandoned)), None, None, None],
            Carrier::LongPolling { poll } => {
                let polled = match poll {
                    Some(_) => (times.polled + options.poll_timeout, Due::PollEnds),
                    None => (times.polled + options.disconnect_timeout, Due::Abandoned),
                };
                [Some(polled), handshake, None, None]
            }
            Carrier::WebSocket { .. } | Carrier::Sse(_) => {
                let stuck = self.output.blocked_since.map(|since| (since + options.send_timeout, Due::Stuck));
                let ping = self.open.as_ref().map(|_| (self.output.last_sent + options.keep_alive, Due::Ping));
                // A client that is not read from cannot be heard.
                let heard = times.pings
                    && self.input.has_room()
                    && self.open.as_ref().is_some_and(|open| open.calls.has_room() && !open.calls.is_busy());
                let silence = heard.then(|| (times.received + options.client_timeout, Due::Silence));
                [handshake, ping, silence, stuck]
            }
        }
    }

    fn too_slow(&self) -> Ending {
        if let Some(transport) = self.endpoint.transport() {
            self.server.metrics.slow_client(transport);
        }
        Ending::too_slow()
    }

    fn too_large(&self) -> Ending {
        if self.open.is_none() {
            return Ending::handshake(&HandshakeError::Canceled);
        }
        let error = crate::protocol::FrameError::TooLarge { limit: self.server.options.max_message_bytes };
        Ending::bad_frame(&error, self.server.options.detailed_errors)
    }

    /// How long there has been something to measure.
    pub(super) fn lived(&self) -> Option<(Transport, std::time::Duration)> {
        Some((self.endpoint.transport()?, self.times.attached?.elapsed()))
    }

    /// Drops what the application has running.
    pub(super) fn stop(&mut self) -> Option<Box<dyn Session>> {
        self.open.take().map(|open| open.session)
    }
}

/// What becomes due.
#[derive(Debug, Clone, Copy)]
enum Due {
    Ping,
    PollEnds,
    Handshake,
    Silence,
    Abandoned,
    Departure,
    Stuck,
}

impl Drop for Driver {
    /// Whatever happens to the task, nobody else holds on to the connection.
    fn drop(&mut self) {
        self.link.close();
        self.server.registry.remove(&self.link);
        self.server.forget(&self.endpoint);
    }
}
