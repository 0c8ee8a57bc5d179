//! `milepost openapi`.

use std::process::ExitCode;

use crate::{Outcome, output};

pub(crate) fn run() -> Outcome {
    output::line(milepost_server::openapi_document())?;
    Ok(ExitCode::SUCCESS)
}
