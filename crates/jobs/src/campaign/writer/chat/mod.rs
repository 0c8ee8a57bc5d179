//! Writing by a chat endpoint that speaks the protocol of `OpenAI`: `POST {base_url}/chat/completions`.

mod call;
mod prompts;
mod reply;

use std::fmt;
use std::sync::Arc;

use milepost_client::RunHandle;

use super::offline;
use super::{Analysis, Usage, Written};
use crate::campaign::brief::Brief;
use crate::campaign::caps::{CONNECT_TIMEOUT, POST_CHARS, SILENCE};
use crate::campaign::clock::pause;
use crate::campaign::error::JobError;
use crate::campaign::text::Column;
use call::Retry;

/// Where the endpoint is, and how to ask it.
#[derive(Clone, Default)]
pub struct ChatSettings {
    /// Up to the part before `/chat/completions`: `https://api.openai.com/v1` for instance.
    pub base_url: String,
    /// Sent as a bearer token; never logged and never shown.
    pub key: Option<String>,
    /// Which model writes.
    pub model: String,
    /// Which model makes pictures (`/images/generations`); they are drawn here where there is none.
    pub image_model: Option<String>,
    /// What a million prompt tokens cost, and what a million completion tokens cost, in US dollars.
    pub prices: Option<(f64, f64)>,
}

impl fmt::Debug for ChatSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatSettings")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A chat endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Chat {
    http: reqwest::Client,
    settings: Arc<ChatSettings>,
}

impl Chat {
    /// An endpoint; nothing is asked yet.
    ///
    /// # Errors
    /// Why it cannot be used, for people.
    pub fn new(settings: ChatSettings) -> Result<Self, String> {
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(SILENCE).build();
        let http = http.map_err(|error| error.to_string())?;
        let base_url = settings.base_url.trim_end_matches('/').to_owned();
        Ok(Self { http, settings: Arc::new(ChatSettings { base_url, ..settings }) })
    }

    pub(super) fn model(&self) -> &str {
        &self.settings.model
    }

    /// Reads the brief.
    pub(super) async fn analyse(&self, agent: &RunHandle, brief: &Brief) -> Result<(Analysis, Usage), JobError> {
        let (mut text, mut used) = (String::new(), Usage::default());
        let mut call = self.ask(agent, &prompts::analysis(brief)).await?;
        while let Some(piece) = call.next().await? {
            text.push_str(&piece);
            if text.len() > POST_CHARS * 4 {
                return Err(JobError::Unintelligible("the analysis does not end".to_owned()));
            }
        }
        self.count(&call, &mut used);
        // What the model does not say is found in the words of the brief.
        let analysis = reply::analysis(&text, offline::analyse(brief));
        let analysis = analysis.ok_or_else(|| JobError::Unintelligible("the analysis is no JSON object".to_owned()))?;
        Ok((analysis, used))
    }

    /// Writes a post.
    pub(super) async fn write(
        &self,
        step: &RunHandle,
        brief: &Brief,
        analysis: &Analysis,
        number: u32,
        column: &mut Column<'_>,
    ) -> Result<(Written, Usage), JobError> {
        let (mut text, mut used) = (String::new(), Usage::default());
        let mut call = self.ask(step, &prompts::post(brief, analysis, number)).await?;
        while let Some(piece) = call.next().await? {
            column.push(&piece).await?;
            text.push_str(&piece);
        }
        self.count(&call, &mut used);
        let written = reply::post(&text).ok_or_else(|| JobError::Unintelligible("the post is empty".to_owned()))?;
        Ok((written, used))
    }

    /// Begins a call: until the answer begins it is made again where that may help.
    async fn ask(&self, run: &RunHandle, messages: &serde_json::Value) -> Result<call::Call, JobError> {
        let mut retry = Retry::new();
        loop {
            let (error, wait) = match call::begin(&self.http, &self.settings, messages).await {
                Ok(call) => return Ok(call),
                Err(refusal) => retry.after(refusal)?,
            };
            tracing::debug!(run = %run.id(), %error, ?wait, "asking the chat endpoint again");
            let message = format!("{error}; asking again in {:.0} s", wait.as_secs_f64().ceil());
            run.progress(milepost_client::Progress::default().message(message));
            pause(run, wait).await?;
        }
    }

    fn count(&self, call: &call::Call, used: &mut Usage) {
        let (prompt_tokens, completion_tokens) = call.tokens();
        let cost = |(prompt, completion): (f64, f64)| {
            (prompt_tokens as f64 * prompt + completion_tokens as f64 * completion) / 1e6
        };
        let cost_usd = self.settings.prices.map(cost);
        used.add(&Usage { requests: 1, prompt_tokens, completion_tokens, cost_usd });
    }
}
