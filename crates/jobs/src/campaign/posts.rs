//! Waiting for the posts of the campaign: what pictures are made for.

use milepost_client::{Follower, Update};
use milepost_core::run::RunState;
use milepost_core::{Run, RunId};
use milepost_wire::Start;

use super::error::JobError;
use super::ids::{self, JobType};
use super::job::Job;
use super::post::Post;

/// The posts of the campaign as they become ready.
pub(super) struct Posts<'a> {
    job: &'a Job<'a>,
    follower: Follower,
    text_job: RunId,
}

/// What is known of a post.
pub(super) enum Awaited {
    /// It is there.
    Ready(Post),
    /// It will never be there.
    Missing,
    /// It is not there yet.
    Open,
}

impl<'a> Posts<'a> {
    /// Follows the campaign. When this returns, what is there is known.
    pub(super) async fn follow(job: &'a Job<'a>) -> Result<Self, JobError> {
        let follower = job.client.follow(&job.campaign, Start::Snapshot);
        let mut posts = Self { job, follower, text_job: ids::job_id(&job.campaign, JobType::Text) };
        while posts.follower.tree().is_none() {
            posts.change().await?;
        }
        Ok(posts)
    }

    /// What is known of the post with this number.
    pub(super) fn look(&self, number: u32) -> Awaited {
        let step = self.run(&ids::below(&self.text_job, &format!("post-{number}")));
        match step {
            Some(step) if step.state == RunState::Completed => {
                let post = step.result.as_ref().and_then(|result| serde_json::from_str(result.get()).ok());
                post.map_or(Awaited::Missing, Awaited::Ready)
            }
            Some(step) if step.state.is_terminal() => Awaited::Missing,
            _ if self.are_over() => Awaited::Missing,
            _ => Awaited::Open,
        }
    }

    /// Whether nobody writes any more.
    pub(super) fn are_over(&self) -> bool {
        // Jobs are made in their order, so a text job that is not there never was.
        self.run(&self.text_job).is_none_or(|run| run.state.is_terminal())
    }

    /// Waits until something happens in the campaign.
    ///
    /// # Errors
    /// [`JobError::Cancelled`] when the campaign is over.
    pub(super) async fn change(&mut self) -> Result<(), JobError> {
        match self.follower.next().await {
            Some(Ok(Update::End)) | None => Err(JobError::Cancelled),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(self.job.reporting(&error)),
        }
    }

    fn run(&self, id: &RunId) -> Option<&Run> {
        self.follower.tree()?.run(id).map(|run| &**run)
    }
}
