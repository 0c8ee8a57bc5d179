//! A server inside of this process, for commands that can do without one elsewhere.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use milepost_server::{Config, Running, Server, StartError};
use tempfile::TempDir;

use crate::failure::Failure;
use crate::serve;
use crate::signals::Signals;

/// A server and the place where it keeps its data.
pub(crate) struct Embedded {
    running: Running,
    /// Deleted with this, unless the user named a directory.
    _temporary: Option<TempDir>,
}

impl Embedded {
    /// Starts on `preferred` if that is free, else on any free port of this machine; in `data_dir`, else in a directory that
    /// goes with it.
    pub(crate) async fn start(preferred: Option<SocketAddr>, data_dir: Option<&Path>) -> Result<Self, Failure> {
        let (data_dir, temporary) = match data_dir {
            Some(named) => (named.to_owned(), None),
            None => temporary("milepost-").map(|temporary| (temporary.path().to_owned(), Some(temporary)))?,
        };
        let anywhere = Config::local(&data_dir)?;
        let running = match preferred {
            None => Server::start(anywhere).await?,
            Some(listen) => match Server::start(Config { listen, ..anywhere.clone() }).await {
                Err(StartError::Listen { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
                    Server::start(anywhere).await?
                }
                started => started?,
            },
        };
        Ok(Self { running, _temporary: temporary })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.running.address())
    }

    pub(crate) async fn stop(self, signals: &mut Signals) {
        serve::stop(self.running, signals).await;
    }
}

/// A directory that is deleted when it is dropped.
pub(crate) fn temporary(prefix: &str) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    let place: PathBuf = std::env::temp_dir();
    made.map_err(|error| Failure::new(format!("no directory can be made in {}: {error}", place.display())))
}
