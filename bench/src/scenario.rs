//! What is measured.

mod append;
mod fanout;
mod hub;
mod idle;
mod progress;
mod resume;
mod snapshot;

use clap::ValueEnum;

use crate::error::Error;
use crate::figures::Figures;
use crate::machine::Machine;
use crate::opening::Opening;
use crate::options::Options;
use crate::payload::Kind;
use crate::pipe::Protocol;
use crate::report::{Report, Row};
use crate::server::Server;
use fanout::Load;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// One stream to 1 000 followers, 20 events a second.
    #[value(name = "fanout-20")]
    Fanout20,
    /// One stream to 1 000 followers, 50 events a second.
    #[value(name = "fanout-50")]
    Fanout50,
    /// One stream to 5 000 followers, 5 events a second.
    #[value(name = "fanout-5000")]
    Fanout5000,
    /// One stream to 1 000 followers, 20 batches of 8 events a second.
    #[value(name = "bursts")]
    Bursts,
    /// One agent run to 1 000 pages over a `WebSocket` each, 50 events a second.
    #[value(name = "projects-50")]
    Projects50,
    /// One campaign to 1 000 connections of its hub, 100 events a second; and the same over native `WebSocket`s.
    #[value(name = "signalr-100")]
    Signalr100,
    /// What a follower costs while nothing happens.
    Idle,
    /// What a page of a project costs while nothing happens.
    ProjectsIdle,
    /// What a subscriber of the campaign hub costs while nothing happens.
    SignalrIdle,
    /// Single events to 500 streams over a connection each; the highest rate that is kept.
    AppendHttp,
    /// Single events to 500 streams over 8 `WebSocket`s; the highest rate that is kept.
    AppendWs,
    /// 1 000 followers of one stream come back at once, 100 events behind.
    ResumeOne,
    /// 1 000 followers of a stream each come back at once, 100 events behind.
    ResumeMany,
    /// The same right after the server was started again: nothing is in memory.
    ResumeCold,
    /// Snapshots of a tree of 1 000 runs that changes between any two of them.
    SnapshotLive,
    /// Snapshots of a tree of 1 000 runs that does not change.
    SnapshotCached,
    /// Snapshots of a campaign of 1 000 runs through its hub; it changes between any two of them.
    SignalrSnapshot,
    /// What an ingestion spends on reporting its progress.
    Progress,
}

/// What a figure is allowed to be, and what it should be.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// The figure that is judged.
    pub unit: Unit,
    /// The product has to be as good as this.
    pub target: Option<f64>,
    /// And wants to be as good as this.
    pub goal: Option<f64>,
    /// Whatever the figure is, the 99th percentile of the latency must not be above this, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Of the server's CPU, per event that arrived.
    CpuMicroseconds,
    /// Events; more is better.
    PerSecond,
    /// Until everybody has everything.
    Seconds,
    /// Of resident memory, per connection.
    Kilobytes,
    /// The 99th percentile of the latency.
    P99Milliseconds,
    /// Of the time that a job takes.
    Percent,
    /// The server's CPU per event, as a multiple of what another way costs.
    Ratio,
}

impl Scenario {
    /// All, in the order of the table.
    pub const ALL: [Self; 18] = [
        Self::Fanout20,
        Self::Fanout50,
        Self::Fanout5000,
        Self::Bursts,
        Self::Projects50,
        Self::Signalr100,
        Self::Idle,
        Self::ProjectsIdle,
        Self::SignalrIdle,
        Self::AppendHttp,
        Self::AppendWs,
        Self::ResumeOne,
        Self::ResumeMany,
        Self::ResumeCold,
        Self::SnapshotLive,
        Self::SnapshotCached,
        Self::SignalrSnapshot,
        Self::Progress,
    ];

    /// What the table calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fanout20 => "fan-out 1 × 1 000, 20/s",
            Self::Fanout50 => "fan-out 1 × 1 000, 50/s",
            Self::Fanout5000 => "fan-out 1 × 5 000, 5/s",
            Self::Bursts => "fan-out 1 × 1 000, bursts of 8",
            Self::Projects50 => "project sockets 1 × 1 000, 50/s",
            Self::Signalr100 => "SignalR 1 × 1 000, 100/s",
            Self::Idle => "idle, 2 000 connections",
            Self::ProjectsIdle => "project sockets, 10 000 idle",
            Self::SignalrIdle => "SignalR, 10 000 idle",
            Self::AppendHttp => "append, 500 streams, HTTP",
            Self::AppendWs => "append, 500 streams, WebSocket",
            Self::ResumeOne => "resume, 1 stream × 1 000",
            Self::ResumeMany => "resume, 1 000 streams × 1",
            Self::ResumeCold => "resume after a restart, 1 000 × 1",
            Self::SnapshotLive => "snapshot of 1 000 runs, changed",
            Self::SnapshotCached => "snapshot of 1 000 runs, cached",
            Self::SignalrSnapshot => "SignalR snapshot of 1 000 runs",
            Self::Progress => "progress reports of an ingestion",
        }
    }

    /// What it is judged by.
    pub fn mark(self) -> Mark {
        let mark = |unit, target, goal, p99_ms| Mark { unit, target, goal, p99_ms };
        match self {
            Self::Fanout20 | Self::Fanout50 => mark(Unit::CpuMicroseconds, Some(7.0), Some(5.0), Some(8.0)),
            Self::Fanout5000 => mark(Unit::CpuMicroseconds, None, Some(7.5), None),
            Self::Bursts => mark(Unit::CpuMicroseconds, Some(1.3), Some(0.9), None),
            Self::Projects50 => mark(Unit::P99Milliseconds, Some(20.0), None, None),
            Self::Signalr100 => mark(Unit::Ratio, Some(1.2), None, Some(20.0)),
            Self::Idle => mark(Unit::Kilobytes, Some(12.0), Some(8.0), None),
            Self::ProjectsIdle => mark(Unit::Kilobytes, None, None, None),
            Self::SignalrIdle => mark(Unit::Kilobytes, Some(16.0), None, None),
            Self::AppendHttp | Self::AppendWs => {
                mark(Unit::PerSecond, Some(35_000.0), Some(60_000.0), Some(append::P99_MS))
            }
            Self::ResumeOne | Self::ResumeMany => mark(Unit::Seconds, Some(0.15), Some(0.09), None),
            Self::ResumeCold => mark(Unit::Seconds, None, None, None),
            Self::SnapshotLive | Self::SnapshotCached => mark(Unit::P99Milliseconds, Some(20.0), Some(5.0), None),
            Self::SignalrSnapshot => mark(Unit::P99Milliseconds, Some(20.0), None, None),
            Self::Progress => mark(Unit::Percent, Some(2.0), None, None),
        }
    }
}

/// What a scenario is measured with.
struct Bench<'a> {
    options: &'a Options,
    machine: &'a Machine,
    server: Server,
}

impl Bench<'_> {
    /// `full`, or a tenth of it for a smoke test.
    fn size(&self, full: usize) -> usize {
        if self.options.quick { full.div_ceil(10) } else { full }
    }

    /// `full`, or a fifth of it for a smoke test.
    fn seconds(&self, full: f64) -> f64 {
        if self.options.quick { full / 5.0 } else { full }
    }
}

/// Measures them all, each run on a server of its own where one may be started.
pub(crate) async fn measure_all(options: &Options, machine: Machine) -> Result<Report, Error> {
    let mut rows = Vec::new();
    for scenario in options.scenarios() {
        let mut runs = Vec::new();
        let mut failure = None;
        for _ in 0..options.runs() {
            // One that does not start now will not start for the next scenario either.
            let server = Server::ready(options, &machine).await?;
            let mut bench = Bench { options, machine: &machine, server };
            match measure(scenario, &mut bench).await {
                Ok(figures) => runs.push(figures),
                Err(error) => failure = Some(error),
            }
            bench.server.stop().await;
        }
        let mut figures = Figures::medians(&runs);
        figures.notes.extend(failure.map(|error| format!("a run failed: {error}")));
        rows.push(Row { scenario, figures, judged: !options.quick });
    }
    Ok(Report { options: options.clone(), machine, rows })
}

async fn measure(scenario: Scenario, bench: &mut Bench<'_>) -> Result<Figures, Error> {
    let streams =
        |followers, rate, burst| Load { followers, rate, opening: Opening::events, event: Kind::Custom, burst };
    let pages = Load { followers: 1_000, rate: 50.0, opening: Opening::agent, event: Kind::State, burst: 1 };
    match scenario {
        Scenario::Fanout20 => fanout::measure(bench, streams(1_000, 20.0, 1)).await,
        Scenario::Fanout50 => fanout::measure(bench, streams(1_000, 50.0, 1)).await,
        Scenario::Fanout5000 => fanout::measure(bench, streams(5_000, 5.0, 1)).await,
        Scenario::Bursts => fanout::measure(bench, streams(1_000, 20.0, 8)).await,
        Scenario::Projects50 => fanout::measure(bench, pages).await,
        Scenario::Signalr100 => hub::measure(bench).await,
        Scenario::Idle => idle::measure(bench, Opening::events, 2_000).await,
        Scenario::ProjectsIdle => idle::measure(bench, Opening::agent, 10_000).await,
        Scenario::SignalrIdle => idle::measure(bench, Opening::campaign, 10_000).await,
        Scenario::AppendHttp => append::measure(bench, Protocol::Http).await,
        Scenario::AppendWs => append::measure(bench, Protocol::WebSocket).await,
        Scenario::ResumeOne => resume::measure(bench, resume::Streams::One).await,
        Scenario::ResumeMany => resume::measure(bench, resume::Streams::Each).await,
        Scenario::ResumeCold => resume::measure(bench, resume::Streams::EachCold).await,
        Scenario::SnapshotLive => snapshot::measure(bench, snapshot::Tree::Changes, snapshot::Through::Http).await,
        Scenario::SnapshotCached => snapshot::measure(bench, snapshot::Tree::Stays, snapshot::Through::Http).await,
        Scenario::SignalrSnapshot => snapshot::measure(bench, snapshot::Tree::Changes, snapshot::Through::Hub).await,
        Scenario::Progress => progress::measure(bench).await,
    }
}
