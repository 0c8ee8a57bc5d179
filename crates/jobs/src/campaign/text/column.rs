//! A post while it is being written: its text as it comes.

use milepost_client::RunHandle;
use milepost_core::Body;
use milepost_core::event::{ArtifactAppended, ArtifactPending};
use tokio::time::Instant;

use crate::campaign::caps::{APPENDED_CHARS, APPENDED_EVERY, POST_CHARS};
use crate::campaign::error::JobError;
use crate::campaign::ids;
use crate::campaign::job::Job;

/// An artifact that grows. What comes is shown a few words at a time, because every event is for everybody who watches.
pub(in crate::campaign) struct Column<'a> {
    job: &'a Job<'a>,
    step: &'a RunHandle,
    name: &'a str,
    waiting: String,
    chars: usize,
    shown_at: Instant,
}

impl<'a> Column<'a> {
    pub(super) async fn open(job: &'a Job<'a>, step: &'a RunHandle, name: &'a str) -> Result<Self, JobError> {
        let pending = ArtifactPending {
            artifact: ids::artifact(name),
            artifact_type: Some("post".to_owned()),
            name: Some(name.to_owned()),
            media_type: Some("text/markdown; charset=utf-8".to_owned()),
        };
        job.publish(Body::ArtifactPending(pending)).await?;
        Ok(Self { job, step, name, waiting: String::new(), chars: 0, shown_at: Instant::now() })
    }

    /// Appends what was written.
    ///
    /// # Errors
    /// [`JobError::Unintelligible`] when it becomes longer than a post is.
    pub(in crate::campaign) async fn push(&mut self, text: &str) -> Result<(), JobError> {
        self.waiting.push_str(text);
        self.chars += text.chars().count();
        if self.chars > POST_CHARS {
            return Err(JobError::Unintelligible(format!("the post has more than {POST_CHARS} characters")));
        }
        let enough = self.waiting.len() >= APPENDED_CHARS || self.shown_at.elapsed() >= APPENDED_EVERY;
        if enough { self.show().await } else { Ok(()) }
    }

    pub(super) async fn close(mut self) -> Result<(), JobError> {
        self.show().await
    }

    async fn show(&mut self) -> Result<(), JobError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.shown_at = Instant::now();
        let words = milepost_client::Progress::indeterminate(self.chars as u64).unit("characters");
        self.step.progress(words.message("Writing"));
        let chunk = std::mem::take(&mut self.waiting);
        let appended = ArtifactAppended { artifact: ids::artifact(self.name), chunk: Some(chunk), bytes: None };
        self.job.publish(Body::ArtifactAppended(appended)).await
    }
}
