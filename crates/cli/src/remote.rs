//! Which server a command is about.

use clap::Args;
use milepost_client::Client;
use milepost_core::RunId;

use crate::failure::Failure;

/// Where a server listens unless it is told otherwise.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:6453";

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct RemoteArguments {
    /// The server
    #[arg(long, env = "MILEPOST_SERVER", value_name = "URL", default_value = DEFAULT_SERVER)]
    pub(crate) server: String,

    #[command(flatten)]
    pub(crate) access: AccessArguments,
}

/// What is seen of a server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct AccessArguments {
    /// The project
    #[arg(long, env = "MILEPOST_PROJECT", value_name = "NAME", default_value = "default")]
    pub(crate) project: String,

    /// An API key or a JWT; other users of this machine see it unless it is given by the variable
    #[arg(long, env = "MILEPOST_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl RemoteArguments {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.access.client(&self.server)
    }
}

impl AccessArguments {
    pub(crate) fn client(&self, server: &str) -> Result<Client, Failure> {
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        client(server, &self.project, token)
    }

    /// Where a run is found on `server`.
    pub(crate) fn address_of(&self, server: &str, run: &RunId) -> String {
        format!("{}/v1/projects/{}/runs/{run}", server.trim_end_matches('/'), self.project)
    }
}

pub(crate) fn client(server: &str, project: &str, token: Option<&str>) -> Result<Client, Failure> {
    Client::http(server, project, token).map_err(|error| Failure::misuse(error.to_string()))
}
