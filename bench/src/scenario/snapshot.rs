//! The snapshot of a large tree, asked for by many.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Bench;
use crate::clock;
use crate::connection::Connection;
use crate::error::Error;
use crate::figures::Figures;
use crate::hub::Caller;
use crate::server::{PROJECT, Server, events_path};
use crate::tally::Tally;
use crate::window::Window;

/// Runs below the root.
const CHILDREN: usize = 999;

/// Requests a second.
const RATE: f64 = 20.0;

/// Viewers that ask in turn, each over its own connection.
const VIEWERS: usize = 8;

const DRAIN: Duration = Duration::from_secs(30);

/// What happens between two requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    /// An event that changes one of the runs.
    Changes,
    /// Nothing.
    Stays,
}

/// How the viewers ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    /// `GET`.
    Http,
    /// `GetCampaignSnapshot`, which answers twice: to the call, and to the callback.
    Hub,
}

pub(super) async fn measure(bench: &mut Bench<'_>, tree: Tree, through: Through) -> Result<Figures, Error> {
    let server = &bench.server;
    let root = plant(server, bench.size(CHILDREN)).await?;
    let tally = Rc::new(Tally::new());
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        viewers.push(match through {
            Through::Http => Viewer::Http(Rc::new(Mutex::new(Connection::open(server.host).await?))),
            Through::Hub => Viewer::Hub(Caller::open(server.host, &tally).await?),
        });
    }
    let producer = Connection::open(server.host).await?;
    let mut asking = Asking { viewers, producer, root, tree, asked: 0, tally };

    asking.ask_for(bench.seconds(1.0)).await?;
    asking.tally.begin();
    let before = asking.asked;
    let window = Window::open(server.pid);
    asking.ask_for(bench.seconds(10.0)).await?;

    let answered = asking.asked - before;
    let mut figures = window.close(answered);
    figures.offered = Some(RATE);
    figures.latency = asking.tally.latency();
    figures.notes = asking.tally.faults();
    figures.notes.push(format!("{:.0} kB an answer", asking.tally.bytes() as f64 / 1e3 / answered.max(1) as f64));
    Ok(figures)
}

/// Makes a tree of running runs that have reported progress, and returns its root.
async fn plant(server: &Server, children: usize) -> Result<String, Error> {
    let root = server.create_runs(1).await?.remove(0);
    let path = format!("/v1/projects/{PROJECT}/runs");
    let create = |index| {
        let name = format!("{root}.{index}");
        let body =
            format!(r#"{{"id":"{name}","kind":"step","name":"Step {index}","parent":"{root}","state":"running"}}"#);
        (path.clone(), body.into_bytes())
    };
    let progress = |index| {
        let data =
            format!(r#"{{"stage":"Parsing","message":"Parsing file {index}/1000","current":{index},"total":1000}}"#);
        format!(r#"{{"type":"run.progressed","run":"{root}.{index}","data":{data}}}"#)
    };
    let mut connection = Connection::open(server.host).await?;
    connection.post_all(&(0..children).map(create).collect::<Vec<_>>()).await?;
    let progress: Vec<String> = (0..children).map(progress).collect();
    connection.post(&events_path(&root), format!("[{}]", progress.join(",")).as_bytes()).await?;
    Ok(root)
}

enum Viewer {
    Http(Rc<Mutex<Connection>>),
    Hub(Caller),
}

struct Asking {
    viewers: Vec<Viewer>,
    producer: Connection,
    root: String,
    tree: Tree,
    asked: u64,
    tally: Rc<Tally>,
}

impl Asking {
    /// Asks at [`RATE`] and waits for the last answer.
    async fn ask_for(&mut self, seconds: f64) -> Result<(), Error> {
        let mut requests = JoinSet::new();
        let start = clock::now();
        for index in 0..(seconds * RATE).ceil() as u64 {
            if self.tree == Tree::Changes {
                clock::until(clock::due(start, index, RATE).saturating_sub(clock::nanoseconds(HALF_PERIOD))).await;
                self.change().await?;
            }
            let due = clock::due(start, index, RATE);
            clock::until(due).await;
            match &self.viewers[self.asked as usize % VIEWERS] {
                Viewer::Http(viewer) => {
                    requests.spawn_local(ask(Rc::clone(viewer), self.root.clone(), due, Rc::clone(&self.tally)));
                }
                Viewer::Hub(caller) => caller.call("GetCampaignSnapshot", &self.root, due)?,
            }
            self.asked += 1;
        }
        self.tally.arrived.reach(self.asked, DRAIN).await
    }

    async fn change(&mut self) -> Result<(), Error> {
        let Self { root, asked, .. } = self;
        let event = format!(r#"{{"type":"state.updated","run":"{root}.0","data":{{"key":"asked","value":{asked}}}}}"#);
        self.producer.post(&events_path(root), event.as_bytes()).await.map(drop)
    }
}

/// Time for a change between two requests.
const HALF_PERIOD: Duration = Duration::from_millis(25);

async fn ask(viewer: Rc<Mutex<Connection>>, root: String, due: u64, tally: Rc<Tally>) {
    let answer = viewer.lock().await.get(&format!("/v1/projects/{PROJECT}/runs/{root}")).await;
    match answer {
        Ok(answer) => tally.read(answer.body.len()),
        Err(_) => tally.fault("snapshot refused"),
    }
    tally.arrive(due, clock::now());
}
