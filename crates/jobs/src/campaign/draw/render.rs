//! SVG to pixels, and pixels to PNG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::Tree;

use super::layout::EDGE;
use super::typeface::options;
use crate::campaign::error::JobError;

/// Bytes of a pixel: red, green, blue. Every picture has a ground, so nothing shines through.
pub(super) const CHANNELS: usize = 3;

/// Renders a square picture as PNG.
pub(super) fn png(svg: &str, edge: u32) -> Result<Vec<u8>, JobError> {
    let pixels = pixels(svg, edge)?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, edge, edge);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Balanced);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|error| JobError::Drawing(error.to_string()))?;
    Ok(out)
}

/// The pixels of a square picture, row by row, [`CHANNELS`] bytes each.
pub(super) fn pixels(svg: &str, edge: u32) -> Result<Vec<u8>, JobError> {
    let tree = Tree::from_str(svg, &options(svg)).map_err(|error| JobError::Drawing(error.to_string()))?;
    let mut pixmap = Pixmap::new(edge, edge).ok_or_else(|| JobError::Drawing("the picture has no size".to_owned()))?;
    let scale = edge as f32 / EDGE;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    Ok(pixmap.data().as_chunks::<4>().0.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect())
}
