//! Jobs of campaigns that a server keeps.

use milepost_jobs::campaign::{Chat, Settings, run_job};
use milepost_server::Config;
use milepost_server::config::Overrides;

use super::trade::Job;
use crate::failure::Failure;
use crate::serve;

/// The kinds of the jobs; the campaign itself stays with its server.
pub(crate) const KINDS: &[&str] = &["text", "image", "video"];

/// Where texts come from: the settings `campaign.llm.*` of this machine, read as a server reads them.
pub(crate) fn settings() -> Result<Settings, Failure> {
    let config = Config::load(&Overrides::default(), None, serve::environment())?;
    let chat = config.llm.as_ref().map(|llm| Chat::new(llm.chat())).transpose();
    Ok(Settings { chat: chat.map_err(|error| Failure::new(format!("campaign.llm: {error}")))? })
}

pub(crate) async fn work(job: Job) {
    run_job(&job.client, &job.handle, &job.campaigns).await;
}
