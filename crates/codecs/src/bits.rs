//! Samples between layouts and widths.

use crate::{CodecError, FrameInfo};

/// Planes one after another to pixel by pixel; `planar.len()` is a multiple of `planes * width`.
pub(crate) fn interleave(planar: &[u8], planes: usize, width: usize) -> Vec<u8> {
    let plane = planar.len() / planes;
    let mut out = vec![0; planar.len()];
    for (index, source) in planar.chunks_exact(plane.max(1)).enumerate().take(planes) {
        let mut targets = out.chunks_exact_mut(width * planes);
        for sample in source.chunks_exact(width) {
            let Some(target) = targets.next() else { break };
            target[index * width..(index + 1) * width].copy_from_slice(sample);
        }
    }
    out
}

/// Swaps the bytes of each 16-bit word.
///
/// Explicit VR Big Endian stores samples of 8 bits and less in words when Pixel Data is OW (PS3.5 §8.1.2, §D.3). [`crate::decode`] takes
/// bytes in OB order: swap the whole element once, before it is cut into frames. A last odd byte stays.
pub fn swap_words(element: &mut [u8]) {
    element.chunks_exact_mut(2).for_each(|word| word.swap(0, 1));
}

/// Clears the bits above the stored ones, or fills them with the sign: native samples may carry anything there (overlays of old, PS3.5 §8.1.1).
///
/// Left as it is where the stored bits are not the lowest.
pub(crate) fn settle_unused_bits(info: &FrameInfo, pixels: &mut [u8]) {
    if info.bits_stored >= info.bits_allocated || info.high_bit + 1 != info.bits_stored {
        return;
    }
    let up = u32::from(info.bits_allocated - info.bits_stored);
    match (info.bits_allocated, info.signed) {
        (8, false) => pixels.iter_mut().for_each(|byte| *byte = *byte << up >> up),
        (8, true) => pixels.iter_mut().for_each(|byte| *byte = ((*byte as i8) << up >> up) as u8),
        (16, false) => settle(pixels, |word: [u8; 2]| (u16::from_le_bytes(word) << up >> up).to_le_bytes()),
        (16, true) => settle(pixels, |word: [u8; 2]| (i16::from_le_bytes(word) << up >> up).to_le_bytes()),
        (32, false) => settle(pixels, |word: [u8; 4]| (u32::from_le_bytes(word) << up >> up).to_le_bytes()),
        (32, true) => settle(pixels, |word: [u8; 4]| (i32::from_le_bytes(word) << up >> up).to_le_bytes()),
        _ => {}
    }
}

fn settle<const N: usize>(pixels: &mut [u8], of: impl Fn([u8; N]) -> [u8; N]) {
    for word in pixels.as_chunks_mut::<N>().0 {
        *word = of(*word);
    }
}

/// What a codestream turned out to hold.
pub(crate) struct Codestream {
    pub(crate) codec: &'static str,
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) samples: u16,
    pub(crate) precision: u16,
}

/// Frames of up to so many samples may be as well compressed as they like.
const MODEST_SAMPLES: u64 = 16 << 20;

/// More samples for each byte are no image: an empty 4096 by 4096 frame still takes some hundred bytes.
const SAMPLES_PER_BYTE: u64 = 20_000;

impl Codestream {
    /// Refuses large frames in next to no bytes, for decoders that take several times a frame's memory before they look at the data.
    pub(crate) fn refuse_bomb(&self, encoded: usize) -> Result<(), CodecError> {
        let samples = u64::from(self.rows) * u64::from(self.columns) * u64::from(self.samples);
        if samples > MODEST_SAMPLES && samples / SAMPLES_PER_BYTE > encoded as u64 {
            return Err(CodecError::corrupt(self.codec, format!("{encoded} bytes for {samples} samples")));
        }
        Ok(())
    }

    /// The attributes of the decoded frame, if the codestream is the image that the data set describes.
    ///
    /// Samples take the declared width, or the next that holds the codestream's precision.
    pub(crate) fn reconcile(&self, declared: &FrameInfo) -> Result<FrameInfo, CodecError> {
        if (self.rows, self.columns) != (declared.rows, declared.columns) {
            return Err(CodecError::mismatch(
                self.codec,
                format!("{} rows, {} columns", declared.rows, declared.columns),
                format!("{} rows, {} columns", self.rows, self.columns),
            ));
        }
        if self.samples != declared.samples_per_pixel {
            return Err(CodecError::mismatch(
                self.codec,
                format!("{} samples per pixel", declared.samples_per_pixel),
                format!("{} samples per pixel", self.samples),
            ));
        }
        let fits = |width: u16| width >= self.precision;
        let Some(width) =
            [declared.bits_allocated.max(8), 16, 32].into_iter().find(|&width| fits(width) && width % 8 == 0)
        else {
            return Err(CodecError::unsupported(self.codec, format!("{} bits a sample", self.precision)));
        };
        let wider = self.precision > declared.bits_stored;
        let stored = if wider { self.precision } else { declared.bits_stored };
        Ok(FrameInfo {
            bits_allocated: width,
            bits_stored: stored,
            high_bit: if wider || declared.high_bit >= width { stored - 1 } else { declared.high_bit },
            planar_configuration: 0,
            ..declared.clone()
        })
    }
}

/// Little-endian bytes of `width` bits for each value; the low bits of what does not fit.
pub(crate) fn write_samples(values: impl Iterator<Item = i32>, width: u16, count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(count * usize::from(width / 8));
    match width {
        8 => out.extend(values.map(|value| value as u8)),
        16 => values.for_each(|value| out.extend((value as u16).to_le_bytes())),
        32 => values.for_each(|value| out.extend(value.to_le_bytes())),
        _ => values.for_each(|value| out.extend(i64::from(value).to_le_bytes())),
    }
    out
}
