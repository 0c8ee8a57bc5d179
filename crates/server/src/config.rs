//! How the server is set up: flags over `MILEPOST_*` variables over a file over defaults.
//!
//! A key is written the same everywhere: `auth.mode` in the file is `MILEPOST_AUTH__MODE` in the environment. One that does
//! not exist is an error that names it, because a misspelt setting would otherwise silently not be set.

mod file;
mod layers;
mod parse;
mod sections;
mod webhooks;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub use layers::Overrides;
pub use sections::{
    Algorithm, Auth, Bridge, Cors, Ingest, Jwt, KeySource, Lease, Llm, Origin, Push, Secret, SignalR, SigningKey,
    Webhook,
};

/// The configuration of one server. Everything in it is valid.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Who may do what.
    pub auth: Auth,
    /// Which web pages may use this server.
    pub cors: Cors,
    /// Milliseconds between two progress frames of a run for one viewer, unless the viewer says otherwise.
    pub min_interval_ms: u64,
    /// Runs whose workers are silent.
    pub lease: Lease,
    /// The SignalR hub.
    pub signalr: SignalR,
    /// The chat endpoint of the built-in campaigns; without one they write offline.
    pub llm: Option<Llm>,
    /// The built-in ingestion.
    pub ingest: Ingest,
    /// Google Pub/Sub pushes whose tokens are verified.
    pub push: Option<Push>,
    /// A topic that every event is passed on to.
    pub bridge: Option<Bridge>,
    /// Endpoints that are told what happens.
    pub webhooks: Vec<Webhook>,
}

/// Why the configuration is not one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has something in it that does not belong there.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What, and where in the file.
        reason: String,
    },
    /// A variable of ours that does not exist.
    #[error("the environment variable {0} is no setting of Milepost")]
    UnknownVariable(String),
    /// A value that does not fit its key.
    #[error("{key}: {reason}")]
    Value {
        /// The key, as it was given.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// Authentication was asked for.
    #[error(
        "auth.mode = \"required\": authentication is not in this version. Listen on a loopback address with auth.mode = \
         \"none\", or put a proxy in front that authenticates"
    )]
    NoAuthentication,
    /// Everybody could do everything.
    #[error(
        "listen = \"{0}\": with auth.mode = \"none\" everybody who reaches this address may do everything. Listen on a \
         loopback address, or say --insecure if the network is trusted"
    )]
    Exposed(SocketAddr),
}

impl Config {
    /// The file that is read where none is named, if it is there.
    pub const FILE: &str = "milepost.toml";

    /// Puts the configuration together from what the command line says, `file` or else [`Config::FILE`] in the working
    /// directory, and `environment`, of which only names beginning with `MILEPOST_` are looked at.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key.
    pub fn load(
        overrides: &Overrides,
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let from_file = match file {
            Some(path) => file::read(path)?,
            None if Path::new(Self::FILE).is_file() => file::read(Path::new(Self::FILE))?,
            None => file::File::default(),
        };
        let merged = layers::merge(from_file, environment, overrides)?;
        parse::config(merged, overrides.insecure)
    }

    /// The configuration of a server on a loopback port of its own choice, for tests and for embedding.
    ///
    /// # Errors
    /// None in practice: the defaults are valid.
    pub fn local(data_dir: &Path) -> Result<Self, ConfigError> {
        let mut config = parse::config(file::File::default(), false)?;
        config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        data_dir.clone_into(&mut config.data_dir);
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
