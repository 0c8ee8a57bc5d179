//! `milepost runs`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use milepost_client::ListRuns;
use milepost_core::{Kind, Run, RunId, RunState};

use crate::failure::Failure;
use crate::remote::RemoteArguments;
use crate::{Outcome, output, terminal, text};

const AFTER_HELP: &str = "\
On a terminal it is a table. Piped it is a run a line with tabs between id, kind, state, fraction, creation time \
and name.

Example: milepost runs --state running | cut -f1 | xargs -n1 milepost cancel";

/// The most that a server gives at once.
const PAGE: usize = 500;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RunsArguments {
    /// Only runs of this kind
    #[arg(long)]
    kind: Option<Kind>,

    /// Only runs in this state
    #[arg(long, value_parser = state_parser())]
    state: Option<RunState>,

    /// The children of this run, in place of the roots
    #[arg(long, value_name = "RUN")]
    parent: Option<RunId>,

    /// At most so many, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,

    /// Print each run as a JSON object, one a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    remote: RemoteArguments,
}

pub(crate) async fn run(arguments: RunsArguments) -> Outcome {
    let runs = list(&arguments).await?;
    if arguments.json {
        for run in &runs {
            output::line(serde_json::to_string(run).map_err(|error| Failure::new(error.to_string()))?)?;
        }
    } else if terminal::is_interactive() {
        table(&runs)?;
    } else {
        for run in &runs {
            output::line(columns(run).map(|column| text::clean(&column).into_owned()).join("\t"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(arguments: &RunsArguments) -> Result<Vec<Run>, Failure> {
    let client = arguments.remote.client()?;
    let RunsArguments { kind, state, parent, limit, .. } = arguments;
    let (mut runs, mut page) = (Vec::new(), None);
    while runs.len() < *limit {
        let limit = Some((limit - runs.len()).min(PAGE));
        let query = ListRuns { kind: kind.clone(), state: *state, parent: parent.clone(), limit, page };
        let answer = client.list(&query).await?;
        runs.extend(answer.runs);
        page = answer.next_page;
        if page.is_none() {
            break;
        }
    }
    Ok(runs)
}

fn columns(run: &Run) -> [String; 6] {
    [
        run.id.to_string(),
        run.kind.to_string(),
        run.state.as_str().to_owned(),
        run.progress.fraction.map(|fraction| fraction.to_string()).unwrap_or_default(),
        run.created_at.to_string(),
        run.name.as_deref().unwrap_or_default().to_owned(),
    ]
}

fn table(runs: &[Run]) -> Result<(), Failure> {
    if runs.is_empty() {
        terminal::note("there are no such runs");
        return Ok(());
    }
    let headings = ["RUN", "KIND", "STATE", "DONE", "AGE", "NAME"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(headings).chain(runs.iter().map(cells)).collect();
    let widths: [usize; 6] = std::array::from_fn(|at| {
        rows.iter().map(|row| console::measure_text_width(&row[at])).max().unwrap_or_default()
    });
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&console::pad_str(cell, width + 2, console::Alignment::Left, None));
        }
        output::line(line.trim_end())?;
    }
    Ok(())
}

fn cells(run: &Run) -> [String; 6] {
    let state = match run.state {
        _ if run.is_cancelling() => "cancelling",
        state if run.stalled && !state.is_terminal() => "stalled",
        state => state.as_str(),
    };
    let age = Duration::from_millis(text::now().millis_since(run.created_at));
    [
        run.id.to_string(),
        run.kind.to_string(),
        state.to_owned(),
        run.progress.fraction.map(text::percent).unwrap_or_default(),
        text::age(age),
        text::clean(run.name.as_deref().unwrap_or_default()).into_owned(),
    ]
}

fn state_parser() -> impl clap::builder::TypedValueParser<Value = RunState> {
    let names = RunState::ALL.iter().map(|state| state.as_str());
    PossibleValuesParser::new(names).try_map(|name| {
        RunState::ALL.iter().copied().find(|state| state.as_str() == name).ok_or("there is no such state")
    })
}
