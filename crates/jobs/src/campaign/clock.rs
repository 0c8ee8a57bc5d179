//! Pauses that end when the run is to stop.

use std::time::Duration;

use milepost_client::RunHandle;

use super::error::JobError;

/// Waits.
///
/// # Errors
/// [`JobError::Cancelled`] as soon as the run is to stop.
pub(super) async fn pause(handle: &RunHandle, duration: Duration) -> Result<(), JobError> {
    let waited = handle.cancellation().run_until_cancelled(tokio::time::sleep(duration)).await;
    waited.ok_or(JobError::Cancelled)
}
