//! Sending batches until the server has them.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use milepost_client::{ClientError, Transport};
use milepost_core::{EventId, RunId};
use milepost_wire::native::answers::Published;
use milepost_wire::native::requests::InputEvent;
use uuid::Uuid;

use crate::failure::Failure;
use crate::terminal::note;
use crate::text;

/// How long a batch is tried for when the server has been there before.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Sends events, and counts what was acknowledged.
pub(super) struct Sender {
    transport: Arc<dyn Transport>,
    run: RunId,
    events: u64,
    duplicates: u64,
    head: Option<u64>,
    told_of_cancel: bool,
}

impl Sender {
    pub(super) fn new(transport: Arc<dyn Transport>, run: RunId) -> Self {
        Self { transport, run, events: 0, duplicates: 0, head: None, told_of_cancel: false }
    }

    /// Sends events with the numbers of their lines. When one is refused, those before it are sent nevertheless: so it does not
    /// matter how lines happened to be put together.
    pub(super) async fn send(&mut self, events: Vec<(u64, InputEvent)>) -> Result<(), Failure> {
        let (lines, events): (Vec<u64>, Vec<InputEvent>) = events.into_iter().map(with_id).unzip();
        let refused = |error: ClientError, line: &u64| Failure::from(error).about(&format!("line {line}"));
        match (self.publish(&events).await, lines.as_slice()) {
            (Ok(()), _) => return Ok(()),
            (Err(error @ ClientError::Refused { .. }), [line]) => return Err(refused(error, line)),
            (Err(ClientError::Refused { .. }), _) => {}
            (Err(error), _) => return Err(error.into()),
        }
        // Nothing of the batch was taken, and not every refusal says which event it is about.
        for (line, event) in lines.iter().zip(&events) {
            self.publish(std::slice::from_ref(event)).await.map_err(|error| refused(error, line))?;
        }
        Ok(())
    }

    /// What the server has.
    pub(super) fn acknowledged(&self) -> String {
        let events = text::counted(self.events, "event", "events");
        let duplicates =
            if self.duplicates > 0 { format!(", {} known before", self.duplicates) } else { String::new() };
        let head = self.head.map(|head| format!(", head {head}")).unwrap_or_default();
        format!("{events} acknowledged{duplicates}{head}")
    }

    async fn publish(&mut self, events: &[InputEvent]) -> Result<(), ClientError> {
        if events.is_empty() {
            return Ok(());
        }
        let known = self.head.is_some();
        let backoff =
            ExponentialBuilder::new().with_max_delay(PAUSE_MAX).with_total_delay(Some(PATIENCE)).with_jitter();
        let backoff = backoff.without_max_times();
        let published = (|| self.transport.publish(&self.run, events, None))
            .retry(backoff)
            // A server that was never there is a wrong address more often than a late server.
            .when(|error| error.is_transient() && (known || !matches!(error, ClientError::Unreachable(_))))
            .notify(|error, pause| note(format_args!("{error}; trying again in {:.1} s", pause.as_secs_f32())))
            .await?;
        self.count(&published);
        Ok(())
    }

    fn count(&mut self, published: &Published) {
        self.events += published.events.len() as u64;
        self.duplicates += published.events.iter().filter(|event| event.duplicate).count() as u64;
        self.head = Some(published.seq);
        if published.cancel.is_some() && !std::mem::replace(&mut self.told_of_cancel, true) {
            note("somebody asked for the cancellation of this run; publish `run.cancelled` to acknowledge it");
        }
    }
}

/// With an id of its own an event can be sent again when the answer was lost.
fn with_id((line, event): (u64, InputEvent)) -> (u64, InputEvent) {
    let id = event.id.or_else(|| EventId::new(&Uuid::now_v7().to_string()).ok());
    (line, InputEvent { id, ..event })
}
