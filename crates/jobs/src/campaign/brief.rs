//! What a campaign is to be about.

use serde::{Deserialize, Serialize};

use super::caps::{DESCRIPTION_CHARS, OBJECTIVE_CHARS, POSTS};
use super::ids::JobType;
use super::post::PostType;

/// What a campaign is to be about: what its maker said, and what the metadata of its run say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// What the business is and does, 1 to [`DESCRIPTION_CHARS`] characters.
    pub business_description: String,
    /// What the campaign is to achieve, 1 to [`OBJECTIVE_CHARS`] characters.
    pub objective: String,
    /// How many posts to write, 1 to [`POSTS`].
    pub post_count: u32,
    /// Whether to make pictures and an animation.
    pub generate_visuals: bool,
}

/// A brief that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{member}` {reason}")]
pub struct InvalidBrief {
    /// Which member.
    pub member: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Brief {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`InvalidBrief`], which names the member.
    pub fn check(&self) -> Result<(), InvalidBrief> {
        text("business_description", &self.business_description, DESCRIPTION_CHARS)?;
        text("objective", &self.objective, OBJECTIVE_CHARS)?;
        if !(1..=POSTS).contains(&self.post_count) {
            return Err(InvalidBrief { member: "post_count", reason: format!("is 1 to {POSTS}") });
        }
        Ok(())
    }

    /// The jobs of the campaign.
    pub fn jobs(&self) -> &'static [JobType] {
        if self.generate_visuals { &JobType::ALL } else { &[JobType::Text] }
    }

    /// How many parts a job announces.
    pub fn parts(&self, job: JobType) -> u32 {
        match job {
            JobType::Text => 2,
            JobType::Image => u32::try_from(self.visual_posts().len()).unwrap_or(u32::MAX),
            JobType::Video => 0,
        }
    }

    /// What sort of post the one with this number, from 1 on, is: two of three have a picture.
    pub(crate) fn post_type(&self, number: u32) -> PostType {
        match number % 3 {
            _ if !self.generate_visuals => PostType::Text,
            1 => PostType::TextImage,
            2 => PostType::TextVideo,
            _ => PostType::Text,
        }
    }

    /// The numbers of the posts that have a picture.
    pub(crate) fn visual_posts(&self) -> Vec<u32> {
        (1..=self.post_count).filter(|number| self.post_type(*number) != PostType::Text).collect()
    }
}

fn text(member: &'static str, text: &str, max: usize) -> Result<(), InvalidBrief> {
    if text.trim().is_empty() {
        return Err(InvalidBrief { member, reason: "is empty".to_owned() });
    }
    let chars = text.chars().count();
    if chars > max {
        return Err(InvalidBrief { member, reason: format!("has {chars} characters, and may have {max}") });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked() {
        let brief = |description: &str, objective: &str, post_count| Brief {
            business_description: description.to_owned(),
            objective: objective.to_owned(),
            post_count,
            generate_visuals: true,
        };
        let long = "x".repeat(DESCRIPTION_CHARS + 1);
        let cases = [
            (brief("A bakery", "More guests", 6), None),
            (brief("  ", "More guests", 6), Some("business_description")),
            (brief(&long, "More guests", 6), Some("business_description")),
            (brief("A bakery", "", 6), Some("objective")),
            (brief("A bakery", &long, 6), Some("objective")),
            (brief("A bakery", "More guests", 0), Some("post_count")),
            (brief("A bakery", "More guests", 1_000), Some("post_count")),
        ];
        for (brief, expect) in cases {
            assert_eq!(brief.check().err().map(|error| error.member), expect);
        }
    }

    #[test]
    fn two_of_three_posts_have_a_picture() {
        let mut brief = Brief {
            business_description: "b".to_owned(),
            objective: "o".to_owned(),
            post_count: 6,
            generate_visuals: true,
        };
        assert_eq!(brief.visual_posts(), [1, 2, 4, 5]);
        brief.generate_visuals = false;
        assert_eq!(brief.visual_posts(), [] as [u32; 0]);
    }
}
