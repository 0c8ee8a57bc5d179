//! Writing by a chat endpoint that speaks the protocol of `OpenAI`: `POST {base_url}/chat/completions`.

mod call;
mod picture;
mod prompts;
mod reply;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use milepost_client::RunHandle;

use super::offline;
use super::{Analysis, Usage, Written};
use crate::campaign::brief::Brief;
use crate::campaign::caps::{CONNECT_TIMEOUT, POST_CHARS, WRITING_TRIES};
use crate::campaign::clock::pause;
use crate::campaign::error::JobError;
use crate::campaign::text::Column;
use call::{Refusal, Retry};

/// Where the endpoint is, and how to ask it.
#[derive(Clone)]
pub struct ChatSettings {
    /// Up to the part before `/chat/completions`: `https://api.openai.com/v1` for instance.
    pub base_url: String,
    /// Sent as a bearer token; never logged and never shown.
    pub key: Option<String>,
    /// Which model writes.
    pub model: String,
    /// Which model makes pictures (`/images/generations`); they are drawn here where there is none.
    pub image_model: Option<String>,
    /// The longest silence of the endpoint, before its answer and within it.
    pub silence: Duration,
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
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(settings.silence).build();
        let http = http.map_err(|error| error.to_string())?;
        let base_url = settings.base_url.trim_end_matches('/').to_owned();
        Ok(Self { http, settings: Arc::new(ChatSettings { base_url, ..settings }) })
    }

    pub(super) fn model(&self) -> &str {
        &self.settings.model
    }

    /// Whether it makes pictures, too.
    pub(in crate::campaign) fn makes_pictures(&self) -> bool {
        self.settings.image_model.is_some()
    }

    /// Reads the brief.
    pub(super) async fn analyse(&self, agent: &RunHandle, brief: &Brief) -> Result<(Analysis, Usage), JobError> {
        let mut used = Usage::default();
        let mut answer = self.analysis(agent, brief, &mut used).await;
        for _ in 1..WRITING_TRIES {
            if !matches!(answer, Err(JobError::BrokenOff(_))) {
                break;
            }
            answer = self.analysis(agent, brief, &mut used).await;
        }
        // What the model does not say is found in the words of the brief.
        let analysis = reply::analysis(&answer?, offline::analyse(brief));
        let analysis = analysis.ok_or_else(|| JobError::Unintelligible("the analysis is no JSON object".to_owned()))?;
        Ok((analysis, used))
    }

    async fn analysis(&self, agent: &RunHandle, brief: &Brief, used: &mut Usage) -> Result<String, JobError> {
        let mut text = String::new();
        let mut call = self.ask(agent, &prompts::analysis(brief)).await?;
        while let Some(piece) = call.next().await? {
            text.push_str(&piece);
            if text.len() > POST_CHARS * 4 {
                return Err(JobError::Unintelligible("the analysis does not end".to_owned()));
            }
        }
        self.count(&call, used);
        Ok(text)
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

    /// Makes a picture for a headline, as PNG.
    pub(in crate::campaign) async fn picture(
        &self,
        step: &RunHandle,
        brief: &Brief,
        headline: &str,
    ) -> Result<Vec<u8>, JobError> {
        let model = self.settings.image_model.as_deref().unwrap_or_default();
        let request = picture::request(model, &prompts::picture(brief, headline));
        self.patiently(step, || picture::ask(&self.http, &self.settings, &request)).await
    }

    /// Begins an answer.
    async fn ask(&self, run: &RunHandle, messages: &serde_json::Value) -> Result<call::Call, JobError> {
        self.patiently(run, || call::begin(&self.http, &self.settings, messages)).await
    }

    /// Calls, and calls again where that may help.
    async fn patiently<T, F>(&self, run: &RunHandle, call: impl Fn() -> F) -> Result<T, JobError>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let mut retry = Retry::new();
        loop {
            let (error, wait) = match call().await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => retry.after(refusal)?,
            };
            tracing::debug!(run = %run.id(), %error, ?wait, "calling the endpoint again");
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
