//! `milepost-bench`: prints the table of `docs/performance.md` for this machine.

use std::process::ExitCode;

use clap::Parser;

/// Measures a Milepost server: CPU per event, latency, memory. Missed targets do not change the exit code.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    options: milepost_bench::Options,
}

fn main() -> ExitCode {
    match milepost_bench::run(&Arguments::parse().options) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("milepost-bench: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}
