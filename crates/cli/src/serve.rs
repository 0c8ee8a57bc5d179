//! `milepost serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use milepost_server::config::Overrides;
use milepost_server::{Config, Running, Server};

use crate::signals::Signals;
use crate::{Outcome, output};

const AFTER_HELP: &str = "\
Settings: flags > MILEPOST_* variables (MILEPOST_DATA_DIR, MILEPOST_AUTH__MODE) > the file > defaults.
Once connections are accepted, the first line on stdout is `milepost listening on http://ADDR:PORT`.

Example: milepost serve --listen 127.0.0.1:6453 --data-dir /var/lib/milepost";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArguments {
    /// Where to listen; port 0 is any free one [default: 127.0.0.1:6453]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,

    /// Where everything is kept; one server per directory [default: milepost-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,

    /// Settings in TOML [default: milepost.toml in the working directory, if it is there]
    #[arg(long, value_name = "FILE", env = "MILEPOST_CONFIG")]
    config: Option<PathBuf>,

    /// Listen without authentication on any address
    #[arg(long)]
    insecure: bool,

    /// Who may do what: `none` or `required`
    #[arg(long, value_name = "MODE")]
    auth_mode: Option<String>,

    /// An origin whose web pages may use this server; can be given more than once
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,

    /// Milliseconds between two progress frames of a run for one viewer
    #[arg(long, value_name = "MS")]
    min_interval_ms: Option<String>,

    /// Whether ingestion may read local paths: `true` or `false`
    #[arg(long, value_name = "BOOL")]
    allow_local: Option<String>,

    /// Whether ingestion may connect to private addresses: `true` or `false`
    #[arg(long, value_name = "BOOL")]
    allow_private: Option<String>,

    /// Any other setting, as in `ingest.max_files=1000`; can be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

pub(crate) async fn run(arguments: ServeArguments) -> Outcome {
    let file = arguments.config.clone();
    let config = Config::load(&arguments.overrides(), file.as_deref(), environment())?;
    // Before the server starts, so that a signal during a long recovery is not lost.
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        started = Server::start(config) => started?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    output::line(format_args!("milepost listening on http://{}", running.address()))?;
    signals.next().await;
    stop(running, &mut signals).await;
    Ok(ExitCode::SUCCESS)
}

/// Drains the server, or cuts everything off when there is another signal meanwhile. What was accepted is durable anyway.
pub(crate) async fn stop(running: Running, signals: &mut Signals) {
    tokio::select! {
        () = running.shutdown() => {}
        () = signals.next() => tracing::warn!("asked again to stop: cutting off what is still open"),
    }
}

/// The variables of this process. A name or value that is no text is none of ours.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

impl ServeArguments {
    fn overrides(self) -> Overrides {
        let named = [
            ("auth.mode", self.auth_mode),
            ("cors.origins", (!self.cors_origin.is_empty()).then(|| self.cors_origin.join(","))),
            ("progress.min_interval_ms", self.min_interval_ms),
            ("ingest.allow_local", self.allow_local),
            ("ingest.allow_private", self.allow_private),
        ];
        let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let others = self.set.into_iter().chain(named).collect();
        Overrides { listen: self.listen, data_dir: self.data_dir, insecure: self.insecure, others }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is written KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}
