//! How many single events a second become durable.

use std::rc::Rc;
use std::time::Duration;

use super::Bench;
use crate::clock;
use crate::error::Error;
use crate::figures::Figures;
use crate::payload::Stamp;
use crate::pipe::{Destination, Pipe, Protocol};
use crate::server::PROJECT;
use crate::tally::Tally;
use crate::window::Window;

/// A rate counts as kept while the 99th percentile stays below this.
pub(super) const P99_MS: f64 = 25.0;

const STREAMS: usize = 500;

/// One producer often writes to many streams over one socket; this many have a core's worth of events under way.
const WEBSOCKETS: usize = 8;

/// Events a second that are tried, from the middle up until one is not kept, or down until one is.
const RATES: [f64; 16] =
    [5e3, 8e3, 11e3, 14e3, 17e3, 20e3, 25e3, 30e3, 35e3, 40e3, 45e3, 50e3, 60e3, 70e3, 80e3, 100e3];
const FIRST: usize = 5;

/// A producer looks for what is due about once a millisecond, and sends that in one write.
const TICK: Duration = Duration::from_millis(1);

/// How long the last answers may take.
const DRAIN: Duration = Duration::from_secs(10);

/// Seconds of events that may be unanswered before a rate is given up.
const BEHIND: f64 = 1.0;

pub(super) async fn measure(bench: &mut Bench<'_>, protocol: Protocol) -> Result<Figures, Error> {
    let runs = bench.server.create_runs(STREAMS).await?;
    let destinations: Vec<_> = runs.iter().map(|run| Destination::new(bench.server.host, PROJECT, run)).collect();
    let producers = Producers { bench, protocol, destinations: &destinations };
    let only = bench.options.rate.map(f64::from).or(bench.options.quick.then_some(RATES[0]));
    if let Some(rate) = only {
        return Ok(producers.at(rate).await?.figures);
    }
    let mut rung = FIRST;
    let mut kept = producers.at_best(RATES[rung]).await?;
    while !kept.kept && rung > 0 {
        rung -= 1;
        kept = producers.at_best(RATES[rung]).await?;
    }
    if rung < FIRST || !kept.kept {
        return Ok(kept.figures);
    }
    for rate in &RATES[FIRST + 1..] {
        let next = producers.at_best(*rate).await?;
        if !next.kept {
            kept.figures.notes.push(next.summary());
            break;
        }
        kept = next;
    }
    Ok(kept.figures)
}

struct Producers<'a> {
    bench: &'a Bench<'a>,
    protocol: Protocol,
    destinations: &'a [Destination],
}

/// One rate, tried.
struct Attempt {
    figures: Figures,
    kept: bool,
}

impl Producers<'_> {
    /// Tries a rate, and once more if it was not kept: a hiccup of the machine is not the server's limit.
    async fn at_best(&self, rate: f64) -> Result<Attempt, Error> {
        let first = self.at(rate).await?;
        if first.kept { Ok(first) } else { self.at(rate).await }
    }

    async fn at(&self, rate: f64) -> Result<Attempt, Error> {
        let server = &self.bench.server;
        let tally = Rc::new(Tally::new());
        let mut pipes = Vec::new();
        for _ in 0..if self.protocol == Protocol::Http { STREAMS } else { WEBSOCKETS } {
            pipes.push(Pipe::open(server.host, self.protocol, &tally).await?);
        }
        let mut load = Load { pipes, destinations: self.destinations, rate, sent: 0, tally: Rc::clone(&tally) };
        load.send_for(0.5).await?;
        // What is still under way after that is seen in the measured part.
        let _ = tally.arrived.reach(load.sent, DRAIN).await;
        tally.begin();
        let before = tally.arrived.get();
        let window = Window::open(server.pid);
        let mut kept = load.send_for(self.bench.seconds(3.0)).await?;
        kept &= tally.arrived.reach(load.sent, DRAIN).await.is_ok();

        let mut figures = window.close(tally.arrived.get() - before);
        figures.offered = Some(rate);
        figures.latency = tally.latency();
        figures.notes = tally.faults();
        kept &= figures.notes.is_empty() && figures.latency.is_some_and(|latency| latency.p99 <= P99_MS);
        Ok(Attempt { figures, kept })
    }
}

impl Attempt {
    fn summary(&self) -> String {
        let Figures { offered, per_second, latency, .. } = &self.figures;
        format!(
            "not kept: {:.0}/s (answered {:.0}/s, p99 {:.0} ms)",
            offered.unwrap_or_default(),
            per_second.unwrap_or_default(),
            latency.map_or(f64::INFINITY, |latency| latency.p99),
        )
    }
}

struct Load<'a> {
    pipes: Vec<Pipe>,
    destinations: &'a [Destination],
    rate: f64,
    sent: u64,
    tally: Rc<Tally>,
}

impl Load<'_> {
    /// Sends what is due in the next `seconds`, to one stream after the other; says whether the server kept up.
    async fn send_for(&mut self, seconds: f64) -> Result<bool, Error> {
        let (start, first) = (clock::now(), self.sent);
        let last = first + (seconds * self.rate).ceil() as u64;
        while self.sent < last || self.pipes.iter().any(|pipe| !pipe.is_flushed()) {
            while self.sent < last {
                let due = clock::due(start, self.sent - first, self.rate);
                if due > clock::now() {
                    break;
                }
                self.send(due);
            }
            for pipe in &mut self.pipes {
                pipe.flush()?;
            }
            if (self.sent - self.tally.arrived.get()) as f64 > self.rate * BEHIND {
                return Ok(false);
            }
            tokio::time::sleep(TICK).await;
        }
        Ok(true)
    }

    fn send(&mut self, due: u64) {
        let stream = (self.sent % self.destinations.len() as u64) as usize;
        let pipe = stream % self.pipes.len();
        self.pipes[pipe].publish(&self.destinations[stream], Stamp { due, index: self.sent as u32 });
        self.sent += 1;
    }
}
