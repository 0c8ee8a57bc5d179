//! Ingestions that somebody else asked for.

use milepost_core::Code;
use milepost_jobs::ingest::{Branch, IngestError, Limits, Plan, Policy, Source, job};
use serde_json::Value;

use super::Permissions;
use super::trade::Job;
use crate::embedded;

pub(crate) use job::KIND;

/// Does what the run's metadata says: `{"repository", "branch"?}`.
pub(crate) async fn work(job: Job) {
    let Job { client, handle, run, permissions, .. } = job;
    let metadata: Value =
        run.metadata.as_ref().and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default();
    let plan = match plan(&metadata, permissions) {
        Ok(plan) => plan,
        Err(error) => return drop(handle.fail(error.code(), error.to_string()).await),
    };
    let Ok(work_dir) = embedded::temporary("milepost-ingest-") else {
        let message = "the worker has no place to work";
        return drop(handle.fail(Code::DiskFull.as_str(), message).await);
    };
    // What a former attempt left has to be known. Should the server be away right now, the lease is kept meanwhile.
    let before = if run.attempt > 1 { former(&client, &handle).await } else { Vec::new() };
    job::run_attempt(&handle, &before, plan, work_dir.path()).await;
}

fn plan(metadata: &Value, permissions: Permissions) -> Result<Plan, IngestError> {
    let Permissions { allow_local, allow_private } = permissions;
    let text = |member: &str| metadata.get(member).and_then(Value::as_str);
    let source = Source::parse(text("repository").unwrap_or_default(), Policy { allow_local, allow_private })?;
    Ok(Plan { source, branch: text("branch").map(Branch::parse).transpose()?, limits: Limits::default() })
}

async fn former(
    client: &milepost_client::Client,
    handle: &milepost_client::RunHandle,
) -> Vec<std::sync::Arc<milepost_core::Run>> {
    let mut pauses = super::slot::pauses();
    loop {
        match client.snapshot(handle.id()).await {
            Ok(snapshot) => return snapshot.runs,
            Err(error) if error.is_transient() && !handle.cancellation().is_cancelled() => {
                tokio::time::sleep(pauses.next().unwrap_or_default()).await;
            }
            // Whatever is wrong, reporting tells.
            Err(_) => return Vec::new(),
        }
    }
}
