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

impl Post {
    /// A post from its document; none when that is none of ours.
    pub(crate) fn read(number: u32, post_type: PostType, artifact: &str, document: &str) -> Option<Self> {
        let (post, origin) = document.rsplit_once("\n\n---\n")?;
        let (headline, text) = post.strip_prefix("# ")?.split_once("\n\n")?;
        let is_tags = |line: &&str| line.split(' ').all(|word| word.starts_with('#'));
        let (text, hashtags) = match text.rsplit_once("\n\n").filter(|(_, last)| is_tags(last)) {
            Some((text, tags)) => (text, tags.split(' ').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        let by = origin.trim().strip_prefix("*Written by ").and_then(|rest| rest.strip_suffix(".*"));
        let (headline, text, artifact) = (headline.to_owned(), text.to_owned(), artifact.to_owned());
        let written_by = by.unwrap_or(OFFLINE).to_owned();
        Some(Self { number, post_type, headline, text, hashtags, artifact, written_by })
    }
}

/// What `written_by` says where no model was asked.
pub(crate) const OFFLINE: &str = "offline";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_back() {
        for (written_by, text, hashtags) in [
            (OFFLINE, "Fresh.\n\nEvery day.", vec!["#bread".to_owned(), "#luna".to_owned()]),
            ("parrot-1", "Fresh --- and warm.", Vec::new()),
        ] {
            let post = Post {
                number: 3,
                post_type: PostType::Text,
                headline: "Bread".to_owned(),
                text: text.to_owned(),
                hashtags,
                artifact: "post-3.md".to_owned(),
                written_by: written_by.to_owned(),
            };
            assert_eq!(Post::read(3, PostType::Text, "post-3.md", &post.markdown()), Some(post));
        }
        assert_eq!(Post::read(3, PostType::Text, "post-3.md", "something else"), None);
    }
}
