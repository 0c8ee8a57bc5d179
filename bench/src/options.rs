use std::path::PathBuf;

use clap::Args;

use crate::scenario::Scenario;

/// What to measure, and how. The defaults make the table of `docs/performance.md`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The server binary. By default `milepost` beside this program, then target/release/milepost
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub server: Option<PathBuf>,

    /// Measure a server that runs already, for instance <http://127.0.0.1:6453>. It keeps what the measurements write
    #[arg(long)]
    pub url: Option<String>,

    /// The process of that server, for its CPU time and its memory
    #[arg(long, requires = "url")]
    pub pid: Option<u32>,

    /// How often to measure; the table has the medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub runs: u32,

    /// A short smoke test: small sizes, one run, no verdicts
    #[arg(long)]
    pub quick: bool,

    /// Only these scenarios
    #[arg(long, value_delimiter = ',', value_name = "SCENARIO")]
    pub only: Vec<Scenario>,

    /// Appends at this many a second, instead of looking for the highest rate that is kept
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,

    /// Where the server's temporary data directory is made: the disk that is measured
    #[arg(long, value_name = "DIR")]
    pub disk: Option<PathBuf>,

    /// The core for the server
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,

    /// The core for the generator
    #[arg(long, default_value_t = 1)]
    pub generator_core: usize,

    /// Leave it to the system which core runs what
    #[arg(long)]
    pub no_pin: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            server: None,
            url: None,
            pid: None,
            runs: 3,
            quick: false,
            only: Vec::new(),
            rate: None,
            disk: None,
            server_core: 0,
            generator_core: 1,
            no_pin: false,
        }
    }
}

impl Options {
    /// The scenarios to measure, in the order of the table.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        if self.only.is_empty() { Scenario::ALL.to_vec() } else { self.only.clone() }
    }

    /// How often each is measured.
    pub(crate) fn runs(&self) -> u32 {
        if self.quick { 1 } else { self.runs }
    }
}
