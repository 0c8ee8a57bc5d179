//! The command line.

use clap::{Parser, Subcommand};

use crate::logs::LogArguments;
use crate::serve::ServeArguments;

/// Live and durable progress of long-running work.
#[derive(Debug, Parser)]
#[command(name = "milepost", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) log: LogArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until SIGTERM or Ctrl-C
    Serve(ServeArguments),
    /// Print the OpenAPI document of the HTTP API
    Openapi,
}

impl Command {
    /// What is logged unless the user says otherwise: a server's operator wants to see it work, at a terminal the result
    /// speaks for itself.
    pub(crate) fn default_filter(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            Self::Openapi => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
