//! Where the frames of pixel data lie in a stored object (PS3.5 §8, §A.4; PS3.3 §C.7.6.3).
//!
//! One frame is one or a few ranges of the stored bytes, found without reading anything else.

mod compact;
mod offsets;

pub use compact::CompactError;
pub(crate) use offsets::{EncapsulatedSource, layout};

use crate::dataset::DataSet;
use crate::tag::tags;
use crate::vr::Vr;

/// Which of the three pixel data attributes it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PixelKind {
    /// Pixel Data (7FE0,0010)
    Integer,
    /// Float Pixel Data (7FE0,0008)
    Float,
    /// Double Float Pixel Data (7FE0,0009)
    Double,
}

/// Where pixel data lies, in bytes from the start of the stored object; from the start of the inflated data set where
/// the transfer syntax is deflated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PixelLayout {
    /// One value of unencapsulated samples, frame after frame.
    Native {
        kind: PixelKind,
        vr: Vr,
        offset: u64,
        length: u64,
        big_endian: bool,
    },
    Encapsulated(Encapsulated),
}

/// Pixel data in fragments.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Encapsulated {
    /// Of the item tag of the offset table, and up to the sequence delimiter.
    pub offset: u64,
    pub length: u64,
    /// In the order of the stream, the offset table left out.
    pub fragments: Vec<Fragment>,
    /// For each frame the index of its first fragment; it ends where the next begins.
    pub frames: Vec<u32>,
}

/// The bytes of one fragment, its item header left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment {
    pub offset: u64,
    pub length: u32,
}

/// Bytes of the stored object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ByteRange {
    pub offset: u64,
    pub length: u64,
}

/// The bytes of one frame: ranges to be joined, then where in the first byte it begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrameBytes {
    pub ranges: Vec<ByteRange>,
    /// 1 to 7 where a single-bit frame begins within a byte.
    pub first_bit: u8,
    /// How many bits of native samples; 0 where encapsulated.
    pub bits: u64,
}

impl FrameBytes {
    /// Whether single bits share bytes with the frames around: [`align_bits`] makes the frame of them.
    pub fn is_packed(&self) -> bool {
        self.first_bit > 0 || !self.bits.is_multiple_of(8)
    }
}

pub(crate) enum PixelSource {
    Native { kind: PixelKind, offset: u64, length: u64, vr: Vr, big_endian: bool },
    Encapsulated(EncapsulatedSource),
}

/// The shape of native frames (PS3.3 §C.7.6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameGeometry {
    pub rows: u16,
    pub columns: u16,
    pub samples: u16,
    pub bits_allocated: u16,
    /// Number of Frames, 1 where it is absent.
    pub frames: u32,
    /// Chrominance is halved across (`YBR_FULL_422`, PS3.3 §C.7.6.3.1.2): two samples a pixel.
    pub halved_chrominance: bool,
}

impl FrameGeometry {
    /// The geometry that a header states; `None` where rows, columns or bits are absent or out of range.
    pub fn of(header: &DataSet) -> Option<FrameGeometry> {
        let number = |tag| header.integer(tag).and_then(|value| u16::try_from(value).ok());
        let photometric = header.plain(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
        let bits_allocated = match (number(tags::BITS_ALLOCATED), header.get(tags::FLOAT_PIXEL_DATA)) {
            (Some(bits), _) if bits > 0 => bits,
            (_, Some(_)) => 32,
            _ => header.get(tags::DOUBLE_FLOAT_PIXEL_DATA).map(|_| 64)?,
        };
        Some(FrameGeometry {
            rows: number(tags::ROWS).filter(|rows| *rows > 0)?,
            columns: number(tags::COLUMNS).filter(|columns| *columns > 0)?,
            samples: number(tags::SAMPLES_PER_PIXEL).filter(|samples| *samples > 0).unwrap_or(1),
            bits_allocated,
            frames: number_of_frames(header),
            halved_chrominance: photometric == "YBR_FULL_422",
        })
    }

    /// Bits of one native frame.
    pub fn frame_bits(&self) -> u64 {
        let samples = if self.halved_chrominance && self.samples == 3 { 2 } else { u64::from(self.samples) };
        u64::from(self.rows) * u64::from(self.columns) * samples * u64::from(self.bits_allocated)
    }

    /// Bytes of one native frame when it stands alone.
    pub fn frame_bytes(&self) -> u64 {
        self.frame_bits().div_ceil(8)
    }
}

/// Number of Frames (0028,0008), 1 where it is absent or no number.
pub fn number_of_frames(header: &DataSet) -> u32 {
    header
        .integer(tags::NUMBER_OF_FRAMES)
        .and_then(|frames| u32::try_from(frames).ok())
        .filter(|frames| *frames > 0)
        .unwrap_or(1)
}

impl PixelLayout {
    /// How many bytes at a time native samples must be turned round to be little endian; 1 for not at all.
    ///
    /// Words of 16 bits (PS3.5 §A.3), and samples that are longer as a whole, as their writers do.
    pub fn swap_unit(&self, geometry: Option<&FrameGeometry>) -> usize {
        match self {
            PixelLayout::Native { big_endian: true, vr, .. } if vr.unit() > 1 => {
                let bits = geometry.map_or(0, |geometry| usize::from(geometry.bits_allocated));
                vr.unit().max(if matches!(bits, 32 | 64) { bits / 8 } else { 1 })
            }
            _ => 1,
        }
    }

    /// How many frames can be read; `geometry` matters for native pixel data alone.
    pub fn frame_count(&self, geometry: Option<&FrameGeometry>) -> u32 {
        match self {
            PixelLayout::Encapsulated(encapsulated) => {
                u32::try_from(encapsulated.frames.len()).unwrap_or(u32::MAX)
            }
            PixelLayout::Native { length, .. } => geometry.map_or(0, |geometry| {
                let whole = length.saturating_mul(8) / geometry.frame_bits().max(1);
                u32::try_from(whole).unwrap_or(u32::MAX).min(geometry.frames)
            }),
        }
    }

    /// Where frame `number`, counted from 1, lies; `None` where there is no such frame.
    pub fn frame(&self, number: u32, geometry: Option<&FrameGeometry>) -> Option<FrameBytes> {
        let at = number.checked_sub(1)?;
        match self {
            PixelLayout::Encapsulated(encapsulated) => {
                let range = |f: &Fragment| ByteRange { offset: f.offset, length: u64::from(f.length) };
                let ranges = encapsulated.frame(at as usize)?.iter().map(range).collect();
                Some(FrameBytes { ranges, first_bit: 0, bits: 0 })
            }
            PixelLayout::Native { offset, .. } => {
                let geometry = geometry?;
                if at >= self.frame_count(Some(geometry)) {
                    return None;
                }
                let bits = geometry.frame_bits();
                let start = bits.checked_mul(u64::from(at))?;
                let first_bit = (start % 8) as u8;
                let length = (u64::from(first_bit) + bits).div_ceil(8);
                let range = ByteRange { offset: offset.saturating_add(start / 8), length };
                Some(FrameBytes { ranges: vec![range], first_bit, bits })
            }
        }
    }
}

impl Encapsulated {
    /// The fragments of the frame with this index, counted from 0.
    pub fn frame(&self, index: usize) -> Option<&[Fragment]> {
        let start = *self.frames.get(index)? as usize;
        let end = self.frames.get(index + 1).map_or(self.fragments.len(), |next| *next as usize);
        self.fragments.get(start..end)
    }
}

/// A frame of `bits` single bits that begins at `first_bit` of `bytes`, moved to begin at the first bit of a byte;
/// bits are packed from the least significant on (PS3.5 §8.1.1). Bits behind the frame are cleared.
pub fn align_bits(bytes: &[u8], first_bit: u8, bits: u64) -> Vec<u8> {
    let shift = u32::from(first_bit % 8);
    let length = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX).min(bytes.len());
    let mut frame: Vec<u8> = (0..length)
        .map(|at| {
            let high = bytes.get(at + 1).map_or(0, |next| u16::from(*next));
            ((high << 8 | u16::from(bytes[at])) >> shift) as u8
        })
        .collect();
    if let (Some(last), used @ 1..=7) = (frame.last_mut(), bits % 8) {
        *last &= (1 << used) - 1;
    }
    frame
}
