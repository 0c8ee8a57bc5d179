//! The task of a connection: everything that happens to it happens here, one thing after the other.

mod deadlines;
mod incoming;
mod transports;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Extensions;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Command;
use super::calls::Calls;
use super::carrier::{Carrier, Read};
use super::ending::Ending;
use super::input::Input;
use super::link::{Demand, Entry, Link};
use super::output::{Output, Written};
use super::sources::Sources;
use super::timers::Alarm;
use crate::hub::dispatch::Session;
use crate::hub::error::HubError;
use crate::options::Transport;
use crate::protocol::Protocol;
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

    fn too_slow(&self) -> Ending {
        if let Some(transport) = self.endpoint.transport() {
            self.server.metrics.slow_client(transport);
        }
        Ending::too_slow()
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

impl Drop for Driver {
    /// Whatever happens to the task, nobody else holds on to the connection.
    fn drop(&mut self) {
        self.link.close();
        self.server.registry.remove(&self.link);
        self.server.forget(&self.endpoint);
    }
}
