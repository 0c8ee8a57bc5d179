//! The calls of one connection: one plain invocation at a time, streams and uploads beside it.

mod refusal;
mod running;
mod uploads;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::link::Link;
use super::output::Output;
use crate::hub::dispatch::Session;
use crate::hub::method::{ArgumentReader, Started};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::protocol::{Call, Message, Outcome, Payload, Protocol};
use refusal::Refusal;
use running::{Answering, Streaming};
pub(super) use uploads::Uploads;

/// Plain invocations that may wait for their turn; nothing more is read then.
const WAITING: usize = 16;

/// Items taken from one stream before the next has its turn.
const TURN: usize = 32;

pub(super) struct Calls {
    protocol: Protocol,
    link: Arc<Link>,
    metrics: Arc<dyn Metrics>,
    detailed: bool,
    streams_max: usize,
    /// The one plain invocation that runs.
    running: Option<Answering>,
    waiting: VecDeque<Call>,
    /// Plain invocations that read an upload, which would block what follows.
    beside: Vec<Answering>,
    streams: Vec<Streaming>,
    next_stream: usize,
    pub(super) uploads: Uploads,
}

impl Calls {
    pub(super) fn new(protocol: Protocol, link: Arc<Link>, metrics: Arc<dyn Metrics>, options: &Options) -> Self {
        Self {
            protocol,
            link,
            metrics,
            detailed: options.detailed_errors,
            streams_max: options.max_streams,
            running: None,
            waiting: VecDeque::new(),
            beside: Vec::new(),
            streams: Vec::new(),
            next_stream: 0,
            uploads: Uploads::new(options),
        }
    }

    /// Whether another message can be handled.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING && !self.uploads.is_blocked()
    }

    /// Whether something runs or waits that is not a stream.
    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty() || !self.beside.is_empty()
    }

    /// Takes a call; it runs at the next poll, or when its turn comes.
    pub(super) fn call(&mut self, session: &dyn Session, call: Call, streaming: bool) {
        if !streaming && call.stream_ids.is_empty() && self.running.is_some() {
            self.waiting.push_back(call);
        } else {
            self.start(session, call, streaming);
        }
    }

    fn start(&mut self, session: &dyn Session, mut call: Call, streaming: bool) {
        let (id, target) = (call.id.take(), std::mem::take(&mut call.target));
        let stream_ids = std::mem::take(&mut call.stream_ids);
        let started = self.try_start(session, id.as_deref(), &target, call, &stream_ids, streaming);
        match started {
            Ok(Started::Value(future)) => {
                let answering = Answering { id, target, since: Instant::now(), uploads: stream_ids, future };
                if answering.uploads.is_empty() {
                    self.running = Some(answering);
                } else {
                    self.beside.push(answering);
                }
            }
            Ok(Started::Stream(opening)) => {
                self.streams.push(Streaming::new(id.unwrap_or_default(), target, stream_ids, opening));
            }
            Err(refusal) => {
                self.uploads.forget(&stream_ids);
                tracing::debug!(connection = self.link.id(), target, ?refusal, "a call was refused");
                self.answer(id, Outcome::Error(refusal.told(&target, self.detailed)));
            }
        }
    }

    fn try_start(
        &mut self,
        session: &dyn Session,
        id: Option<&str>,
        target: &str,
        call: Call,
        stream_ids: &[String],
        streaming: bool,
    ) -> Result<Started, Refusal> {
        if let Some(id) = id
            && (self.streams.iter().any(|stream| stream.id == id))
        {
            return Err(Refusal::InUse(id.to_owned()));
        }
        let expected = session.expects(target).ok_or(Refusal::Unknown)?;
        let given = call.arguments.len();
        if stream_ids.len() != expected.uploads {
            return Err(Refusal::Uploads { given: stream_ids.len(), expected: expected.uploads });
        }
        if given > expected.values {
            return Err(Refusal::Arity { given, expected: expected.values });
        }
        if streaming != expected.streaming {
            return Err(if streaming { Refusal::NotStreaming } else { Refusal::Streaming });
        }
        let open = self.streams.len() + self.beside.len();
        if open >= self.streams_max && (streaming || expected.uploads > 0) {
            return Err(Refusal::TooManyStreams(self.streams_max));
        }
        let receivers = self.uploads.open(stream_ids).map_err(Refusal::InUse)?;
        let reader = ArgumentReader::new(call.arguments, receivers);
        session.start(target, call.headers, reader).map_err(|error| match given < expected.values {
            true => Refusal::Arity { given, expected: expected.values },
            false => Refusal::Types(error),
        })
    }

    /// Drops all streams; nobody hears them any more.
    pub(super) fn stop_streams(&mut self) {
        self.streams.clear();
    }

    /// Stops a stream; it is completed all the same. Plain invocations run on, and complete when they are done.
    pub(super) fn cancel(&mut self, id: &str) {
        if let Some(at) = self.streams.iter().position(|stream| stream.id == id) {
            let stream = self.streams.remove(at);
            self.ended(stream, Outcome::Void);
        }
    }

    /// Lets everything that runs go on. True when a plain invocation has ended, so that another message may be handled.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, session: &dyn Session) -> bool {
        let mut progress = self.uploads.poll(context);
        while let Some(running) = &mut self.running {
            let Poll::Ready(result) = running.poll(context) else { break };
            progress = true;
            if let Some(done) = self.running.take() {
                self.settle(done, result);
            }
            // One that is refused ends at once, and the next has its turn.
            while self.running.is_none()
                && let Some(call) = self.waiting.pop_front()
            {
                self.start(session, call, false);
            }
        }
        let mut index = 0;
        while let Some(answering) = self.beside.get_mut(index) {
            match answering.poll(context) {
                Poll::Pending => index += 1,
                Poll::Ready(result) => {
                    let done = self.beside.swap_remove(index);
                    self.settle(done, result);
                }
            }
        }
        progress
    }

    /// Takes items from all streams until none has any or there is no more room.
    pub(super) fn fill(&mut self, context: &mut Context<'_>, output: &mut Output) {
        // So many streams in a row had nothing.
        let mut idle = 0;
        while idle < self.streams.len() && output.has_room() {
            self.next_stream %= self.streams.len();
            let at = self.next_stream;
            idle += 1;
            let mut end = None;
            for _ in 0..TURN {
                if !output.has_room() {
                    break;
                }
                let stream = &mut self.streams[at];
                match stream.poll(context) {
                    Poll::Pending => break,
                    Poll::Ready(Some(Ok(item))) => {
                        idle = 0;
                        output.push(self.protocol.encode_item(&stream.id, &item));
                    }
                    Poll::Ready(None) => end = Some(Outcome::Void),
                    Poll::Ready(Some(Err(error))) => {
                        tracing::debug!(connection = self.link.id(), target = stream.target, %error, "a stream failed");
                        end = Some(Outcome::Error(stream.failure(&error, self.detailed)));
                    }
                }
                if end.is_some() {
                    break;
                }
            }
            match end {
                None => self.next_stream += 1,
                Some(outcome) => {
                    idle = 0;
                    let stream = self.streams.remove(at);
                    // Straight behind the items.
                    let completion = Message::Completion { id: stream.id.clone(), outcome: outcome.clone() };
                    output.push(self.protocol.encode(&completion));
                    self.measure(&stream.target, stream.since, &outcome);
                    self.uploads.forget(&stream.uploads);
                }
            }
        }
    }

    fn settle(&mut self, done: Answering, result: Result<Option<Payload>, crate::HubError>) {
        self.uploads.forget(&done.uploads);
        let outcome = match result {
            Ok(Some(payload)) => Outcome::Result(payload),
            Ok(None) => Outcome::Void,
            Err(error) => {
                if error.is_internal() {
                    tracing::warn!(connection = self.link.id(), target = done.target, %error, "a hub method failed");
                }
                let what = format!("An unexpected error occurred invoking '{}' on the server.", done.target);
                Outcome::Error(error.told(&what, self.detailed))
            }
        };
        self.measure(&done.target, done.since, &outcome);
        self.answer(done.id, outcome);
    }

    fn ended(&mut self, stream: Streaming, outcome: Outcome) {
        self.measure(&stream.target, stream.since, &outcome);
        self.uploads.forget(&stream.uploads);
        self.answer(Some(stream.id), outcome);
    }

    /// Puts an answer in line, behind whatever the method has sent.
    fn answer(&self, id: Option<String>, outcome: Outcome) {
        if let Some(id) = id {
            self.link.answer(self.protocol.encode(&Message::Completion { id, outcome }));
        }
    }

    fn measure(&self, target: &str, since: Instant, outcome: &Outcome) {
        self.metrics.invoked(target, since.elapsed(), matches!(outcome, Outcome::Error(_)));
    }
}
