//! A server on trial: started in a temporary directory and stopped again.

use std::path::Path;

use milepost_server::{Config, Server};

use super::Finding;
use super::directory::written_by;
use crate::embedded;
use crate::failure::Failure;

const WHAT: &str = "trial";

/// Starts a server, and says which SQLite is built in: that which wrote its database.
pub(super) async fn run() -> Finding {
    match try_run().await {
        Ok(Some(version)) => Finding::ok(WHAT, format!("a server starts and stops; SQLite {version} is built in")),
        Ok(None) => Finding::warn(WHAT, "a server starts and stops, and leaves no database".to_owned()),
        Err(failure) => Finding::fail(WHAT, format!("a server does not start: {}", failure.message())),
    }
}

async fn try_run() -> Result<Option<String>, Failure> {
    let directory = embedded::temporary("milepost-doctor-")?;
    let running = Server::start(Config::local(directory.path())?).await?;
    running.shutdown().await;
    version(directory.path())
}

fn version(directory: &Path) -> Result<Option<String>, Failure> {
    written_by(&directory.join("milepost.db"))
        .map_err(|error| Failure::new(format!("its database cannot be read: {error}")))
}
