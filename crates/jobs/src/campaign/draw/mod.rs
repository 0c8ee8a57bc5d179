//! Pictures and the animation: SVG made of a post's words, rendered here.

mod animation;
mod layout;
mod motif;
mod palette;
mod render;
mod typeface;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::caps::PICTURE_EDGE;
use super::error::JobError;
pub(super) use animation::{animation, frames};

/// What stands on a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    /// Whose it is.
    pub(super) name: String,
    /// The words that matter.
    pub(super) headline: String,
    /// Small words below.
    pub(super) footer: String,
    /// Its place in the campaign: pictures of one campaign belong together, and differ.
    pub(super) number: u32,
    /// Says which colours the campaign has.
    pub(super) seed: String,
}

/// Draws a picture, as PNG.
pub(super) fn picture(card: &Card, stop: &AtomicBool) -> Result<Vec<u8>, JobError> {
    let svg = layout::svg(card);
    check(stop)?;
    render::png(&svg, PICTURE_EDGE)
}

/// Does something slow on a thread of its own. It is told to stop when the returned future is dropped.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stops = StopOnDrop(stop.clone());
    let done = tokio::task::spawn_blocking(move || work(&stop)).await;
    done.map_err(|panic| JobError::Internal(format!("drawing broke: {panic}")))?
}

/// Whether to go on.
fn check(stop: &AtomicBool) -> Result<(), JobError> {
    if stop.load(Ordering::Relaxed) { Err(JobError::Cancelled) } else { Ok(()) }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
