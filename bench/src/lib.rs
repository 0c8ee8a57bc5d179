//! What a Milepost server costs, measured from outside and printed beside what it may cost.
//!
//! [`run`] starts the real server binary (or is pointed at a running one), puts load on it over loopback and returns a
//! [`Report`], which displays as one table. The load is *open-loop*: every event has a time at which it is meant to be
//! published, and latency counts from that time, so a server that stalls cannot hide it by slowing its producers down.
//!
//! The generator is one thread with its own few lines of HTTP and WebSocket: it has to be cheaper than what it measures.

mod clock;
mod connection;
mod error;
mod figures;
mod follower;
mod hub;
mod machine;
mod opening;
mod options;
mod payload;
mod pipe;
mod process;
mod report;
mod scan;
mod scenario;
mod server;
mod tally;
mod websocket;
mod window;

pub use error::Error;
pub use figures::{Figures, Latency};
pub use options::Options;
pub use report::{Report, Row};
pub use scenario::{Mark, Scenario, Unit};

/// Measures every scenario of `options` and returns the table. Takes minutes, seconds with [`Options::quick`].
///
/// A target that is missed, and a scenario that fails, are rows of the report and no error. It works from inside of an
/// async runtime too, whose thread it blocks.
///
/// # Errors
/// What keeps everything from being measured, such as a server that does not start.
pub fn run(options: &Options) -> Result<Report, Error> {
    let options = options.clone();
    let generator = std::thread::Builder::new().name("generator".into()).spawn(move || generate(&options));
    let generator = generator.map_err(Error::io("cannot start the generator's thread"))?;
    generator.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn generate(options: &Options) -> Result<Report, Error> {
    let machine = machine::prepare(options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("cannot start the generator's runtime"))?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        // What is dropped here takes the server and its data along.
        tokio::select! {
            report = scenario::measure_all(options, machine) => report,
            () = interrupted() => Err(Error::Interrupted),
        }
    })
}

/// Waits for Ctrl-C, or for being asked to end.
async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut asked) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = asked.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    // Without a way to be told, there is nothing to wait for.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
