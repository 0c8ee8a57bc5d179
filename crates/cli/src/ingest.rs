//! `milepost ingest`.

mod outcome;
mod place;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use milepost_client::{Client, ClientError, RunHandle};
use milepost_core::{Code, Json, Run, RunId, RunState, caps};
use milepost_jobs::ingest::{Branch, IngestError, Limits, Plan, Policy, Source, job};
use uuid::Uuid;

use crate::failure::Failure;
use crate::remote::AccessArguments;
use crate::signals::Signals;
use crate::terminal::note;
use crate::{Outcome, embedded, watch};
use place::Place;
use worker::Worker;

const AFTER_HELP: &str = "\
The work is done here, and reported to a server where everybody can watch it; without --server to one inside of this \
process.
Draws bars on a terminal, prints lines otherwise. Ctrl-C cancels, a second one hurries.
Exits 0 when it is complete, 1 when it failed, 130 when it was cancelled.

Example: milepost ingest https://github.com/rust-lang/log --out log-index";

/// A worker that is killed shows as stalled after so many seconds. Heartbeats are sent by themselves.
const LEASE_SECONDS: u32 = 30;

/// The ids of the stages are longer than that of the job by a suffix.
const ID_LEN: usize = caps::NAME_LEN - ".indexing".len();

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct IngestArguments {
    /// The git repository: a URL, or a path of this machine
    repository: String,

    /// A branch or a tag [default: what the repository's HEAD names]
    #[arg(long)]
    branch: Option<String>,

    /// The id of the run [default: a new one]
    #[arg(long, value_name = "RUN")]
    id: Option<RunId>,

    /// Save the artifacts in this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// The server to report to [default: one inside of this process]
    #[arg(long, env = "MILEPOST_SERVER", value_name = "URL", help_heading = "Server")]
    server: Option<String>,

    /// Where the server inside of this process keeps its data [default: a temporary directory]
    #[arg(long, value_name = "DIR", conflicts_with = "server", help_heading = "Server")]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    access: AccessArguments,
}

pub(crate) async fn run(arguments: IngestArguments) -> Outcome {
    let plan = plan(&arguments)?;
    let id = arguments.id.clone().map_or_else(new_id, Ok)?;
    if id.as_str().len() > ID_LEN {
        return Err(Failure::misuse(format!("the id of an ingestion has at most {ID_LEN} characters")));
    }
    let mut signals = Signals::listen()?;
    let place = Place::open(&arguments).await?;
    let outcome = ingest(&arguments, plan, &id, &place, &mut signals).await;
    place.close(&mut signals).await;
    outcome
}

async fn ingest(arguments: &IngestArguments, plan: Plan, id: &RunId, place: &Place, signals: &mut Signals) -> Outcome {
    let client = arguments.access.client(place.url())?;
    let work_dir = embedded::temporary("milepost-ingest-")?;
    let handle = create(&client, id, &plan).await?;
    let worker = Worker::start(client.clone(), handle, plan, work_dir.path());
    let Some(run) = worker.watch(signals).await? else { return Ok(ExitCode::from(watch::INTERRUPTED)) };
    match run.state {
        RunState::Completed => outcome::show(&client, &run, arguments, place).await?,
        RunState::Failed => return Err(failed(&run)),
        _ => note("cancelled"),
    }
    Ok(watch::exit_of(&run))
}

/// The person at the keyboard may read whatever this machine lets them read.
fn plan(arguments: &IngestArguments) -> Result<Plan, Failure> {
    let policy = Policy { allow_local: true, allow_private: true };
    let source = Source::parse(&path_or_url(&arguments.repository), policy).map_err(|error| refused(&error))?;
    let branch = arguments.branch.as_deref().map(Branch::parse).transpose().map_err(|error| refused(&error))?;
    Ok(Plan { source, branch, limits: Limits::default() })
}

/// A path like `projects/thing` would be taken for a host of ssh, or for nothing.
fn path_or_url(text: &str) -> String {
    let path = Path::new(text);
    let is_path = !text.contains("://") && (path.exists() || path.starts_with(".") || path.starts_with(".."));
    let absolute = is_path.then(|| path.canonicalize().or_else(|_| std::path::absolute(path)).ok()).flatten();
    absolute.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| text.to_owned())
}

/// Creates the run as the server does for its own jobs, so that every view of an ingestion shows this one too.
async fn create(client: &Client, id: &RunId, plan: &Plan) -> Result<RunHandle, Failure> {
    // Creating it tries for a minute, and would join a run that exists.
    match client.snapshot(id).await {
        Ok(_) => return Err(ClientError::refused(Code::RunExists, format!("there is a run `{id}` already")).into()),
        Err(error) if error.code() == Some(Code::RunNotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let repository = plan.source.to_string();
    let name: String = repository.chars().take(caps::LABEL_CHARS).collect();
    let branch = plan.branch.as_ref().map(Branch::as_str);
    let metadata = Json::from(&serde_json::json!({"repository": repository, "branch": branch}));
    let run = client.run(job::KIND).id(id.as_str()).name(name).metadata(metadata);
    Ok(run.expected_children(job::STAGES).lease_seconds(LEASE_SECONDS).start().await?)
}

fn new_id() -> Result<RunId, Failure> {
    RunId::new(&format!("ingest-{}", Uuid::now_v7())).map_err(|error| Failure::new(error.to_string()))
}

fn refused(error: &IngestError) -> Failure {
    explained(error.code(), &error.to_string())
}

fn failed(run: &Run) -> Failure {
    match &run.error {
        Some(error) => explained(&error.code, &error.message),
        None => Failure::new("the ingestion failed and did not say why"),
    }
}

/// What helps, where the message does not say.
fn explained(code: &str, message: &str) -> Failure {
    let failure = Failure::new(format!("{message} ({code})"));
    match code {
        "authentication_required" => failure
            .hint("private repositories need credentials: https://USER:TOKEN@HOST/PATH, or git@HOST:PATH with a key"),
        "repository_not_found" => failure.hint("is the address right, and the branch?"),
        "invalid_url" => failure.hint("give a URL such as https://github.com/owner/name, or a path such as ./name"),
        _ => failure,
    }
}
