//! The animation: one picture slides over the other.

use std::sync::atomic::AtomicBool;

use tokio::sync::watch;

use super::render::{CHANNELS, pixels};
use super::{Card, check, layout};
use crate::campaign::caps::ANIMATION_EDGE;
use crate::campaign::error::JobError;

/// Frames from one picture to the next.
const SLIDE: u32 = 10;

/// How long a frame of a slide stands, in milliseconds.
const SLIDE_MS: u16 = 40;

/// How long a picture stands, in milliseconds: time to read a headline.
const STAND_MS: u16 = 1_900;

/// How many frames so many scenes take: each stands, and slides over to the next, the last one to the first.
pub(in crate::campaign) fn frames(scenes: usize) -> u32 {
    let scenes = u32::try_from(scenes).unwrap_or(u32::MAX / (SLIDE + 1));
    if scenes == 1 { 1 } else { scenes * (SLIDE + 1) }
}

/// Draws the cards as an animated PNG that goes round. `done` is told how many frames there are.
pub(in crate::campaign) fn animation(
    cards: &[Card],
    done: &watch::Sender<u32>,
    stop: &AtomicBool,
) -> Result<Vec<u8>, JobError> {
    let mut scenes = Vec::with_capacity(cards.len());
    for card in cards {
        check(stop)?;
        scenes.push(pixels(&layout::svg(card), ANIMATION_EDGE)?);
    }
    let mut out = Vec::new();
    encode(&scenes, &mut out, done, stop)?;
    Ok(out)
}

fn encode(scenes: &[Vec<u8>], out: &mut Vec<u8>, done: &watch::Sender<u32>, stop: &AtomicBool) -> Result<(), JobError> {
    let failed = |error: png::EncodingError| JobError::Drawing(error.to_string());
    let mut encoder = png::Encoder::new(out, ANIMATION_EDGE, ANIMATION_EDGE);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    if scenes.len() > 1 {
        encoder.set_animated(frames(scenes.len()), 0).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    let mut count = 0;
    let mut write = |pixels: &[u8], millis: u16| -> Result<(), JobError> {
        check(stop)?;
        if scenes.len() > 1 {
            writer.set_frame_delay(millis, 1_000).map_err(failed)?;
        }
        writer.write_image_data(pixels).map_err(failed)?;
        count += 1;
        // Nobody listens any more: then nobody wants the rest either, and `stop` says so.
        done.send(count).unwrap_or_default();
        Ok(())
    };
    for (at, scene) in scenes.iter().enumerate() {
        write(scene, STAND_MS)?;
        let next = &scenes[(at + 1) % scenes.len()];
        for step in 1..=SLIDE {
            if scenes.len() > 1 {
                write(&slid(scene, next, step), SLIDE_MS)?;
            }
        }
    }
    writer.finish().map_err(failed)
}

/// `scene` with `next` slid over it from the right, faster first and slower then.
fn slid(scene: &[u8], next: &[u8], step: u32) -> Vec<u8> {
    let left = 1.0 - f64::from(step) / f64::from(SLIDE + 1);
    let edge = ANIMATION_EDGE as usize;
    // From 0 to the edge: how much of the next picture is to be seen.
    let shown = ((1.0 - left.powi(2)) * edge as f64).round() as usize;
    let (kept, row) = ((edge - shown) * CHANNELS, edge * CHANNELS);
    let mut out = Vec::with_capacity(scene.len());
    for (scene, next) in scene.chunks_exact(row).zip(next.chunks_exact(row)) {
        out.extend_from_slice(&scene[..kept]);
        out.extend_from_slice(&next[..row - kept]);
    }
    out
}
