//! One socket that listens.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;

use milepost_wire::dialects::project::{NameFilter, error};
use tokio::time::Instant;

use super::frames::text;
use super::source::{Source, Texts};
use crate::app::App;
use crate::metrics::SessionGuard;
use crate::problem::{Refusal, problem_of};
use crate::transport::HEARTBEAT;
use crate::transport::ws::{Close, Socket};

/// Texts for which a socket keeps room.
const KEPT: usize = 8;

/// A socket, and what it is sent.
pub(super) struct Viewer {
    app: App,
    project: String,
    socket: Socket,
    source: Source,
    names: Option<NameFilter>,
    out: Texts,
    guard: SessionGuard,
}

/// Tells why there is nothing to see, and closes.
pub(super) async fn refuse(app: &App, project: &str, mut socket: Socket, refusal: &Refusal) {
    let problem = problem_of(refusal);
    let frame = error(project, refusal.code(), &problem.detail, app.hub().now());
    let close = match socket.write(std::iter::once(text(frame))).await {
        ControlFlow::Continue(()) => Close::Refused(refusal.code()),
        ControlFlow::Break(close) => close,
    };
    socket.close(close).await;
}

impl Viewer {
    pub(super) fn new(app: App, project: String, socket: Socket, source: Source, names: Option<NameFilter>) -> Self {
        let guard = app.metrics().session("project");
        Self { app, project, socket, source, names, out: Texts::new(), guard }
    }

    pub(super) async fn run(mut self) {
        match self.serve().await {
            Ok(close) => self.socket.close(close).await,
            Err(refusal) => refuse(&self.app, &self.project, self.socket, &refusal).await,
        }
    }

    async fn serve(&mut self) -> Result<Close, Refusal> {
        let mut shutdown = pin!(self.app.shutdown().clone().cancelled_owned());
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            self.source.prepare().await?;
            let turn = tokio::select! {
                () = &mut shutdown => return Ok(Close::GoingAway),
                // What a client says here has no meaning, but that it goes away has.
                heard = self.socket.hear() => heard.map_continue(drop),
                turn = poll_fn(|context| self.source.poll(context, &mut self.out)) => turn,
                _ = heartbeat.tick() => self.socket.ping().await,
            };
            for turn in [self.write().await, turn] {
                if let ControlFlow::Break(close) = turn {
                    return Ok(close);
                }
            }
        }
    }

    /// Writes everything that is waiting, and wanted, in one go.
    async fn write(&mut self) -> ControlFlow<Close> {
        let (names, guard) = (&self.names, &self.guard);
        let wanted = |name: Option<&'static str>| match (name, names) {
            (Some(name), Some(names)) => names.wants(name),
            (_, None) | (None, _) => true,
        };
        let texts = self.out.drain(..).filter(|(name, _)| wanted(*name));
        let counted = texts.inspect(|(name, _)| guard.delivered(u64::from(name.is_some())));
        let written = self.socket.write(counted.map(|(_, text)| text)).await;
        // After a burst most sockets are idle again, and are many.
        self.out.shrink_to(KEPT);
        written
    }
}
