//! One socket: what its client says, and what it is told.

use std::future::poll_fn;
use std::ops::ControlFlow;

use axum::extract::ws::{Message, Utf8Bytes};
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use milepost_core::Code;
use milepost_hub::{From, Publish as HubPublish, SessionOptions};
use milepost_wire::Start;
use milepost_wire::native::Problem;
use milepost_wire::ws::{self, Cancel, ClientMessage, Publish, Subscribe};
use tokio::time::Instant;

use super::deliveries::Deliveries;
use super::{Close, PUBLICATIONS, SUBSCRIPTIONS, Socket, TURN};
use crate::app::App;
use crate::caps::COALESCE_MS_MAX;
use crate::principal::{Action, Principal};
use crate::problem::{Refusal, problem_of};
use crate::transport::HEARTBEAT;

type Answering = std::pin::Pin<Box<dyn Future<Output = Bytes> + Send>>;

/// One WebSocket connection.
pub(super) struct Connection {
    app: App,
    principal: Principal,
    socket: Socket,
    deliveries: Deliveries,
    /// Publications and cancellations on their way to being durable. They are in line already, so the order stands.
    answering: FuturesUnordered<Answering>,
    out: Vec<Bytes>,
}

impl Connection {
    pub(super) fn new(app: App, principal: Principal, socket: Socket) -> Self {
        let (deliveries, answering) = (Deliveries::default(), FuturesUnordered::new());
        Self { app, principal, socket, deliveries, answering, out: Vec::new() }
    }

    pub(super) async fn run(mut self) {
        let close = self.serve().await;
        self.socket.close(close).await;
    }

    async fn serve(&mut self) -> Close {
        let shutdown = self.app.shutdown().clone();
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Close::GoingAway,
                message = self.socket.hear(), if self.answering.len() < PUBLICATIONS => {
                    match message {
                        ControlFlow::Continue(message) => self.take(message).await,
                        ControlFlow::Break(close) => return close,
                    }
                }
                Some(answer) = self.answering.next() => self.out.push(answer),
                () = poll_fn(|context| self.deliveries.poll(context, &mut self.out)) => {}
                _ = heartbeat.tick() => {
                    if let ControlFlow::Break(close) = self.socket.ping().await {
                        return close;
                    }
                }
            }
            let more = self.take_what_is_ready().await;
            for turn in [self.write().await, more] {
                if let ControlFlow::Break(close) = turn {
                    return close;
                }
            }
        }
    }

    /// Takes messages and answers that are there already, so that what they lead to leaves in the same write. Bounded, so
    /// that a client that never stops talking still hears what it is subscribed to.
    async fn take_what_is_ready(&mut self) -> ControlFlow<Close> {
        for _ in 0..TURN {
            if self.answering.len() >= PUBLICATIONS {
                break;
            }
            let Some(message) = self.socket.hear_now() else { break };
            self.take(message?).await;
        }
        // The streams that are about to answer get their turn first, so that their answers leave together.
        if !self.answering.is_empty() {
            tokio::task::yield_now().await;
        }
        while let Some(Some(answer)) = self.answering.next().now_or_never() {
            self.out.push(answer);
        }
        ControlFlow::Continue(())
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Text(text) => self.receive(text.as_bytes()).await,
            Message::Binary(bytes) => self.receive(&bytes).await,
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
        }
    }

    /// Writes everything that is waiting in one go.
    async fn write(&mut self) -> ControlFlow<Close> {
        // Everything here was encoded by us, from text.
        let texts = self.out.drain(..).map(|message| Utf8Bytes::try_from(message).unwrap_or_default());
        self.socket.write(texts).await
    }

    async fn receive(&mut self, text: &[u8]) {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Subscribe(subscribe)) => self.subscribe(subscribe).await,
            Ok(ClientMessage::Unsubscribe { sub }) => {
                if !self.deliveries.remove(&sub) {
                    let problem = Problem::new(Code::InvalidRequest, "there is no such subscription");
                    self.out.push(ws::error(None, Some(&sub), &problem));
                }
            }
            Ok(ClientMessage::Publish(publish)) => self.publish(publish).await,
            Ok(ClientMessage::Cancel(cancel)) => self.cancel(cancel),
            Ok(ClientMessage::Ping { reference }) => self.out.push(ws::pong(reference.as_deref())),
            Err(refused) => {
                let problem = Problem::from(refused.rejected);
                self.out.push(ws::error(refused.reference.as_deref(), refused.sub.as_deref(), &problem));
            }
        }
    }

    async fn subscribe(&mut self, subscribe: Subscribe) {
        let sub = subscribe.sub.clone();
        if let Err(refusal) = self.try_subscribe(subscribe).await {
            self.out.push(ws::error(None, Some(&sub), &problem_of(&refusal)));
        }
    }

    async fn try_subscribe(&mut self, subscribe: Subscribe) -> Result<(), Refusal> {
        let Subscribe { sub, project, run, start, types, coalesce_ms } = subscribe;
        self.principal.may(Action::Subscribe, &project)?;
        if self.deliveries.has(&sub) {
            return Err(Refusal::new(Code::InvalidRequest, format!("`sub` {sub:?} is in use")));
        }
        if self.deliveries.len() >= SUBSCRIPTIONS {
            return Err(Refusal::new(
                Code::LimitExceeded,
                format!("at most {SUBSCRIPTIONS} subscriptions of one socket"),
            ));
        }
        if coalesce_ms.is_some_and(|ms| ms > COALESCE_MS_MAX) {
            return Err(Refusal::new(Code::InvalidRequest, format!("`coalesce_ms` is at most {COALESCE_MS_MAX}")));
        }
        let from = match start {
            Start::Snapshot => From::Now,
            Start::Beginning => From::Start,
            Start::After(cursor) => From::After(cursor),
        };
        let options = SessionOptions { coalesce_ms, types, ..SessionOptions::default() };
        let session = self.app.hub().subscribe(&project, &run, from, options).await?;
        self.deliveries.add(sub, session, self.app.metrics().session("websocket"));
        Ok(())
    }

    /// Puts the events in line before the next message is read, so that they keep their order.
    async fn publish(&mut self, publish: Publish) {
        let Publish { reference, project, run, events, lease } = publish;
        let enqueued = match self.principal.may(Action::Publish, &project) {
            Ok(()) => {
                let publish = HubPublish { drafts: events, if_match: None, lease };
                self.app.hub().enqueue(&project, &run, publish).await.map_err(Refusal::from)
            }
            Err(refusal) => Err(refusal),
        };
        let app = self.app.clone();
        self.answering.push(Box::pin(async move {
            let published = match enqueued {
                Ok(enqueued) => enqueued.published().await.map_err(Refusal::from),
                Err(refusal) => Err(refusal),
            };
            match published {
                Ok(published) => ws::ack(reference.as_deref(), &crate::api::events::answer(&app, published)),
                Err(refusal) => ws::error(reference.as_deref(), None, &problem_of(&refusal)),
            }
        }));
    }

    fn cancel(&mut self, cancel: Cancel) {
        let Cancel { reference, project, run, request } = cancel;
        let (app, principal) = (self.app.clone(), self.principal.clone());
        self.answering.push(Box::pin(async move {
            match crate::api::cancel::cancel(&app, &principal, &project, &run, request).await {
                Ok(accepted) => ws::ack(reference.as_deref(), &accepted),
                Err(refusal) => ws::error(reference.as_deref(), None, &problem_of(&refusal)),
            }
        }));
    }
}
