//! The user agent's viewport (PS3.18 §8.3.5.1.3): crop, flip, scale.

use crate::{CodecError, Picture};

/// Largest width or height of a scaled picture.
const MAX_SIDE: u32 = 16_384;
/// The most that pixels are stretched; what is beyond is no picture.
const STRETCH: f64 = 16.0;

/// Viewport size and the region of the source image to show in it.
///
/// The region keeps the shape that it has in the patient: the picture is the largest that fits in `vw` by `vh`. What is `None` is the whole image.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Viewport {
    /// Viewport width in pixels, 1 to 16,384.
    pub vw: u32,
    /// Viewport height in pixels, 1 to 16,384.
    pub vh: u32,
    /// Left edge of the region in source pixels; default 0.
    pub sx: Option<f64>,
    /// Top edge of the region in source pixels; default 0.
    pub sy: Option<f64>,
    /// Width of the region in source pixels; default up to the right edge. Negative: flipped left to right.
    pub sw: Option<f64>,
    /// Height of the region in source pixels; default up to the bottom edge. Negative: flipped top to bottom.
    pub sh: Option<f64>,
}

impl Viewport {
    /// A viewport that shows the whole image.
    pub fn whole(vw: u32, vh: u32) -> Self {
        Self { vw, vh, ..Self::default() }
    }

    /// Reads the `viewport` parameter: `vw,vh` or `vw,vh,sx,sy,sw,sh` with any of the last four empty. None if it is neither.
    pub fn parse(value: &str) -> Option<Self> {
        let parts: Vec<&str> = value.split(',').map(str::trim).collect();
        if parts.len() != 2 && parts.len() != 6 {
            return None;
        }
        let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=MAX_SIDE).contains(side));
        let number = |index: usize| match parts.get(index).copied() {
            None | Some("") => Some(None),
            Some(text) => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Some),
        };
        Some(Self {
            vw: side(parts[0])?,
            vh: side(parts[1])?,
            sx: number(2)?,
            sy: number(3)?,
            sw: number(4)?,
            sh: number(5)?,
        })
    }

    /// The picture inside the viewport. `tall` is the height of a source pixel by its width: those of the result are square.
    pub(crate) fn apply(&self, source: &Picture, tall: f64) -> Result<Picture, CodecError> {
        if !(1..=MAX_SIDE).contains(&self.vw) || !(1..=MAX_SIDE).contains(&self.vh) {
            return Err(CodecError::BadOption(format!("a viewport of {}x{}", self.vw, self.vh)));
        }
        let across = Span::new(self.sx, self.sw, source.width)?;
        let down = Span::new(self.sy, self.sh, source.height)?;
        let tall = if tall.is_finite() { tall.clamp(1.0 / STRETCH, STRETCH) } else { 1.0 };
        let (wide, high) = (across.length, down.length * tall);
        let scale = (f64::from(self.vw) / wide).min(f64::from(self.vh) / high);
        let side = |length: f64, limit: u32| ((length * scale).round() as u32).clamp(1, limit);
        let (width, height) = (side(wide, self.vw), side(high, self.vh));
        let columns = across.taps(width);
        let rows = down.taps(height);
        Ok(resample(source, &columns, &rows))
    }
}

/// A stretch of one axis of the source.
struct Span {
    start: f64,
    length: f64,
    flipped: bool,
    size: u32,
}

impl Span {
    fn new(start: Option<f64>, length: Option<f64>, size: u32) -> Result<Self, CodecError> {
        let start = start.unwrap_or(0.0);
        let length = length.unwrap_or(f64::from(size) - start);
        let outside = || CodecError::BadOption(format!("a region from {start} for {length} of {size}"));
        if !start.is_finite() || !length.is_finite() || start < 0.0 {
            return Err(outside());
        }
        let kept = length.abs().min(f64::from(size) - start);
        if kept <= 0.0 || length == 0.0 {
            return Err(outside());
        }
        Ok(Self { start, length: kept, flipped: length < 0.0, size })
    }

    /// For each output pixel, the source pixels that make it and their weights (sum 1): the covered area when shrinking,
    /// two neighbours (bilinear) when growing.
    fn taps(&self, output: u32) -> Vec<Tap> {
        let step = self.length / f64::from(output);
        let last = self.size - 1;
        let mut taps: Vec<Tap> = (0..output)
            .map(|index| {
                let low = self.start + f64::from(index) * step;
                if step > 1.0 {
                    Tap::area(low, low + step, last)
                } else {
                    Tap::linear(low + step / 2.0, last)
                }
            })
            .collect();
        if self.flipped {
            taps.reverse();
        }
        taps
    }
}

struct Tap {
    first: usize,
    weights: Vec<f32>,
}

impl Tap {
    fn area(low: f64, high: f64, last: u32) -> Self {
        let first = (low.floor() as u32).min(last);
        let end = ((high.ceil() as u32).max(first + 1) - 1).min(last);
        let mut weights: Vec<f32> = (first..=end)
            .map(|pixel| {
                let pixel = f64::from(pixel);
                (high.min(pixel + 1.0) - low.max(pixel)).max(0.0) as f32
            })
            .collect();
        normalise(&mut weights);
        Self { first: first as usize, weights }
    }

    fn linear(middle: f64, last: u32) -> Self {
        let at = (middle - 0.5).clamp(0.0, f64::from(last));
        let first = (at.floor() as u32).min(last);
        let share = (at - f64::from(first)) as f32;
        let weights = if first == last || share == 0.0 { vec![1.0] } else { vec![1.0 - share, share] };
        Self { first: first as usize, weights }
    }
}

fn normalise(weights: &mut [f32]) {
    let sum: f32 = weights.iter().sum();
    if sum > 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= sum);
    } else if let Some(first) = weights.first_mut() {
        *first = 1.0;
    }
}

/// Rows of the source are squeezed one by one into a running sum, so that memory is one output row.
fn resample(source: &Picture, columns: &[Tap], rows: &[Tap]) -> Picture {
    let channels = usize::from(source.channels);
    let source_row = source.width as usize * channels;
    let row_length = columns.len() * channels;
    let mut pixels = Vec::with_capacity(row_length * rows.len());
    let mut sum = vec![0f32; row_length];
    for row in rows {
        sum.fill(0.0);
        for (offset, &weight) in row.weights.iter().enumerate() {
            let line = &source.pixels[(row.first + offset) * source_row..][..source_row];
            for (out, column) in sum.chunks_exact_mut(channels).zip(columns) {
                for (tap, &share) in column.weights.iter().enumerate() {
                    let pixel = &line[(column.first + tap) * channels..][..channels];
                    for (out, &value) in out.iter_mut().zip(pixel) {
                        *out += weight * share * f32::from(value);
                    }
                }
            }
        }
        pixels.extend(sum.iter().map(|&value| (value + 0.5).clamp(0.0, 255.0) as u8));
    }
    Picture { width: columns.len() as u32, height: rows.len() as u32, channels: source.channels, pixels }
}
