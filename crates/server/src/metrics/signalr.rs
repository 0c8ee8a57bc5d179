//! What is counted of SignalR connections: the two metrics of OpenTelemetry's semantic conventions under their own names, and
//! what those do not tell.

use std::time::Duration;

use milepost_signalr::{ConnectionStatus, Transport};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The buckets that the conventions recommend, in seconds.
const BUCKETS: [f64; 14] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub(super) struct SignalR {
    active: Family<Active, Gauge>,
    durations: Family<Ended, Histogram, fn() -> Histogram>,
    received: Counter,
    sent: Counter,
    sent_bytes: Counter,
    resumed: Counter,
    slow: Counter,
    invocations: Family<Invoked, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Active {
    signalr_transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    signalr_connection_status: &'static str,
    signalr_transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Invoked {
    outcome: &'static str,
}

impl SignalR {
    pub(super) fn register(conventional: &mut Registry) -> Self {
        let new = Self {
            active: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            received: Counter::default(),
            sent: Counter::default(),
            sent_bytes: Counter::default(),
            resumed: Counter::default(),
            slow: Counter::default(),
            invocations: Family::default(),
        };
        let help = "Open connections, by transport";
        conventional.register("signalr_server_active_connections", help, new.active.clone());
        let help = "How long connections lasted";
        let name = "signalr_server_connection_duration";
        conventional.register_with_unit(name, help, Unit::Seconds, new.durations.clone());
        let ours = conventional.sub_registry_with_prefix("milepost_signalr");
        ours.register("messages_received", "Hub messages from clients", new.received.clone());
        ours.register("messages_sent", "Hub messages to clients", new.sent.clone());
        ours.register_with_unit("sent", "Bytes of hub messages to clients", Unit::Bytes, new.sent_bytes.clone());
        ours.register("reconnects", "Connections that went on over a new WebSocket", new.resumed.clone());
        ours.register("slow_clients", "Clients sent away because they did not read", new.slow.clone());
        ours.register("invocations", "Calls of hub methods, by outcome", new.invocations.clone());
        new
    }
}

impl milepost_signalr::Metrics for SignalR {
    fn connection_started(&self, transport: Transport) {
        self.active.get_or_create(&Active { signalr_transport: transport.metric_name() }).inc();
    }

    fn connection_ended(&self, transport: Transport, status: ConnectionStatus, duration: Duration) {
        let signalr_transport = transport.metric_name();
        self.active.get_or_create(&Active { signalr_transport }).dec();
        let ended = Ended { signalr_connection_status: status.metric_name(), signalr_transport };
        self.durations.get_or_create(&ended).observe(duration.as_secs_f64());
    }

    fn connection_resumed(&self, _replayed: usize) {
        self.resumed.inc();
    }

    fn received(&self, messages: usize, _bytes: usize) {
        self.received.inc_by(messages as u64);
    }

    fn sent(&self, messages: usize, bytes: usize) {
        self.sent.inc_by(messages as u64);
        self.sent_bytes.inc_by(bytes as u64);
    }

    fn slow_client(&self, _transport: Transport) {
        self.slow.inc();
    }

    fn invoked(&self, _target: &str, _duration: Duration, failed: bool) {
        self.invocations.get_or_create(&Invoked { outcome: if failed { "failed" } else { "completed" } }).inc();
    }
}
