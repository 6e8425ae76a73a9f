//! A frame and the attributes that describe it (PS3.3 §C.7.6.3, Image Pixel Module).

use crate::CodecError;

/// Upper bound on a decoded frame unless the caller of [`crate::decode_within`] names a smaller one: 2 GiB.
pub const MAX_FRAME_BYTES: u64 = 2 << 30;

/// Photometric Interpretation (0028,0004), PS3.3 §C.7.6.3.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Photometric {
    Monochrome1,
    Monochrome2,
    PaletteColor,
    Rgb,
    YbrFull,
    YbrFull422,
    YbrPartial422,
    YbrPartial420,
    YbrIct,
    YbrRct,
    /// Retired or unknown (HSV, ARGB, CMYK, …); decoded as it is, not rendered when it has several samples.
    Other,
}

impl Photometric {
    /// Reads the attribute's value; surrounding spaces and NULs are ignored. What is not known is [`Self::Other`].
    pub fn parse(value: &str) -> Self {
        match value.trim_matches([' ', '\0']) {
            "MONOCHROME1" => Self::Monochrome1,
            "MONOCHROME2" => Self::Monochrome2,
            "PALETTE COLOR" => Self::PaletteColor,
            "RGB" => Self::Rgb,
            "YBR_FULL" => Self::YbrFull,
            "YBR_FULL_422" => Self::YbrFull422,
            "YBR_PARTIAL_422" => Self::YbrPartial422,
            "YBR_PARTIAL_420" => Self::YbrPartial420,
            "YBR_ICT" => Self::YbrIct,
            "YBR_RCT" => Self::YbrRct,
            _ => Self::Other,
        }
    }

    /// The attribute's value; `""` for [`Self::Other`].
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monochrome1 => "MONOCHROME1",
            Self::Monochrome2 => "MONOCHROME2",
            Self::PaletteColor => "PALETTE COLOR",
            Self::Rgb => "RGB",
            Self::YbrFull => "YBR_FULL",
            Self::YbrFull422 => "YBR_FULL_422",
            Self::YbrPartial422 => "YBR_PARTIAL_422",
            Self::YbrPartial420 => "YBR_PARTIAL_420",
            Self::YbrIct => "YBR_ICT",
            Self::YbrRct => "YBR_RCT",
            Self::Other => "",
        }
    }
}

/// The Image Pixel attributes of one frame. Values are those of the data set; nothing is checked until a decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameInfo {
    /// (0028,0010)
    pub rows: u32,
    /// (0028,0011)
    pub columns: u32,
    /// (0028,0002): 1, 3 or 4.
    pub samples_per_pixel: u16,
    /// (0028,0100): 1, 8, 16, 32 or 64 in what is read; 8, 16, 32 or 64 in what [`crate::decode`] gives.
    pub bits_allocated: u16,
    /// (0028,0101)
    pub bits_stored: u16,
    /// (0028,0102): usually `bits_stored - 1`.
    pub high_bit: u16,
    /// Pixel Representation (0028,0103) = 1: two's complement.
    pub signed: bool,
    /// (0028,0004)
    pub photometric: Photometric,
    /// (0028,0006): 0 = interleaved by pixel, 1 = by plane. Always 0 in what [`crate::decode`] gives.
    pub planar_configuration: u16,
}

impl FrameInfo {
    /// Samples in the frame, once it is certain that rows, columns and samples are sane.
    pub(crate) fn sample_count(&self) -> Result<usize, CodecError> {
        if self.rows == 0 || self.columns == 0 || !(1..=4).contains(&self.samples_per_pixel) {
            return Err(CodecError::BadAttributes(format!(
                "{} rows, {} columns, {} samples per pixel",
                self.rows, self.columns, self.samples_per_pixel
            )));
        }
        u64::from(self.rows)
            .checked_mul(u64::from(self.columns))
            .and_then(|n| n.checked_mul(u64::from(self.samples_per_pixel)))
            .and_then(|n| usize::try_from(n).ok())
            .ok_or(CodecError::TooLarge { bytes: u64::MAX, limit: MAX_FRAME_BYTES })
    }

    /// Bytes of one decoded sample: 1, 2, 4 or 8 (bit-packed samples are widened to one byte).
    pub(crate) fn sample_bytes(&self) -> Result<usize, CodecError> {
        match self.bits_allocated {
            1 | 8 => Ok(1),
            16 => Ok(2),
            32 => Ok(4),
            64 => Ok(8),
            other => Err(CodecError::BadAttributes(format!("{other} bits allocated"))),
        }
    }

    /// Checks the attributes and gives the size in bytes of the decoded frame, at most `limit`.
    pub(crate) fn checked_size(&self, limit: u64) -> Result<usize, CodecError> {
        let samples = self.sample_count()?;
        let sample_bytes = self.sample_bytes()?;
        if self.bits_stored == 0
            || self.bits_stored > self.bits_allocated
            || self.high_bit >= self.bits_allocated
            || self.high_bit + 1 < self.bits_stored
        {
            return Err(CodecError::BadAttributes(format!(
                "{} bits stored of {} allocated, high bit {}",
                self.bits_stored, self.bits_allocated, self.high_bit
            )));
        }
        let bytes = (samples as u64).saturating_mul(sample_bytes as u64);
        if bytes > limit {
            return Err(CodecError::TooLarge { bytes, limit });
        }
        usize::try_from(bytes).map_err(|_| CodecError::TooLarge { bytes, limit })
    }
}

/// One decoded frame: samples in native form, little endian, interleaved by pixel, rows from the top.
///
/// `pixels.len() == rows * columns * samples_per_pixel * bits_allocated / 8`. `info` says what the pixels now are, which
/// may differ from the data set (see [`crate::decode`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub info: FrameInfo,
    pub pixels: Vec<u8>,
}
