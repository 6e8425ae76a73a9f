//! Frames that are samples already (PS3.5 §8.1, §8.2, §A.1, §A.2, §A.3).

use crate::{CodecError, Frame, FrameInfo, Photometric, bits};

const CODEC: &str = "native";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

/// Copies, swaps and interleaves. Bytes beyond the frame (padding to even length) are ignored.
pub(crate) fn decode(info: &FrameInfo, data: &[u8], order: ByteOrder) -> Result<Frame, CodecError> {
    let samples = info.sample_count()?;
    if info.bits_allocated == 1 {
        return unpack_bits(info, data, samples);
    }
    if matches!(info.photometric, Photometric::YbrFull422 | Photometric::YbrPartial422)
        && info.samples_per_pixel == 3
        && info.bits_allocated == 8
    {
        // Cb and Cr are stored for every other pixel: two thirds of what the attributes alone would say.
        return expand_422(info, data);
    }
    let sample_bytes = info.sample_bytes()?;
    let size = samples * sample_bytes;
    let Some(stored) = data.get(..size) else {
        return Err(CodecError::corrupt(CODEC, format!("{} bytes of {size}", data.len())));
    };
    let mut pixels = stored.to_vec();
    if order == ByteOrder::Big && sample_bytes > 1 {
        pixels.chunks_exact_mut(sample_bytes).for_each(<[u8]>::reverse);
    }
    if info.samples_per_pixel > 1 && info.planar_configuration == 1 {
        pixels = bits::interleave(&pixels, usize::from(info.samples_per_pixel), sample_bytes);
    }
    bits::settle_unused_bits(info, &mut pixels);
    Ok(Frame { info: FrameInfo { planar_configuration: 0, ..info.clone() }, pixels })
}

/// One bit a sample, the first in the lowest bit of a byte (PS3.5 §8.1.1).
fn unpack_bits(info: &FrameInfo, data: &[u8], samples: usize) -> Result<Frame, CodecError> {
    let packed = samples.div_ceil(8);
    let Some(stored) = data.get(..packed) else {
        return Err(CodecError::corrupt(CODEC, format!("{} bytes of {packed}", data.len())));
    };
    let mut pixels = Vec::with_capacity(packed * 8);
    for byte in stored {
        pixels.extend((0..8).map(|bit| byte >> bit & 1));
    }
    pixels.truncate(samples);
    let info = FrameInfo {
        bits_allocated: 8,
        bits_stored: 1,
        high_bit: 0,
        signed: false,
        planar_configuration: 0,
        ..info.clone()
    };
    Ok(Frame { info, pixels })
}

/// Y Y Cb Cr for each pair of pixels (PS3.3 §C.7.6.3.1.2) to Y Cb Cr for each pixel.
fn expand_422(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    let pixels_count = info.rows as usize * info.columns as usize;
    let photometric = match info.photometric {
        Photometric::YbrFull422 => Photometric::YbrFull,
        other => other,
    };
    let out_info = FrameInfo { photometric, planar_configuration: 0, ..info.clone() };
    // Many writers keep the name and store all three samples for each pixel.
    if data.len() >= pixels_count * 3 {
        let full = FrameInfo { photometric, ..info.clone() };
        return decode_full(&full, data);
    }
    let Some(stored) = data.get(..pixels_count * 2).filter(|_| info.columns.is_multiple_of(2)) else {
        return Err(CodecError::corrupt(CODEC, format!("{} bytes of {}", data.len(), pixels_count * 2)));
    };
    let mut pixels = Vec::with_capacity(pixels_count * 3);
    for group in stored.chunks_exact(4) {
        let [first, second, cb, cr] = [group[0], group[1], group[2], group[3]];
        pixels.extend([first, cb, cr, second, cb, cr]);
    }
    Ok(Frame { info: out_info, pixels })
}

fn decode_full(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    let size = info.sample_count()?;
    let mut pixels = data[..size].to_vec();
    if info.planar_configuration == 1 {
        pixels = bits::interleave(&pixels, 3, 1);
    }
    Ok(Frame { info: FrameInfo { planar_configuration: 0, ..info.clone() }, pixels })
}
