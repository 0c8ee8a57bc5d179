//! The image job: a picture for each post that has one, as soon as the post is there.

use milepost_core::event::ArtifactPending;
use milepost_core::{Body, Json};
use serde_json::json;

use super::agent::{Begun, Part};
use super::draw::{self, Card};
use super::error::JobError;
use super::ids;
use super::job::{Job, Made};
use super::post::Post;
use super::posts::{Awaited, Posts};
use super::writer;

/// Does the job. Returns its result.
pub(super) async fn run(job: &Job<'_>) -> Result<Json, JobError> {
    let mut open = job.brief.visual_posts();
    let (total, mut made, mut failures) = (open.len(), Vec::new(), Vec::new());
    let mut posts = Posts::follow(job).await?;
    let mut waiting = false;
    while !open.is_empty() {
        let next = open.iter().position(|number| !matches!(posts.look(*number), Awaited::Open));
        let Some(next) = next else {
            if !waiting {
                job.handle.waiting("Waiting for posts").await.map_err(|error| job.reporting(&error))?;
                waiting = true;
            }
            posts.change().await?;
            continue;
        };
        if std::mem::take(&mut waiting) {
            job.handle.resumed().await.map_err(|error| job.reporting(&error))?;
        }
        let number = open.remove(next);
        let post = match posts.look(number) {
            Awaited::Ready(post) => Some(post),
            Awaited::Missing | Awaited::Open => None,
        };
        match draw_one(job, number, post).await {
            Ok(name) => {
                if made.is_empty() {
                    job.content_is(&name).await?;
                }
                made.push(name);
            }
            Err(error @ (JobError::Cancelled | JobError::DiskFull)) => return Err(error),
            Err(error) => failures.push((number, error)),
        }
        job.say("Drawing", format!("Image {} of {total}", made.len() + failures.len())).await?;
    }
    if made.is_empty() {
        return Err(failures
            .into_iter()
            .next()
            .map_or_else(|| JobError::Nothing("no images".to_owned()), |(_, error)| error));
    }
    let failed: Vec<_> = failures
        .iter()
        .map(|(number, error)| json!({"post": number, "code": error.code(), "message": error.to_string()}))
        .collect();
    Ok(Json::from(&json!({"images": made, "failed": failed})))
}

/// Draws the picture of one post; of the brief alone when there is no post. Returns the name of the artifact.
async fn draw_one(job: &Job<'_>, number: u32, post: Option<Post>) -> Result<String, JobError> {
    let name = format!("image-{number}.png");
    job.say("Drawing", format!("Drawing image {number}")).await?;
    let part = Part {
        suffix: format!("image-{number}"),
        kind: "step",
        name: format!("Image {number}"),
        weight: 1.0,
        parts: 0,
    };
    let step = match job.begin(job.handle, part).await? {
        Begun::Running(step) => step,
        Begun::Over(run) if run.result.is_some() => return Ok(name),
        Begun::Over(_) => return Err(JobError::Nothing("it had failed before".to_owned())),
    };
    if job.is_ready(&name) {
        // An earlier attempt drew it, and could not say so any more.
        job.complete(&step, Some(Json::from(&json!({"artifact": name, "post": number})))).await?;
        return Ok(name);
    }
    let pending = ArtifactPending {
        artifact: ids::artifact(&name),
        artifact_type: Some("image".to_owned()),
        name: Some(name.clone()),
        media_type: Some("image/png".to_owned()),
    };
    job.publish(Body::ArtifactPending(pending)).await?;
    let from = if post.is_some() { "post" } else { "brief" };
    let card = card(job, number, post);
    let picture = match job.settings.chat.as_ref().filter(|chat| chat.makes_pictures()) {
        Some(chat) => chat.picture(&step, &job.brief, &card.headline).await,
        None => draw::in_background(move |stop| draw::picture(&card, stop)).await,
    };
    let drawn = match picture {
        Ok(bytes) => job.store(Made { name: &name, artifact_type: "image", media_type: "image/png", bytes }).await,
        Err(error) => Err(error),
    };
    match drawn {
        Ok(()) => {
            let result = json!({"artifact": name, "post": number, "drawn_from": from});
            job.complete(&step, Some(Json::from(&result))).await?;
            Ok(name)
        }
        Err(JobError::Cancelled) => Err(JobError::Cancelled),
        Err(error) => {
            job.artifact_failed(&name, &error).await?;
            job.fail(&step, &error).await?;
            Err(error)
        }
    }
}

/// What stands on the picture of a post.
pub(super) fn card(job: &Job<'_>, number: u32, post: Option<Post>) -> Card {
    let (name, composed) = writer::offline_post(&job.brief, number);
    let (headline, hashtags) =
        post.map_or((composed.headline, composed.hashtags), |post| (post.headline, post.hashtags));
    let seed = format!("{}\n{}", job.brief.business_description, job.brief.objective);
    Card { name, headline, footer: hashtags.into_iter().take(3).collect::<Vec<_>>().join("  "), number, seed }
}
