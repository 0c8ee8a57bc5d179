//! `milepost demo`.

mod api;
mod campaign;
mod checks;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use milepost_core::RunId;
use milepost_wire::Start;

use crate::embedded::Embedded;
use crate::failure::Failure;
use crate::remote::DEFAULT_SERVER;
use crate::signals::Signals;
use crate::terminal::is_interactive;
use crate::{Outcome, output, remote, view, watch};
use api::Api;

const AFTER_HELP: &str = "\
Starts a server with a temporary database on 127.0.0.1:6453, or on a free port when that is taken; ingests the git \
repository around the working directory and generates a campaign over the HTTP API, shows both, and checks what came out.
On a terminal it then serves until Ctrl-C.
Exits 0 when every check passed, else 1.

Example: milepost demo";

/// The port of [`DEFAULT_SERVER`], so that the other commands find it without a flag.
const PORT: u16 = 6453;

/// The id of the one job.
const JOB: &str = "demo";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DemoArguments {
    /// Where to look for the repository [default: the working directory]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) async fn run(arguments: DemoArguments) -> Outcome {
    let repository = repository_around(arguments.directory.as_deref())?;
    let mut signals = Signals::listen()?;
    let preferred = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let server = Embedded::start(Some(preferred), None).await?;
    let outcome = tokio::select! {
        outcome = show(&server, &repository) => outcome,
        () = signals.next() => Ok(ExitCode::from(watch::INTERRUPTED)),
    };
    if matches!(outcome, Ok(ExitCode::SUCCESS)) && is_interactive() {
        output::line(format_args!("\nServing on {}/ until Ctrl-C.", server.url()))?;
        signals.next().await;
    }
    server.stop(&mut signals).await;
    outcome
}

/// Ingests, watches and checks.
async fn show(server: &Embedded, repository: &Path) -> Outcome {
    let url = server.url();
    let api = Api::new(&url)?;
    output::line(invitation(&url, repository))?;
    api.ingest(repository, JOB).await?;

    watch_run(&url, JOB).await?;
    output::line("\nChecked:")?;
    let ingested = checks::run(&api, JOB).await?;

    output::line(format_args!(
        "\nGenerating the campaign `{0}`: posts, pictures and an animation.\n\nOpen    {url}/campaigns/{0}\nWatch   curl -N {url}/api/v1/content/progress/{0}\n",
        campaign::CAMPAIGN
    ))?;
    campaign::start(&api).await?;
    watch_run(&url, campaign::CAMPAIGN).await?;
    let generated = campaign::check(&api, &url).await?;
    Ok(if ingested && generated { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn watch_run(url: &str, run: &str) -> Result<(), Failure> {
    let run = RunId::new(run).map_err(|error| Failure::new(error.to_string()))?;
    let client = remote::client(url, "default", None)?;
    let follower = client.follow(&run, Start::Snapshot);
    watch::to_the_end(&client, follower, &run, &mut *view::for_this_output()).await.map(drop)
}

/// Where to look, and how to watch from another terminal.
fn invitation(url: &str, repository: &Path) -> String {
    let server = if url == DEFAULT_SERVER { String::new() } else { format!(" --server {url}") };
    format!(
        "\
Ingesting {} as the job `{JOB}`.

Open    {url}/
Watch   curl -N {url}/api/v1/ingest/{JOB}/events
        curl -N -H 'Accept: text/event-stream' {url}/v1/projects/default/runs/{JOB}/events
        milepost tail {JOB}{server}
Ask     curl -s {url}/api/v1/ingest/{JOB}
        curl -s '{url}/api/v1/ingest/{JOB}/search?q=milepost'
",
        repository.display()
    )
}

/// The root of the git checkout that `directory` is in.
fn repository_around(directory: Option<&Path>) -> Result<PathBuf, Failure> {
    let here = match directory {
        Some(named) => named.canonicalize(),
        None => std::env::current_dir(),
    };
    let here = here.map_err(|error| Failure::new(format!("the directory cannot be used: {error}")))?;
    // `.git` is a file in a worktree.
    here.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_owned).ok_or_else(|| {
        Failure::new(format!("{} is in no git repository, and the demo ingests one", here.display()))
            .hint("run it in a checkout of Milepost, or name any checkout with --directory")
    })
}
