//! What runs and artifacts of a campaign are called. The same name each time, so that making something again finds what is there.

use milepost_core::{ArtifactId, MessageId, RunId, caps::NAME_LEN};
use sha2::{Digest, Sha256};

/// The kind of a campaign's root.
pub const KIND: &str = "campaign";

/// What a job makes. Its kind, its name and the end of its id are the same word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobType {
    /// Posts.
    Text,
    /// A picture for each post that has one.
    Image,
    /// A short animation.
    Video,
}

impl JobType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Text, Self::Image, Self::Video];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
        }
    }

    /// The type of a run of this kind.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.as_str() == kind)
    }
}

/// The id of a campaign's job: `{campaign}:{type}`, or a made one that ends the same way where that would be too long.
pub fn job_id(campaign: &RunId, job: JobType) -> RunId {
    below(campaign, job.as_str())
}

/// The id of a run below `run`.
pub(crate) fn below(run: &RunId, suffix: &str) -> RunId {
    let plain = format!("{run}:{suffix}");
    let id = if plain.len() <= NAME_LEN { plain } else { shortened(run, suffix) };
    RunId::new(&id).unwrap_or_else(|_| unreachable!("both parts are made of characters of ids, and it is short enough"))
}

/// The beginning of a long id, told apart from others that begin alike.
fn shortened(run: &RunId, suffix: &str) -> String {
    let digest = Sha256::digest(run.as_str());
    let tag: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let room = NAME_LEN - tag.len() - suffix.len() - 2;
    format!("{}~{tag}:{suffix}", &run.as_str()[..room])
}

/// An artifact called `name`.
pub(crate) fn artifact(name: &str) -> ArtifactId {
    ArtifactId::new(name).unwrap_or_else(|_| unreachable!("{name} is made of characters of ids"))
}

/// A message called `name`.
pub(crate) fn message(name: &str) -> MessageId {
    MessageId::new(name).unwrap_or_else(|_| unreachable!("{name} is made of characters of ids"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_enough_and_distinct() {
        let run = |id: &str| RunId::new(id).unwrap();
        assert_eq!(job_id(&run("c1"), JobType::Text).as_str(), "c1:text");
        let (one, other) = (run(&"a".repeat(128)), run(&format!("{}b", "a".repeat(127))));
        let made = job_id(&one, JobType::Video);
        assert!(made.as_str().len() == 128 && made.as_str().ends_with(":video"), "{made}");
        assert_eq!(made, job_id(&one, JobType::Video));
        assert_ne!(made, job_id(&other, JobType::Video));
        let part = below(&made, "post-50");
        assert!(part.as_str().ends_with(":post-50") && part != below(&made, "post-49"));
    }
}
