//! JPEG-LS, 1.2.840.10008.1.2.4.80 and .81 (ITU-T T.87), decoded by CharLS.

use charls::CharLS;

use crate::bits::{self, Codestream};
use crate::guard::fenced;
use crate::{CodecError, Frame, FrameInfo};

const CODEC: &str = "JPEG-LS";

/// Header segments looked at before the first scan; more is not an image.
const MAX_SEGMENTS: usize = 1_000;

pub(crate) fn decode(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    let planar = scan_is_planar(data)?;
    fenced(CODEC, || {
        let failed = |error: charls::Error| CodecError::corrupt(CODEC, error.to_string());
        let found = CharLS::default().get_frame_info(data).map_err(failed)?;
        let number = |value: i32| u16::try_from(value).unwrap_or(u16::MAX);
        let codestream = Codestream {
            codec: CODEC,
            rows: found.height,
            columns: found.width,
            samples: number(found.component_count),
            precision: number(found.bits_per_sample),
        };
        let out = codestream.reconcile(info)?;
        // A decoder that has read a header reads no second one.
        let mut pixels = CharLS::default().decode(data).map_err(failed)?;
        let width = if found.bits_per_sample <= 8 { 1 } else { 2 };
        let samples = usize::from(codestream.samples);
        if pixels.len() != info.sample_count()? * width {
            return Err(CodecError::corrupt(CODEC, "the decoder gave another size than the header"));
        }
        if planar && samples > 1 {
            pixels = bits::interleave(&pixels, samples, width);
        }
        Ok(finish(out, pixels, width, codestream.precision))
    })
}

/// Widens the samples to the declared width and, where they are signed, fills the bits above with the sign.
fn finish(info: FrameInfo, pixels: Vec<u8>, width: usize, precision: u16) -> Frame {
    let target = info.bits_allocated;
    let spread = info.signed && target > precision;
    if usize::from(target) == width * 8 && !spread {
        return Frame { info, pixels };
    }
    let up = 32 - u32::from(precision);
    let sign = |value: u32| if spread { ((value << up) as i32) >> up } else { value as i32 };
    let count = pixels.len() / width;
    let pixels = if width == 1 {
        bits::write_samples(pixels.iter().map(|&byte| sign(u32::from(byte))), target, count)
    } else {
        let words = pixels.chunks_exact(2).map(|b| sign(u32::from(u16::from_le_bytes([b[0], b[1]]))));
        bits::write_samples(words, target, count)
    };
    Frame { info, pixels }
}

/// Whether the first scan holds one component only (interleave mode none, ITU-T T.87 §C.2.3), so that the decoder gives planes.
fn scan_is_planar(data: &[u8]) -> Result<bool, CodecError> {
    let cut_short = || CodecError::corrupt(CODEC, "no scan");
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        while data.get(at..at + 2) == Some(&[0xFF, 0xFF]) {
            at += 1;
        }
        let segment = data.get(at..at + 4).filter(|segment| segment[0] == 0xFF).ok_or_else(cut_short)?;
        if segment[1] == 0xDA {
            let components = usize::from(*data.get(at + 4).ok_or_else(cut_short)?);
            let mode = data.get(at + 4 + components * 2 + 2).ok_or_else(cut_short)?;
            return Ok(*mode == 0);
        }
        at += 2 + usize::from(u16::from_be_bytes([segment[2], segment[3]]));
    }
    Err(cut_short())
}
