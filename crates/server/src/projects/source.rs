//! Where a socket has its frames from: one run's session, or the feed of a project.

use std::ops::ControlFlow;
use std::task::{Context, Poll};

use axum::extract::ws::Utf8Bytes;
use milepost_core::{Code, Cursor, Project, RunId};
use milepost_hub::{Feed, FeedItem, Frame, From, Item, Session, SessionOptions, Views};
use milepost_wire::dialects::project::{self, Family};

use super::frames;
use crate::app::App;
use crate::problem::Refusal;
use crate::transport::ws::Close;

/// What a socket is sent, in order.
pub(super) enum Source {
    Run(Box<Session>),
    Project(Box<Whole>),
}

pub(super) struct Whole {
    app: App,
    project: Project,
    /// None where it has to be joined anew, because the reader was too slow.
    feed: Option<Feed>,
    first: Option<Utf8Bytes>,
}

/// What is ready to be sent: texts with the names of their frames; snapshots have none.
pub(super) type Texts = Vec<(Option<&'static str>, Utf8Bytes)>;

pub(super) fn not_found(run: &str) -> Refusal {
    Refusal::new(Code::RunNotFound, format!("there is no such run here: {run:?}"))
}

impl Source {
    /// The stream of `run`, a root of `family`; another run is not to be found here.
    pub(super) async fn run(
        app: &App,
        project: &Project,
        run: &RunId,
        family: Family,
        after: Option<Cursor>,
    ) -> Result<Self, Refusal> {
        let from = after.map_or(From::Now, From::After);
        // One frame per event: who wants fewer of them reads another dialect.
        let options = SessionOptions { coalesce_ms: Some(0), views: Views::Wanted, ..SessionOptions::default() };
        let session = app.hub().subscribe(project, run, from, options).await?;
        let root = session.root().filter(|root| root.id == *run && Family::of(&root.kind) == Some(family));
        root.ok_or_else(|| not_found(run.as_str()))?;
        Ok(Self::Run(Box::new(session)))
    }

    /// All streams of `project`.
    pub(super) async fn project(app: &App, project: Project) -> Result<Self, Refusal> {
        let mut whole = Whole { app: app.clone(), project, feed: None, first: None };
        whole.join().await?;
        Ok(Self::Project(Box::new(whole)))
    }

    /// Does what [`poll`](Self::poll) cannot: joins a feed anew.
    pub(super) async fn prepare(&mut self) -> Result<(), Refusal> {
        match self {
            Self::Project(whole) if whole.feed.is_none() => whole.join().await,
            Self::Project(_) | Self::Run(_) => Ok(()),
        }
    }

    /// Puts what comes next into `out`, and sleeps while there is nothing. Breaks when nothing follows it.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, out: &mut Texts) -> Poll<ControlFlow<Close>> {
        match self {
            Self::Run(session) => follow(session, context, out),
            Self::Project(whole) => whole.poll(context, out),
        }
    }
}

fn follow(session: &mut Session, context: &mut Context<'_>, out: &mut Texts) -> Poll<ControlFlow<Close>> {
    let mut items = Vec::new();
    let polled = std::task::ready!(session.poll(context, &mut items));
    for item in items {
        match item {
            Item::Snapshot(shown) => out.push((None, frames::snapshot(&shown))),
            Item::Event { frame, .. } => push(&frame, out),
            // A snapshot follows, and says by itself where it stands.
            Item::CaughtUp(_) | Item::Reset(_) => {}
            Item::End(_) => return Poll::Ready(ControlFlow::Break(Close::Finished)),
            // Whoever comes back is told more: the server is another one then, or the run is gone.
            Item::Closed => return Poll::Ready(ControlFlow::Break(Close::GoingAway)),
        }
    }
    if let Err(error) = polled {
        // The viewer comes back from its sequence; it has lost nothing.
        tracing::warn!(stream = %session.stream(), %error, "a viewer was sent away");
        return Poll::Ready(ControlFlow::Break(Close::Refused(Code::StoreUnavailable)));
    }
    Poll::Ready(ControlFlow::Continue(()))
}

fn push(frame: &Frame, out: &mut Texts) {
    if let Some((name, text)) = &frames::event(frame).0 {
        out.push((Some(name), text.clone()));
    }
}

impl Whole {
    async fn join(&mut self) -> Result<(), Refusal> {
        let feed = self.app.hub().feed(&self.project).await?;
        let runs = feed.runs().iter().map(|(run, cursor)| (&**run, cursor.seq));
        self.first = Some(frames::text(project::of_project(&self.project, runs, self.app.hub().now())));
        self.feed = Some(feed);
        Ok(())
    }

    fn poll(&mut self, context: &mut Context<'_>, out: &mut Texts) -> Poll<ControlFlow<Close>> {
        if let Some(first) = self.first.take() {
            out.push((None, first));
            return Poll::Ready(ControlFlow::Continue(()));
        }
        let mut items = Vec::new();
        if let Some(feed) = &mut self.feed {
            std::task::ready!(feed.poll(context, &mut items));
        }
        for item in items {
            match item {
                FeedItem::Event(frame) => push(&frame, out),
                FeedItem::Lost => self.feed = None,
            }
        }
        Poll::Ready(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use milepost_core::event::RunCreated;
    use milepost_core::{Body, Draft, Json};
    use milepost_hub::{NewRun, Publish};

    use super::*;
    use crate::testing;

    fn take(source: &mut Source) -> Texts {
        let mut texts = Texts::new();
        while source.poll(&mut Context::from_waker(Waker::noop()), &mut texts).is_ready() {
            let Source::Project(whole) = source else { panic!("a project") };
            if whole.feed.is_none() {
                break;
            }
        }
        texts
    }

    #[tokio::test]
    async fn a_project_that_goes_too_fast_begins_anew() {
        let (app, _directory) = testing::app().await;
        let (project, run) = (Project::default_project(), RunId::new("a").unwrap());
        let created: RunCreated = serde_json::from_str(r#"{"kind":"agent"}"#).unwrap();
        app.hub().create(&project, NewRun { run: run.clone(), created, started: true, lease: None }).await.unwrap();
        let mut source = Source::project(&app, project.clone()).await.unwrap();
        assert_eq!(take(&mut source).len(), 1, "the list of runs");

        let body = Body::Custom("x.a".parse().unwrap(), Json::empty_object());
        let draft = Draft { run: run.clone(), id: None, time: None, body };
        let publish = async |count| {
            let publish = Publish { drafts: vec![draft.clone(); count], ..Publish::default() };
            app.hub().publish(&project, &run, publish).await.unwrap();
        };
        publish(3).await;
        let names: Vec<_> = take(&mut source).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [Some("agent.run.updated"); 3]);

        for _ in 0..2 {
            publish(4_000).await;
        }
        assert_eq!(take(&mut source), []);
        source.prepare().await.unwrap();
        let texts = take(&mut source);
        assert!(texts.len() == 1 && texts[0].1.contains(r#""sequence":8005"#), "{texts:?}");
        publish(1).await;
        assert_eq!(take(&mut source).len(), 1, "and goes on from there");
    }
}
