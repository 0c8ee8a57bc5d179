//! The campaign of the demo: about this project.

use serde_json::{Value, json};

use super::api::Api;
use super::checks::{Checked, report};
use crate::failure::Failure;
use crate::{output, text};

/// The id of the campaign.
pub(super) const CAMPAIGN: &str = "demo-campaign";

const DESCRIPTION: &str = "Milepost is a server for the progress of long-running work. Producers report what their jobs do, and viewers \
    watch it live. Every event is durable before anybody sees it. A viewer that was away resumes exactly where it stopped.";

const OBJECTIVE: &str = "Get developers to follow the project";

/// Starts it.
pub(super) async fn start(api: &Api) -> Result<(), Failure> {
    let brief = json!({
        "campaign_id": CAMPAIGN, "business_description": DESCRIPTION, "objective": OBJECTIVE, "post_count": 6,
    });
    api.post("/api/v1/content/generate-with-progress", &brief).await
}

/// Says where its posts, pictures and animation are, and checks them. False when something does not hold.
pub(super) async fn check(api: &Api, url: &str) -> Result<bool, Failure> {
    let snapshot = api.get(&format!("/v1/projects/default/runs/{CAMPAIGN}"), &[]).await?;
    output::line("\nOpen:")?;
    for artifact in of_types(&snapshot, &["post", "image", "video"]) {
        output::line(format_args!("  {:<6} {url}{}", word(artifact, "artifact_type"), word(artifact, "url")))?;
    }
    output::line("\nChecked:")?;
    report(vec![
        ("campaign", completed(&snapshot)),
        ("posts", all_open(api, &snapshot, "post", "text/markdown", "post", "posts").await),
        ("pictures", all_open(api, &snapshot, "image", "image/png", "picture", "pictures").await),
        ("animation", all_open(api, &snapshot, "video", "image/apng", "animation", "animations").await),
    ])
}

fn completed(snapshot: &Value) -> Checked {
    let root = &snapshot["runs"][0];
    match (word(root, "state"), word(root, "verdict")) {
        ("completed", "passed") => Ok("completed, and its audit passed".to_owned()),
        (state, verdict) => Err(Failure::new(format!("{state}, audit: {verdict}"))),
    }
}

/// Whether everything of a type is there and is what it says.
async fn all_open(api: &Api, snapshot: &Value, of: &str, media_type: &str, one: &str, many: &str) -> Checked {
    let (mut count, mut bytes) = (0, 0);
    for artifact in of_types(snapshot, &[of]) {
        let (found, length) = api.head(word(artifact, "url")).await?;
        if word(artifact, "state") != "ready" || !found.starts_with(media_type) || length == 0 {
            return Err(Failure::new(format!(
                "{} is {}: {found:?}, {length} bytes",
                word(artifact, "artifact"),
                word(artifact, "state")
            )));
        }
        (count, bytes) = (count + 1, bytes + length);
    }
    if count == 0 {
        return Err(Failure::new("there are none"));
    }
    Ok(format!("{}, {} KiB", text::counted(count, one, many), bytes / 1024))
}

fn of_types<'a>(snapshot: &'a Value, types: &[&str]) -> Vec<&'a Value> {
    let all = snapshot["artifacts"].as_array().into_iter().flatten();
    all.filter(|artifact| types.contains(&word(artifact, "artifact_type"))).collect()
}

fn word<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or("?")
}
