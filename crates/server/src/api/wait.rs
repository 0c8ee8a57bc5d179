//! Long polls.

use std::time::Duration;

use milepost_core::Code;

use crate::app::App;
use crate::caps::WAIT_MAX;
use crate::problem::Refusal;

/// Reads `wait`: seconds, at most a minute; 0 where absent.
pub(crate) fn wait(asked: Option<u64>) -> Result<Duration, Refusal> {
    match Duration::from_secs(asked.unwrap_or(0)) {
        wait if wait <= WAIT_MAX => Ok(wait),
        _ => Err(Refusal::new(Code::InvalidQuery, format!("`wait` is at most {} seconds", WAIT_MAX.as_secs()))),
    }
}

/// Awaits `answer`, but no longer than the server runs: then what came so far has to do.
pub(crate) async fn unless_stopping<T>(app: &App, answer: impl Future<Output = T>) -> Option<T> {
    app.shutdown().run_until_cancelled(answer).await
}
