//! What is counted. Never by run, project or stream: those are without number.

mod signalr;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::MatchedPath;
use http::{Method, StatusCode};
use milepost_core::Kind;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use signalr::SignalR;

/// The media type of [`Metrics::encode`].
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one server. On hot paths they are atomics; names and values are put together when somebody asks.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    started: Instant,
    uptime: Gauge,
    streams: Gauge,
    requests: Family<Request, Counter>,
    requests_open: Gauge,
    events: Counter,
    append_seconds: Histogram,
    store_errors: Counter,
    connections: Gauge,
    connections_refused: Counter,
    claim_seconds: Histogram,
    queued: Family<Queue, Gauge>,
    leases: Gauge,
    sink_waiting: Family<Receiver, Gauge>,
    sink_events: Family<Delivery, Counter>,
    sessions: Family<Transport, Gauge>,
    frames: Family<Transport, Counter>,
    signalr: SignalR,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: Route,
    status: u16,
}

/// The pattern that a request matched: it has few values, and it is there already, so that counting does not allocate.
#[derive(Debug, Clone)]
struct Route(Option<MatchedPath>);

impl Route {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Transport {
    transport: &'static str,
}

/// Kinds are the users' words: only so many of them are shown, see [`QUEUES_SHOWN`](crate::caps::QUEUES_SHOWN).
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Receiver {
    sink: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivery {
    sink: String,
    outcome: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let signalr = SignalR::register(&mut registry);
        let mut metrics = Self {
            registry,
            started: Instant::now(),
            uptime: Gauge::default(),
            streams: Gauge::default(),
            requests: Family::default(),
            requests_open: Gauge::default(),
            events: Counter::default(),
            // 0.25 ms to 2 s: from a commit on a good disk to one that makes producers give up.
            append_seconds: Histogram::new([
                0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0,
            ]),
            store_errors: Counter::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            // 5 ms to an hour: from a worker that waited for the run to a fleet that is far too small.
            claim_seconds: Histogram::new([
                0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0,
            ]),
            queued: Family::default(),
            leases: Gauge::default(),
            sink_waiting: Family::default(),
            sink_events: Family::default(),
            sessions: Family::default(),
            frames: Family::default(),
            signalr,
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = self.registry.sub_registry_with_prefix("milepost");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = ConstGauge::new(i64::try_from(cores).unwrap_or(i64::MAX));
        registry.register("cores", "Processors that the server may use", cores);
        registry.register_with_unit("uptime", "Since the start", Unit::Seconds, self.uptime.clone());
        registry.register("live_streams", "Streams in memory", self.streams.clone());
        registry.register("http_requests", "Answered requests", self.requests.clone());
        let help = "Requests whose answer has not begun";
        registry.register("http_requests_open", help, self.requests_open.clone());
        registry.register("events_appended", "Events published by producers", self.events.clone());
        let help = "From a publish that is understood to its durable answer";
        registry.register_with_unit("append", help, Unit::Seconds, self.append_seconds.clone());
        registry.register("store_errors", "Requests that failed because of the store", self.store_errors.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        let help = "Connections refused because there were too many";
        registry.register("connections_refused", help, self.connections_refused.clone());
        let help = "From the moment a run could be claimed to its claim";
        registry.register_with_unit("claim", help, Unit::Seconds, self.claim_seconds.clone());
        registry.register("queued_runs", "Runs that wait for a worker, by kind", self.queued.clone());
        registry.register("leases", "Claimed runs whose workers are heard of", self.leases.clone());
        let help = "Events read for a receiver outside and not taken yet, by receiver";
        registry.register("outbox_waiting", help, self.sink_waiting.clone());
        let help = "What became of events for receivers outside: delivered, failed (and tried again), buried";
        registry.register("outbox_events", help, self.sink_events.clone());
        registry.register("sessions", "Viewers, by transport", self.sessions.clone());
        registry.register("frames_delivered", "Events handed to viewers, by transport", self.frames.clone());
    }

    /// Everything, as `OpenMetrics` text.
    pub(crate) fn encode(&self, live_streams: usize) -> String {
        self.uptime.set(i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX));
        self.streams.set(i64::try_from(live_streams).unwrap_or(i64::MAX));
        let mut text = String::new();
        // A string takes everything.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }

    pub(crate) fn request(&self, method: &Method, route: Option<MatchedPath>, status: StatusCode) {
        let labels = Request { method: known(method), route: Route(route), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn appended(&self, events: usize) {
        self.events.inc_by(events as u64);
    }

    pub(crate) fn append_took(&self, time: Duration) {
        self.append_seconds.observe(time.as_secs_f64());
    }

    pub(crate) fn claimed_after(&self, time: Duration) {
        self.claim_seconds.observe(time.as_secs_f64());
    }

    /// Sets what workers are needed for: runs that wait, by kind, and runs that have somebody.
    pub(crate) fn show_work(&self, queued: &[(Kind, u64)], leases: usize) {
        self.queued.clear();
        for (kind, count) in queued {
            let label = Queue { kind: kind.as_str().to_owned() };
            self.queued.get_or_create(&label).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        self.leases.set(i64::try_from(leases).unwrap_or(i64::MAX));
    }

    pub(crate) fn store_error(&self) {
        self.store_errors.inc();
    }

    /// What the connections of hubs report to.
    pub(crate) fn signalr(&self) -> Arc<dyn milepost_signalr::Metrics> {
        Arc::new(self.signalr.clone())
    }

    /// Counts a request for as long as the guard lives.
    pub(crate) fn request_open(&self) -> OpenGuard {
        OpenGuard::of(&self.requests_open)
    }

    /// Counts a connection for as long as the guard lives.
    pub(crate) fn connection(&self) -> OpenGuard {
        OpenGuard::of(&self.connections)
    }

    pub(crate) fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// What is counted of a receiver outside. There are as many as are configured.
    pub(crate) fn sink(&self, name: &str) -> SinkCounts {
        let events = |outcome| self.sink_events.get_or_create_owned(&Delivery { sink: name.to_owned(), outcome });
        SinkCounts {
            waiting: self.sink_waiting.get_or_create_owned(&Receiver { sink: name.to_owned() }),
            delivered: events("delivered"),
            failed: events("failed"),
            buried: events("buried"),
        }
    }

    /// Counts a viewer for as long as the guard lives.
    pub(crate) fn session(&self, transport: &'static str) -> SessionGuard {
        let open = self.sessions.get_or_create_owned(&Transport { transport });
        let frames = self.frames.get_or_create_owned(&Transport { transport });
        open.inc();
        SessionGuard { open, frames }
    }
}

/// A client may invent methods; a label must not have as many values.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Something that is open.
pub(crate) struct OpenGuard(Gauge);

impl OpenGuard {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts of one receiver outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct SinkCounts {
    waiting: Gauge,
    delivered: Counter,
    failed: Counter,
    buried: Counter,
}

impl SinkCounts {
    pub(crate) fn waiting(&self, events: usize) {
        self.waiting.set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    pub(crate) fn delivered(&self, events: usize) {
        self.delivered.inc_by(events as u64);
    }

    pub(crate) fn failed(&self) {
        self.failed.inc();
    }

    pub(crate) fn buried(&self) {
        self.buried.inc();
    }
}

/// A viewer.
pub(crate) struct SessionGuard {
    open: Gauge,
    frames: Counter,
}

impl SessionGuard {
    /// Counts events that the viewer was given.
    pub(crate) fn delivered(&self, events: u64) {
        self.frames.inc_by(events);
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.open.dec();
    }
}
