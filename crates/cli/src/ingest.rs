//! `milepost ingest`.

mod outcome;
mod place;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use milepost_client::{Client, ClientError, RunHandle};
use milepost_core::{Code, Json, Run, RunId, RunState, caps};
use milepost_jobs::ingest::{Branch, IngestError, Limits, Plan, Policy, Source, job};
use milepost_wire::Start;
use milepost_wire::native::requests::CancelRequest;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::failure::Failure;
use crate::remote::AccessArguments;
use crate::signals::Signals;
use crate::terminal::note;
use crate::{Outcome, embedded, view, watch};
use place::Place;

const AFTER_HELP: &str = "\
The work is done here. Who wants to watch it can, on the server that it is reported to; without --server that is one inside
of this process. Draws bars on a terminal, prints lines otherwise. Ctrl-C cancels, a second one hurries.
Exits 0 when it is complete, 1 when it failed, 130 when it was cancelled.

Example: milepost ingest https://github.com/rust-lang/log --out log-index";

/// What ingest jobs are in the log.
const KIND: &str = "ingest";

/// A worker that is killed shows as stalled after so many seconds. Heartbeats are sent by themselves.
const LEASE_SECONDS: u32 = 30;

/// The ids of the stages are longer than that of the job by a suffix.
const ID_LEN: usize = caps::NAME_LEN - ".indexing".len();

/// How long the end of a cancelled job may take, when nobody waits for it any more.
const HURRY: Duration = Duration::from_secs(2);

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
    let run = client.run(KIND).id(id.as_str()).name(name).metadata(metadata);
    Ok(run.expected_children(job::STAGES).lease_seconds(LEASE_SECONDS).start().await?)
}

/// The job, at work in this process.
struct Worker {
    client: Client,
    handle: RunHandle,
    task: JoinHandle<()>,
}

impl Worker {
    fn start(client: Client, handle: RunHandle, plan: Plan, work_dir: &Path) -> Self {
        let (reporter, id, work_dir) = (client.clone(), handle.id().clone(), work_dir.to_owned());
        let task = tokio::spawn(async move { job::run(&reporter, &id, plan, &work_dir).await });
        Self { client, handle, task }
    }

    /// Shows the job until it is over. None when the user did not want to wait for that.
    async fn watch(mut self, signals: &mut Signals) -> Result<Option<Arc<Run>>, Failure> {
        let (client, id) = (self.client.clone(), self.handle.id().clone());
        let mut view = view::for_this_output();
        let ended = {
            let follower = client.follow(&id, Start::Snapshot);
            let mut watching = std::pin::pin!(watch::to_the_end(&client, follower, &id, &mut *view));
            let mut asked = false;
            loop {
                tokio::select! {
                    ended = &mut watching => break Some(ended?),
                    () = signals.next() => {
                        if std::mem::replace(&mut asked, true) {
                            break None;
                        }
                        self.ask_to_stop();
                    }
                }
            }
        };
        match ended {
            // What it works in is deleted next.
            Some(_) => drop(timeout(HURRY, &mut self.task).await),
            None => {
                drop(view);
                self.hurry().await;
            }
        }
        Ok(ended)
    }

    /// Asks the server, as anybody else would, so that every viewer sees why it ends.
    fn ask_to_stop(&self) {
        note("cancelling; once more to stop at once");
        let (client, id) = (self.client.clone(), self.handle.id().clone());
        tokio::spawn(async move {
            let request =
                CancelRequest { reason: Some("interrupted at the terminal".to_owned()), ..Default::default() };
            match client.cancel(&id, &request).await {
                Err(error) if error.code() != Some(Code::RunTerminal) => {
                    note(format_args!("the cancellation could not be asked for: {error}"));
                }
                _ => {}
            }
        });
    }

    /// Stops without asking, and says so if that can be said soon.
    async fn hurry(self) {
        self.task.abort();
        match timeout(HURRY, self.handle.cancelled()).await {
            Ok(Ok(_)) => note("cancelled"),
            Ok(Err(error)) => note(format_args!("stopped, and the server could not be told: {error}")),
            Err(_) => note("stopped; the server could not be told in time"),
        }
    }
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
