//! The sender: the one task that publishes what is queued.

use std::collections::VecDeque;
use std::sync::Arc;

use milepost_core::Code;
use milepost_wire::native::answers::{CancelCommand, Published};
use milepost_wire::native::requests::InputEvent;
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::queue::Entry;
use crate::caps::{LINGER, PROGRESS_INTERVAL};
use crate::error::ClientError;
use crate::retry::Backoff;

/// Publishes until the queue is empty and no handle is left.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        match shared.due() {
            Due::Now(batch) => deliver(&shared, batch).await,
            Due::At(time) => tokio::select! {
                () = shared.wake.notified() => {}
                () = sleep_until(time) => {}
            },
            Due::Never if shared.closing.is_cancelled() => return,
            Due::Never => shared.wake.notified().await,
        }
    }
}

/// When something is to be sent.
enum Due {
    Now(Vec<Entry>),
    At(Instant),
    Never,
}

impl Shared {
    /// Everything goes out at once, but for progress alone, which keeps its interval.
    fn due(&self) -> Due {
        let (mut state, now) = (self.lock(), Instant::now());
        let Some(first) = state.queue.first_ticket() else { return Due::Never };
        let patient = state.queue.has_only_progress() && first > state.urgent && !self.closing.is_cancelled();
        match state.last_progress.map(|last| last + PROGRESS_INTERVAL) {
            Some(next) if patient && next > now => Due::At(next),
            _ => {
                let batch = state.queue.take_batch();
                state.in_flight = batch.len();
                if batch.iter().any(Entry::is_progress) {
                    state.last_progress = Some(now);
                }
                Due::Now(batch)
            }
        }
    }
}

/// Publishes a batch. A refusal costs the events that it is about and no others.
async fn deliver(shared: &Shared, batch: Vec<Entry>) {
    let mut parts = VecDeque::from([batch]);
    while let Some(part) = parts.pop_front() {
        let part = without_stopped(shared, part);
        if part.is_empty() {
            continue;
        }
        match publish(shared, &part).await {
            Ok(published) => accepted(shared, part, published),
            Err(error) => refused(shared, part, &error, &mut parts),
        }
    }
    let mut state = shared.lock();
    state.in_flight = 0;
    shared.mark_settled(&state);
}

/// Settles what was taken from the queue before its run was told to stop.
fn without_stopped(shared: &Shared, part: Vec<Entry>) -> Vec<Entry> {
    let mut state = shared.lock();
    let mut kept = Vec::with_capacity(part.len());
    for entry in part {
        match state.check(&entry.run, entry.acknowledges()) {
            Ok(()) => kept.push(entry),
            Err(error) => state.settle(vec![entry], &Err(error)),
        }
    }
    kept
}

/// Tries until there is an answer that does not depend on the weather. The ids make sure that nothing is stored twice.
async fn publish(shared: &Shared, part: &[Entry]) -> Result<Published, ClientError> {
    let events: Vec<InputEvent> = part.iter().flat_map(Entry::events).collect();
    let (mut backoff, mut abandoned_since) = (Backoff::new(), None);
    loop {
        let answer = shared.transport.publish(&shared.top, &events, shared.lease.as_deref()).await;
        let Err(error) = answer else { return answer };
        if !error.is_transient() {
            return Err(error);
        }
        if shared.closing.is_cancelled() && abandoned_since.get_or_insert_with(Instant::now).elapsed() > LINGER {
            return Err(error);
        }
        let pause = backoff.next();
        tracing::debug!(%error, ?pause, stream = %shared.stream, "publishing again");
        sleep(pause).await;
    }
}

fn accepted(shared: &Shared, part: Vec<Entry>, published: Published) {
    {
        let (mut state, mut last) = (shared.lock(), 0);
        for entry in part {
            last += entry.len();
            if entry.ends() {
                state.nodes.get(&entry.run).inspect(|node| node.gone.cancel());
            }
            let seq = published.events.get(last - 1).map_or(published.seq, |event| event.seq);
            state.settle(vec![entry], &Ok(seq));
        }
    }
    shared.told(published.cancel);
}

/// Settles those that the refusal is about, and puts back the others: a refused batch has changed nothing.
fn refused(shared: &Shared, mut part: Vec<Entry>, error: &ClientError, parts: &mut VecDeque<Vec<Entry>>) {
    if matches!(error.code(), Some(Code::LeaseLost | Code::Unauthorized | Code::Forbidden)) {
        tracing::warn!(%error, stream = %shared.stream, "nothing can be published any more");
        shared.fail(error);
        return shared.lock().settle(part, &Err(error.clone()));
    }
    let culprit = if part.len() == 1 { Some(0) } else { culprit(&part, error) };
    if let Some(cancel) = error.cancel().cloned().map(CancelCommand::from) {
        let known = shared.cancelled(cancel.clone());
        // Whatever run it names, it is about the one that was refused.
        let about = culprit.is_some_and(|at| shared.lock().stop(&part[at].run.clone(), cancel));
        if known || about {
            return parts.push_front(part);
        }
    }
    match culprit {
        Some(at) => {
            let entry = part.remove(at);
            tracing::warn!(%error, run = %entry.run, "an event was refused");
            shared.lock().settle(vec![entry], &Err(error.clone()));
            parts.push_front(part);
        }
        // The halves tell whose fault it is, and are taken when the whole was too large.
        None => {
            let second = part.split_off(part.len() / 2);
            parts.push_front(second);
            parts.push_front(part);
        }
    }
}

/// The entry that has the event which the server names.
fn culprit(part: &[Entry], error: &ClientError) -> Option<usize> {
    let ClientError::Refused { index: Some(index), .. } = error else { return None };
    let mut end = 0;
    part.iter().position(|entry| {
        end += entry.len();
        *index < end
    })
}
