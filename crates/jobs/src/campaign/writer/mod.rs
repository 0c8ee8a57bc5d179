//! Who writes: a chat endpoint where one is configured, else the offline writer.

mod analysis;
mod chat;
mod offline;
mod usage;

use milepost_client::RunHandle;

use super::brief::Brief;
use super::error::JobError;
use super::post::OFFLINE;
use super::text::Column;
pub(super) use analysis::Analysis;
pub use chat::{Chat, ChatSettings};
pub(super) use usage::Usage;

/// What whoever runs jobs has set up.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The chat endpoint; the offline writer writes where there is none.
    pub chat: Option<Chat>,
}

/// Who writes the posts of a job.
pub(super) enum Writer<'a> {
    Offline,
    Chat(&'a Chat),
}

/// A post as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) headline: String,
    pub(super) text: String,
    /// With their `#`.
    pub(super) hashtags: Vec<String>,
}

impl<'a> Writer<'a> {
    pub(super) fn of(settings: &'a Settings) -> Self {
        settings.chat.as_ref().map_or(Self::Offline, Self::Chat)
    }

    /// What to call it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Offline => OFFLINE,
            Self::Chat(chat) => chat.model(),
        }
    }

    /// Whether it waits for something outside, so that writing several posts at once is faster.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::Chat(_))
    }

    /// Reads the brief.
    pub(super) async fn analyse(&self, agent: &RunHandle, brief: &Brief) -> Result<(Analysis, Usage), JobError> {
        match self {
            Self::Offline => Ok((offline::analyse(brief), Usage::default())),
            Self::Chat(chat) => chat.analyse(agent, brief).await,
        }
    }

    /// Writes the post with this number, and shows it as it comes.
    pub(super) async fn write(
        &self,
        step: &RunHandle,
        brief: &Brief,
        analysis: &Analysis,
        number: u32,
        column: &mut Column<'_>,
    ) -> Result<(Written, Usage), JobError> {
        match self {
            Self::Offline => {
                let written = offline::write(brief, analysis, number);
                for piece in pieces(&written) {
                    column.push(&piece).await?;
                }
                Ok((written, Usage::default()))
            }
            Self::Chat(chat) => chat.write(step, brief, analysis, number, column).await,
        }
    }
}

/// The post sentence by sentence.
fn pieces(written: &Written) -> Vec<String> {
    let Written { headline, text, hashtags } = written;
    let mut pieces = vec![format!("{headline}\n\n")];
    pieces.extend(text.split_inclusive(['.', '!', '?', '\n']).map(str::to_owned));
    pieces.push(format!("\n\n{}", hashtags.join(" ")));
    pieces
}

/// What the business is called, and what the offline writer would write: for pictures of posts that are not there.
pub(super) fn offline_post(brief: &Brief, number: u32) -> (String, Written) {
    let analysis = offline::analyse(brief);
    let written = offline::write(brief, &analysis, number);
    (analysis.name, written)
}
