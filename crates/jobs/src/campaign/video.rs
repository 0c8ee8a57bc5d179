//! The video job: a short animation of the campaign's headlines.

use milepost_client::Progress;
use milepost_core::event::ArtifactPending;
use milepost_core::{Body, Json};
use serde_json::json;
use tokio::sync::watch;

use super::caps::SCENES;
use super::draw::{self, Card};
use super::error::JobError;
use super::ids;
use super::image::card;
use super::job::{Job, Made};
use super::post::PostType;
use super::posts::{Awaited, Posts};

/// An animated PNG: every browser shows it, without loss.
const NAME: &str = "campaign.png";
const MEDIA_TYPE: &str = "image/apng";

/// Does the job. Returns its result.
pub(super) async fn run(job: &Job<'_>) -> Result<Json, JobError> {
    let cards = scenes(job).await?;
    if job.is_ready(NAME) {
        // An earlier attempt drew it, and could not say so any more.
        job.content_is(NAME).await?;
        return Ok(Json::from(&json!({"video": NAME, "scenes": cards.len(), "frames": draw::frames(cards.len())})));
    }
    let pending = ArtifactPending {
        artifact: ids::artifact(NAME),
        artifact_type: Some("video".to_owned()),
        name: Some(NAME.to_owned()),
        media_type: Some(MEDIA_TYPE.to_owned()),
    };
    job.say("Animating", "Drawing the scenes").await?;
    job.publish(Body::ArtifactPending(pending)).await?;
    let scenes = cards.len();
    let frames = draw::frames(scenes);
    let (told, mut done) = watch::channel(0);
    let mut drawing = std::pin::pin!(draw::in_background(move |stop| draw::animation(&cards, &told, stop)));
    let bytes = loop {
        tokio::select! {
            bytes = &mut drawing => break bytes?,
            Ok(()) = done.changed() => {
                let count = u64::from(*done.borrow_and_update());
                let progress = Progress::of(count, frames.into()).unit("frames").stage("Animating");
                job.handle.progress(progress.message(format!("Frame {count} of {frames}")));
            }
        }
    };
    job.store(Made { name: NAME, artifact_type: "video", media_type: MEDIA_TYPE, bytes }).await?;
    job.content_is(NAME).await?;
    Ok(Json::from(&json!({"video": NAME, "scenes": scenes, "frames": frames})))
}

/// Waits for the posts, and chooses those that the animation shows. What is missing is made of the brief alone.
async fn scenes(job: &Job<'_>) -> Result<Vec<Card>, JobError> {
    let mut posts = Posts::follow(job).await?;
    if !posts.are_over() {
        job.handle.waiting("Waiting for posts").await.map_err(|error| job.reporting(&error))?;
        while !posts.are_over() {
            posts.change().await?;
        }
        job.handle.resumed().await.map_err(|error| job.reporting(&error))?;
    }
    let mut numbers: Vec<u32> = (1..=job.brief.post_count).collect();
    // Those that are meant for it first.
    numbers.sort_by_key(|number| job.brief.post_type(*number) != PostType::TextVideo);
    numbers.truncate(SCENES);
    numbers.sort_unstable();
    let card = |number| match posts.look(number) {
        Awaited::Ready(post) => card(job, number, Some(post)),
        Awaited::Missing | Awaited::Open => card(job, number, None),
    };
    Ok(numbers.into_iter().map(card).collect())
}
