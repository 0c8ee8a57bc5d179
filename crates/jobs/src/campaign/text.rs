//! The text job: one agent reads the brief, another writes the posts.

mod column;

use futures_util::{StreamExt, stream};
use milepost_client::{Progress, RunHandle};
use milepost_core::Json;
use milepost_core::run::{ArtifactState, RunState};
use serde_json::json;

use super::agent::{Begun, Part};
use super::caps::{POSTS_AT_ONCE, WRITING_TRIES};
use super::error::JobError;
use super::job::{Job, Made};
use super::post::Post;
use super::writer::{Analysis, Usage, Writer};
pub(super) use column::Column;

/// The weights of the agents: reading the brief is a fifth of the job. The second is that of a part that is announced only.
const WEIGHTS: [f64; 2] = [0.25, 1.0];

/// The artifact with all posts.
pub(super) const POSTS: &str = "posts.json";

/// Does the job. Returns its result.
pub(super) async fn run(job: &Job<'_>) -> Result<Json, JobError> {
    let writer = Writer::of(job.settings);
    let (analysis, used) = analyse(job, &writer).await?;
    let (posts, failures, used) = write(job, &writer, &analysis, used).await?;
    if posts.is_empty() {
        return Err(failures
            .into_iter()
            .next()
            .map_or_else(|| JobError::Nothing("no posts".to_owned()), |(_, error)| error));
    }
    let all = serde_json::to_vec_pretty(&posts).map_err(|error| JobError::Internal(error.to_string()))?;
    job.store(Made { name: POSTS, artifact_type: "posts", media_type: "application/json", bytes: all }).await?;
    job.content_is(POSTS).await?;
    job.say("Writing", in_words(posts.len(), failures.len())).await?;
    let failed: Vec<_> = failures
        .iter()
        .map(|(number, error)| json!({"post": number, "code": error.code(), "message": error.to_string()}))
        .collect();
    let result = json!({"posts": posts.len(), "written_by": writer.name(), "usage": used, "failed": failed});
    Ok(Json::from(&result))
}

async fn analyse(job: &Job<'_>, writer: &Writer<'_>) -> Result<(Analysis, Usage), JobError> {
    job.say("Analysis", "Reading the brief").await?;
    let part = Part {
        suffix: "analysis".to_owned(),
        kind: "agent",
        name: "Analysis".to_owned(),
        weight: WEIGHTS[0],
        parts: 0,
    };
    let agent = match job.begin(job.handle, part).await? {
        Begun::Running(agent) => agent,
        Begun::Over(run) => {
            let known = run.result.as_ref().and_then(|result| serde_json::from_str(result.get()).ok());
            let known: Analysis = known.ok_or_else(|| JobError::Nothing("the analysis had failed".to_owned()))?;
            return Ok((known, Usage::default()));
        }
    };
    agent.stage("Reading", "Reading the brief");
    let (analysis, used) = match writer.analyse(&agent, &job.brief).await {
        Ok(found) => found,
        Err(error) => {
            job.fail(&agent, &error).await?;
            return Err(error);
        }
    };
    job.tell(&agent, "findings", analysis.in_words()).await?;
    let bytes = serde_json::to_vec_pretty(&analysis).map_err(|error| JobError::Internal(error.to_string()))?;
    job.store(Made { name: "analysis.json", artifact_type: "analysis", media_type: "application/json", bytes }).await?;
    let result = serde_json::to_value(&analysis).map_err(|error| JobError::Internal(error.to_string()))?;
    job.complete(&agent, Some(Json::from(&result))).await?;
    Ok((analysis, used))
}

type Failures = Vec<(u32, JobError)>;

async fn write(
    job: &Job<'_>,
    writer: &Writer<'_>,
    analysis: &Analysis,
    mut used: Usage,
) -> Result<(Vec<Post>, Failures, Usage), JobError> {
    let count = job.brief.post_count;
    job.say("Writing", format!("Writing {count} posts")).await?;
    let part = Part {
        suffix: "writing".to_owned(),
        kind: "agent",
        name: "Writing".to_owned(),
        weight: WEIGHTS[1],
        parts: count,
    };
    let Begun::Running(agent) = job.begin(job.handle, part).await? else {
        return Err(JobError::Nothing("the writing had ended".to_owned()));
    };
    // One after the other where nothing is waited for, so that they are ready in their order.
    let at_once = if writer.waits() { POSTS_AT_ONCE } else { 1 };
    let one = |number| write_one(job, writer, analysis, &agent, number);
    let mut written = stream::iter((1..=count).map(one)).buffer_unordered(at_once);
    let (mut posts, mut failures) = (Vec::new(), Vec::new());
    while let Some((number, outcome)) = written.next().await {
        match outcome {
            Ok((post, more)) => {
                posts.push(post);
                used.add(&more);
            }
            Err(JobError::Cancelled) => return Err(JobError::Cancelled),
            // A full disk is not the fault of one post: the next would fail as well.
            Err(JobError::DiskFull) => return Err(JobError::DiskFull),
            Err(error) => failures.push((number, error)),
        }
        let done = posts.len() + failures.len();
        agent.progress(Progress::default().message(format!("Post {done} of {count}")));
        job.say("Writing", format!("Wrote post {done} of {count}")).await?;
    }
    drop(written);
    posts.sort_by_key(|post: &Post| post.number);
    used.tell(job.handle).await.map_err(|error| job.reporting(&error))?;
    job.tell(&agent, "summary", in_words(posts.len(), failures.len())).await?;
    job.complete(&agent, None).await?;
    Ok((posts, failures, used))
}

async fn write_one(
    job: &Job<'_>,
    writer: &Writer<'_>,
    analysis: &Analysis,
    agent: &RunHandle,
    number: u32,
) -> (u32, Result<(Post, Usage), JobError>) {
    let part =
        Part { suffix: format!("post-{number}"), kind: "step", name: format!("Post {number}"), weight: 1.0, parts: 0 };
    let step = match job.begin(agent, part).await {
        Ok(Begun::Running(step)) => step,
        Ok(Begun::Over(run)) => return (number, known(&run)),
        Err(error) => return (number, Err(error)),
    };
    let outcome = match finished(job, number).await {
        Some(post) => Ok((post, Usage::default())),
        None => keep_trying(job, writer, analysis, &step, number).await,
    };
    let ended = match &outcome {
        Ok((post, _)) => match serde_json::to_value(post) {
            Ok(result) => job.complete(&step, Some(Json::from(&result))).await,
            Err(error) => Err(JobError::Internal(error.to_string())),
        },
        Err(JobError::Cancelled) => Ok(()),
        Err(error) => job.fail(&step, error).await,
    };
    (number, ended.and(outcome))
}

/// A post that an earlier attempt of the job wrote, and could not say so any more.
async fn finished(job: &Job<'_>, number: u32) -> Option<Post> {
    let mut known = (0..).map(|again| post_name(number, again)).take_while(|name| job.known_artifact(name).is_some());
    let name = known.find(|name| job.is_ready(name))?;
    let document = job.read(&name).await.ok()?;
    Post::read(number, job.brief.post_type(number), &name, &document)
}

async fn keep_trying(
    job: &Job<'_>,
    writer: &Writer<'_>,
    analysis: &Analysis,
    step: &RunHandle,
    number: u32,
) -> Result<(Post, Usage), JobError> {
    clear_up(job, number).await?;
    let mut outcome = try_to_write(job, writer, analysis, step, number, 0).await;
    for again in 1..WRITING_TRIES {
        if !matches!(outcome, Err(JobError::BrokenOff(_))) {
            break;
        }
        outcome = try_to_write(job, writer, analysis, step, number, again).await;
    }
    outcome
}

/// What an earlier attempt of the job made of a post.
fn known(run: &milepost_core::Run) -> Result<(Post, Usage), JobError> {
    let post = run.result.as_ref().filter(|_| run.state == RunState::Completed);
    let post = post.and_then(|result| serde_json::from_str(result.get()).ok());
    let why = || run.error.as_ref().map_or_else(|| "it was cancelled".to_owned(), |error| error.message.clone());
    post.map(|post| (post, Usage::default())).ok_or_else(|| JobError::Nothing(why()))
}

async fn try_to_write(
    job: &Job<'_>,
    writer: &Writer<'_>,
    analysis: &Analysis,
    step: &RunHandle,
    number: u32,
    again: u32,
) -> Result<(Post, Usage), JobError> {
    let name = free_name(job, number, again);
    let mut column = Column::open(job, step, &name).await?;
    let written = writer.write(step, &job.brief, analysis, number, &mut column).await;
    let outcome = match (written, column.close().await) {
        (Ok(written), Ok(())) => Ok(written),
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    let (written, used) = match outcome {
        Ok(done) => done,
        Err(JobError::Cancelled) => return Err(JobError::Cancelled),
        Err(error) => {
            job.artifact_failed(&name, &error).await?;
            return Err(error);
        }
    };
    let post = Post {
        number,
        post_type: job.brief.post_type(number),
        headline: written.headline,
        text: written.text,
        hashtags: written.hashtags,
        artifact: name.clone(),
        written_by: writer.name().to_owned(),
    };
    let bytes = post.markdown().into_bytes();
    let made = Made { name: &name, artifact_type: "post", media_type: "text/markdown; charset=utf-8", bytes };
    if let Err(error) = job.store(made).await {
        if error != JobError::Cancelled {
            job.artifact_failed(&name, &error).await?;
        }
        return Err(error);
    }
    Ok((post, used))
}

/// What an earlier attempt left half written will not come any more.
async fn clear_up(job: &Job<'_>, number: u32) -> Result<(), JobError> {
    for name in (0..).map(|again| post_name(number, again)).take_while(|name| job.known_artifact(name).is_some()) {
        if job.known_artifact(&name).is_some_and(|known| known.state == ArtifactState::Pending && known.text.is_some())
        {
            job.artifact_failed(&name, &JobError::Interrupted).await?;
        }
    }
    Ok(())
}

/// A name for the artifact under which nothing was shown yet: what was appended to an artifact cannot be taken back.
fn free_name(job: &Job<'_>, number: u32, again: u32) -> String {
    let used = |again: &u32| {
        let known = job.known_artifact(&post_name(number, *again));
        known.is_some_and(|known| known.state == ArtifactState::Ready || known.text.is_some())
    };
    // `again` counts within this attempt; those of former attempts come before.
    let former = (0..).take_while(used).count();
    post_name(number, again + u32::try_from(former).unwrap_or(u32::MAX / 2))
}

fn post_name(number: u32, again: u32) -> String {
    if again == 0 { format!("post-{number}.md") } else { format!("post-{number}.{again}.md") }
}

fn in_words(written: usize, failed: usize) -> String {
    let posts = if written == 1 { "1 post".to_owned() } else { format!("{written} posts") };
    if failed == 0 { format!("Wrote {posts}") } else { format!("Wrote {posts}; {failed} failed") }
}
