//! One stream, many followers.

use std::rc::Rc;
use std::time::Duration;

use super::Bench;
use crate::clock;
use crate::error::Error;
use crate::figures::Figures;
use crate::follower::Followers;
use crate::opening::Opening;
use crate::payload::Kind;
use crate::pipe::{Destination, Pipe, Protocol};
use crate::server::PROJECT;
use crate::tally::Tally;
use crate::window::Window;

/// How long the last events may take to arrive.
const DRAIN: Duration = Duration::from_secs(30);

/// What is put on the server.
pub(super) struct Load {
    pub(super) followers: usize,
    /// Publications a second.
    pub(super) rate: f64,
    /// How they follow a run.
    pub(super) opening: fn(&str) -> Opening,
    pub(super) event: Kind,
    /// Events of a publication; above 1 they are published as one batch, and are events of their own all the same.
    pub(super) burst: u32,
}

pub(super) async fn measure(bench: &mut Bench<'_>, load: Load) -> Result<Figures, Error> {
    let server = &bench.server;
    let run = server.create_runs(1).await?.remove(0);
    let tally = Rc::new(Tally::new());
    let openings = vec![(load.opening)(&run); bench.size(load.followers)];
    let _followers = Followers::connect(server.host, &openings, &tally).await?;

    let answers = Rc::new(Tally::new());
    let pipe = Pipe::open(server.host, Protocol::Http, &answers).await?;
    let to = Destination::new(server.host, PROJECT, &run);
    let Load { rate, burst, event, .. } = load;
    let mut publisher = Publisher { pipe, to, event, rate, burst, published: 0 };
    let arrived = |published: u32| u64::from(published) * openings.len() as u64;

    publisher.publish_for(bench.seconds(2.0)).await?;
    tally.arrived.reach(arrived(publisher.published), DRAIN).await?;
    tally.begin();
    let before = publisher.published;
    let window = Window::open(server.pid);
    publisher.publish_for(bench.seconds(10.0)).await?;
    tally.arrived.reach(arrived(publisher.published), DRAIN).await?;

    let events = arrived(publisher.published - before);
    let mut figures = window.close(events);
    figures.offered = Some(load.rate);
    figures.latency = tally.latency();
    figures.notes = tally.faults();
    figures.notes.extend(answers.faults());
    figures.notes.push(format!("{} bytes per event on the wire", tally.bytes() / events.max(1)));
    Ok(figures)
}

struct Publisher {
    pipe: Pipe,
    to: Destination,
    event: Kind,
    rate: f64,
    burst: u32,
    published: u32,
}

impl Publisher {
    async fn publish_for(&mut self, seconds: f64) -> Result<(), Error> {
        let start = clock::now();
        for index in 0..(seconds * self.rate).ceil() as u64 {
            let due = clock::due(start, index, self.rate);
            clock::until(due).await;
            self.pipe.publish_batch(&self.to, self.event, due, self.published, self.burst);
            self.pipe.flush()?;
            self.published += self.burst;
        }
        Ok(())
    }
}
