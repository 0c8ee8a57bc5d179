//! `milepost bench`.

use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;
use crate::{Outcome, output};

const AFTER_HELP: &str = "\
Takes minutes and wants an idle machine and a release build. Missed targets do not change the exit code.

Example: milepost bench --quick";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    options: milepost_bench::Options,
}

/// Blocks: the generator has a thread and a runtime of its own.
pub(crate) fn run(arguments: &BenchArguments) -> Outcome {
    let report = milepost_bench::run(&arguments.options).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::new(format!("{error}{cause}"))
    })?;
    output::line(report)?;
    Ok(ExitCode::SUCCESS)
}
