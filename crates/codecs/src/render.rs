//! A frame to an 8-bit picture: modality LUT, VOI LUT or window, palette, presentation, viewport.
//!
//! The grey pipeline is that of PS3.4 §N.2: stored value -> modality (PS3.3 §C.11.1) -> VOI (§C.11.2) -> presentation
//! (inverse for MONOCHROME1 and for a presentation LUT shape INVERSE) -> 8 bits. Palette and true colour skip to colour.
//! The viewport (PS3.18 §8.3.5) crops, flips and scales the result.

use crate::{CodecError, Frame, Photometric, Picture};

pub use lut::{Lut, Palette};
pub use viewport::Viewport;
pub use window::{Window, WindowFunction};

mod lut;
mod stored;
mod viewport;
mod window;

/// Modality LUT: stored values to what the device measured (PS3.3 §C.11.1.1.2): `slope * stored + intercept`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescale {
    /// Rescale Slope (0028,1053).
    pub slope: f64,
    /// Rescale Intercept (0028,1052).
    pub intercept: f64,
}

impl Default for Rescale {
    fn default() -> Self {
        Self { slope: 1.0, intercept: 0.0 }
    }
}

/// What to make of a frame. The default shows all of its values: full range, as stored, at its own size.
#[derive(Debug, Clone, Default)]
pub struct RenderOptions {
    /// Used where no `modality_lut` is given.
    pub rescale: Rescale,
    /// Modality LUT Sequence (0028,3000).
    pub modality_lut: Option<Lut>,
    /// Wins over `voi_lut`. In units after the modality transform.
    pub window: Option<Window>,
    /// One item of VOI LUT Sequence (0028,3010). With neither, the frame's smallest to its largest value is shown.
    pub voi_lut: Option<Lut>,
    /// Needed for PALETTE COLOR.
    pub palette: Option<Palette>,
    /// Presentation LUT Shape (2050,0020) INVERSE, or the viewer's wish. MONOCHROME1 is turned over in addition.
    pub inverse: bool,
    /// Pixel Padding Value and Range Limit (0028,0120), (0028,0121), as stored values, in either order: left out of the automatic range.
    pub padding: Option<(i64, i64)>,
    /// Crop, flip and scale.
    pub viewport: Option<Viewport>,
    /// Height of a pixel by its width, of Pixel Spacing or Pixel Aspect Ratio; square where it is `None`. A picture without a
    /// viewport keeps its rows and columns.
    pub pixel_shape: Option<f64>,
}

/// Renders one decoded frame.
///
/// Gives 1 channel for MONOCHROME1 and 2, else 3. The picture is `columns` by `rows` or fits the viewport.
///
/// # Errors
/// [`CodecError::BadAttributes`] when frame and attributes disagree or a palette is missing; [`CodecError::BadOption`] when a window
/// is not positive or the viewport lies outside the image; [`CodecError::Unsupported`] for colour spaces that are not known.
pub fn render(frame: &Frame, options: &RenderOptions) -> Result<Picture, CodecError> {
    let size = frame.info.checked_size(crate::MAX_FRAME_BYTES)?;
    if size != frame.pixels.len() {
        return Err(CodecError::BadAttributes(format!(
            "the frame has {} bytes, its attributes say {size}",
            frame.pixels.len()
        )));
    }
    let picture = match frame.info.photometric {
        Photometric::PaletteColor if frame.info.samples_per_pixel == 1 => render_palette(frame, options)?,
        _ if frame.info.samples_per_pixel == 1 => render_grey(frame, options)?,
        _ => render_color(frame, options)?,
    };
    match &options.viewport {
        Some(viewport) => viewport.apply(&picture, options.pixel_shape.unwrap_or(1.0)),
        None => Ok(picture),
    }
}

fn picture(frame: &Frame, channels: u8, pixels: Vec<u8>) -> Picture {
    Picture { width: frame.info.columns, height: frame.info.rows, channels, pixels }
}

fn render_grey(frame: &Frame, options: &RenderOptions) -> Result<Picture, CodecError> {
    let invert = options.inverse != (frame.info.photometric == Photometric::Monochrome1);
    let modality = |stored: i64| match &options.modality_lut {
        Some(lut) => f64::from(lut.value(stored)),
        None => stored as f64 * options.rescale.slope + options.rescale.intercept,
    };
    let shade: Box<dyn Fn(f64) -> f64> = match (&options.window, &options.voi_lut) {
        (Some(window), _) => {
            let window = window.checked()?;
            Box::new(move |value| window.apply(value))
        }
        (None, Some(lut)) => {
            let top = lut.max_output();
            Box::new(move |value| f64::from(lut.value(value.round() as i64)) * 255.0 / top)
        }
        (None, None) => full_range(frame, options, modality),
    };
    let grey = |stored: i64| {
        let value = shade(modality(stored)).round().clamp(0.0, 255.0) as u8;
        if invert { 255 - value } else { value }
    };
    Ok(picture(frame, 1, stored::map(frame, grey)))
}

/// The smallest to the largest value of the frame, padding left out, over 0..255.
fn full_range<'a>(
    frame: &Frame,
    options: &RenderOptions,
    modality: impl Fn(i64) -> f64,
) -> Box<dyn Fn(f64) -> f64 + 'a> {
    let padding = options.padding.map(|(one, other)| (one.min(other), one.max(other)));
    let shown = |stored: i64| padding.is_none_or(|(low, high)| stored < low || stored > high);
    let (low, high) = stored::range(frame, shown, modality).unwrap_or((0.0, 0.0));
    if high <= low {
        // A flat frame: black if it is all zero or less, else mid grey.
        return Box::new(move |value| if value <= 0.0 { 0.0 } else { 128.0 });
    }
    Box::new(move |value| (value - low) * 255.0 / (high - low))
}

fn render_palette(frame: &Frame, options: &RenderOptions) -> Result<Picture, CodecError> {
    let Some(palette) = &options.palette else {
        return Err(CodecError::BadAttributes("PALETTE COLOR without a palette".to_owned()));
    };
    let pixels = stored::map_rgb(frame, |stored| {
        let color = palette.color(stored);
        if options.inverse { color.map(|channel| 255 - channel) } else { color }
    });
    Ok(picture(frame, 3, pixels))
}

fn render_color(frame: &Frame, options: &RenderOptions) -> Result<Picture, CodecError> {
    let rgb = crate::to_rgb(frame)?;
    let top = 2f64.powi(i32::from(rgb.info.bits_stored)) - 1.0;
    let mut pixels = if rgb.info.bits_allocated == 8 && rgb.info.bits_stored == 8 && !rgb.info.signed {
        rgb.pixels
    } else {
        stored::map(&rgb, |value| (value as f64 * 255.0 / top).round().clamp(0.0, 255.0) as u8)
    };
    if options.inverse {
        for value in &mut pixels {
            *value = 255 - *value;
        }
    }
    Ok(picture(frame, 3, pixels))
}
