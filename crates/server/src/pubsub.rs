//! The bridge: every event of the chosen projects goes to a topic of Google Cloud Pub/Sub, at least once, each stream in its order.

use std::time::Duration;

use async_trait::async_trait;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::Publisher;
use google_cloud_pubsub::model::Message;
use milepost_core::EventType;
use milepost_hub::LogEntry;
use milepost_wire::cloudevents;
use milepost_wire::native::write_event;
use tokio::sync::OnceCell;

use crate::config::Bridge;
use crate::outbox::{Next, Sink, Undelivered};

/// Events of one stream that are on their way at once.
const AT_ONCE: usize = 200;

/// The longest pause while the service is away. What waits there is everything, so it is looked for often.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A topic.
pub(crate) struct Topic {
    name: String,
    bridge: Bridge,
    /// Made for the first event: the credentials may not be there when the server starts.
    publisher: OnceCell<Publisher>,
}

impl Topic {
    pub(crate) fn new(bridge: Bridge) -> Self {
        Self { name: format!("pubsub:{}", bridge.topic), bridge, publisher: OnceCell::new() }
    }

    async fn publisher(&self) -> Result<&Publisher, Undelivered> {
        let build = async || {
            let builder = Publisher::builder(&self.bridge.topic);
            match &self.bridge.endpoint {
                None => builder.build().await,
                // An emulator has nobody to ask who we are.
                Some(endpoint) => {
                    let credentials = anonymous::Builder::new().build();
                    builder
                        .with_endpoint(endpoint.as_str().trim_end_matches('/'))
                        .with_credentials(credentials)
                        .build()
                        .await
                }
            }
        };
        self.publisher.get_or_try_init(build).await.map_err(|error| undelivered(0, &error))
    }
}

#[async_trait]
impl Sink for Topic {
    fn name(&self) -> &str {
        &self.name
    }

    fn types(&self) -> Option<&[EventType]> {
        None
    }

    fn wants(&self, entry: &LogEntry) -> bool {
        self.bridge.projects.is_empty() || self.bridge.projects.contains(&entry.project)
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    /// For ever: whoever reads a topic cannot tell that something is missing.
    fn patience(&self) -> Duration {
        Duration::MAX
    }

    fn longest_pause(&self) -> Duration {
        PAUSE_MAX
    }

    async fn deliver(&self, entries: &[LogEntry]) -> Result<(), Undelivered> {
        let publisher = self.publisher().await?;
        let sent: Vec<_> = entries.iter().map(|entry| publisher.publish(message(entry))).collect();
        let mut failed = None;
        for (done, answer) in sent.into_iter().enumerate() {
            // After the first failure the client refuses what follows under the same key, so the order is kept.
            if let Err(error) = answer.await {
                failed.get_or_insert_with(|| undelivered(done, &error));
            }
        }
        if let (Some(failed), Some(entry)) = (failed, entries.first()) {
            publisher.resume_publish(entry.stream.as_str());
            return Err(failed);
        }
        Ok(())
    }
}

fn message(entry: &LogEntry) -> Message {
    let LogEntry { project, stream, epoch, record, .. } = entry;
    let mut data = Vec::new();
    write_event(&mut data, stream, record, None);
    let attributes = cloudevents::attributes(project, stream, *epoch, record);
    Message::new().set_data(data).set_attributes(attributes).set_ordering_key(stream.as_str())
}

fn undelivered(done: usize, error: &dyn std::error::Error) -> Undelivered {
    Undelivered { done, reason: error.to_string(), next: Next::Again }
}
