//! A post.

use serde::{Deserialize, Serialize};

/// A post, as the result of its run and as a member of `posts.json` have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Its place in the campaign, from 1 on.
    pub number: u32,
    /// What goes with its text.
    #[serde(rename = "type")]
    pub post_type: PostType,
    /// What stands on its picture.
    pub headline: String,
    /// The text, without headline and hashtags.
    pub text: String,
    /// With their `#`.
    pub hashtags: Vec<String>,
    /// The artifact of the job that holds it.
    pub artifact: String,
    /// `offline`, or the model.
    pub written_by: String,
}

/// What goes with the text of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostType {
    /// Nothing.
    Text,
    /// A picture.
    TextImage,
    /// A picture that is also a scene of the animation.
    TextVideo,
}

impl Post {
    /// The post as a document (`text/markdown`), which says who wrote it.
    pub(crate) fn markdown(&self) -> String {
        let Self { headline, text, written_by, .. } = self;
        let hashtags =
            if self.hashtags.is_empty() { String::new() } else { format!("\n\n{}", self.hashtags.join(" ")) };
        let origin = match written_by.as_str() {
            OFFLINE => "Composed by Milepost's offline writer, without a language model.".to_owned(),
            model => format!("Written by {model}."),
        };
        format!("# {headline}\n\n{text}{hashtags}\n\n---\n*{origin}*\n")
    }
}

/// What `written_by` says where no model was asked.
pub(crate) const OFFLINE: &str = "offline";
