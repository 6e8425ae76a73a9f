//! 8-bit pictures and the two formats they leave in.

use crate::{CodecError, Frame, Photometric};

/// An 8-bit picture: grey (1 channel) or RGB (3 channels), interleaved, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// 1 (grey) or 3 (RGB).
    pub channels: u8,
    /// `width * height * channels` bytes.
    pub pixels: Vec<u8>,
}

impl Picture {
    fn check(&self) -> Result<(), CodecError> {
        let expected = u64::from(self.width) * u64::from(self.height) * u64::from(self.channels);
        if !matches!(self.channels, 1 | 3)
            || self.width == 0
            || self.height == 0
            || expected != self.pixels.len() as u64
        {
            return Err(CodecError::BadAttributes(format!(
                "a picture of {}x{}x{} with {} bytes",
                self.width,
                self.height,
                self.channels,
                self.pixels.len()
            )));
        }
        Ok(())
    }
}

/// Writes baseline JPEG (JFIF; colour as YCbCr 4:4:4). `quality` is 1 to 100; what lies outside is moved to the nearer end.
///
/// # Errors
/// [`CodecError::NotRepresentable`] above 65,535 pixels either way.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, CodecError> {
    picture.check()?;
    let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
        return Err(CodecError::NotRepresentable(format!(
            "{}x{} pixels in JPEG",
            picture.width, picture.height
        )));
    };
    let mut out = Vec::with_capacity(picture.pixels.len() / 4);
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, quality.clamp(1, 100));
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    let color =
        if picture.channels == 1 { jpeg_encoder::ColorType::Luma } else { jpeg_encoder::ColorType::Rgb };
    encoder
        .encode(&picture.pixels, width, height, color)
        .map_err(|error| CodecError::NotRepresentable(error.to_string()))?;
    Ok(out)
}

/// Writes PNG, 8 bits, grey or RGB.
///
/// # Errors
/// [`CodecError::BadAttributes`] when the picture's numbers do not agree.
pub fn encode_png(picture: &Picture) -> Result<Vec<u8>, CodecError> {
    picture.check()?;
    let failed = |error: png::EncodingError| CodecError::NotRepresentable(error.to_string());
    let mut out = Vec::with_capacity(picture.pixels.len() / 2);
    let mut encoder = png::Encoder::new(&mut out, picture.width, picture.height);
    encoder.set_color(if picture.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&picture.pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

/// Encodes a decoded frame as one JPEG Baseline (1.2.840.10008.1.2.4.50) codestream, its values untouched by any window.
///
/// Grey (MONOCHROME1 and 2) is written as it is; what converts to RGB as YCbCr 4:4:4. The second of the pair is the
/// Photometric Interpretation of the data set that goes with the codestream (YBR_FULL for colour).
///
/// # Errors
/// [`CodecError::NotRepresentable`] for anything but 8 unsigned bits, and for PALETTE COLOR (lossy indices mean nothing).
pub fn encode_jpeg_baseline_frame(frame: &Frame, quality: u8) -> Result<(Vec<u8>, Photometric), CodecError> {
    let info = &frame.info;
    if info.bits_allocated != 8 || info.signed {
        return Err(CodecError::NotRepresentable(format!(
            "{} {} bits in baseline JPEG",
            info.bits_allocated,
            if info.signed { "signed" } else { "unsigned" }
        )));
    }
    let mono = matches!(info.photometric, Photometric::Monochrome1 | Photometric::Monochrome2);
    if info.samples_per_pixel == 1 && mono {
        let picture =
            Picture { width: info.columns, height: info.rows, channels: 1, pixels: frame.pixels.clone() };
        return Ok((encode_jpeg(&picture, quality)?, info.photometric));
    }
    if info.samples_per_pixel != 3 {
        return Err(CodecError::NotRepresentable(format!(
            "{} with {} samples per pixel in baseline JPEG",
            info.photometric.as_str(),
            info.samples_per_pixel
        )));
    }
    let rgb = crate::to_rgb(frame)?;
    let picture = Picture { width: info.columns, height: info.rows, channels: 3, pixels: rgb.pixels };
    Ok((encode_jpeg(&picture, quality)?, Photometric::YbrFull))
}
