//! What is done because of the time.

use std::task::Context;

use bytes::Bytes;
use tokio::time::Instant;

use super::Driver;
use crate::connection::carrier::{Carrier, PollAnswer};
use crate::connection::ending::Ending;
use crate::connection::replay::Replay;
use crate::protocol::Message;

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

impl Driver {
    /// Does what it is time for, and sets the alarm for what is next. True when something was done.
    pub(super) fn tick(&mut self, context: &mut Context<'_>) -> Result<bool, Ending> {
        let now = Instant::now();
        let mut done = false;
        if let Some(number) = self.output.replay.as_mut().and_then(|replay| replay.due_ack(now)) {
            self.output.control(&Message::Ack(number));
            done = true;
        }
        let mut next = self.output.replay.as_ref().and_then(Replay::ack_at);
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
}
