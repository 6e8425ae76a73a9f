//! JPEG (ITU-T T.81), all of what DICOM uses: baseline and extended sequential of 8 and 12 bits, progressive, and
//! lossless of 2 to 16 bits with every predictor (.4.50, .4.51, .4.53, .4.55, .4.57, .4.70). Huffman coding only.
//!
//! DCT results follow the accurate integer transform and the triangle ("fancy") chroma filter that nearly all decoders share, so that a pixel is
//! the same here and in the viewer next door.

use crate::bits::{self, Codestream};
use crate::{CodecError, Frame, FrameInfo, Photometric};
use marker::{ColorHint, Process};

mod dct;
mod huffman;
mod lossless;
mod marker;
mod plane;
mod progressive;
mod sequential;
mod stream;
mod upsample;

#[cfg(test)]
mod tests;

const CODEC: &str = "JPEG";

fn corrupt(reason: impl Into<String>) -> CodecError {
    CodecError::corrupt(CODEC, reason)
}

pub(crate) fn decode(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    let image = stream::decode(data, info)?;
    let header = &image.header;
    let codestream = Codestream {
        codec: CODEC,
        rows: header.rows,
        columns: header.columns,
        samples: header.components.len() as u16,
        precision: u16::from(header.precision),
    };
    let mut out = codestream.reconcile(info)?;
    if codestream.samples == 3 {
        out.photometric = photometric(info.photometric, header, image.color);
    }
    let planes: Vec<Vec<u16>> =
        image.planes.into_iter().map(|plane| upsample::to_full(plane, header)).collect();
    let pixels = assemble(&out, &planes, u32::from(header.precision));
    Ok(Frame { info: out, pixels })
}

/// The colour space of the three components. A codestream that names its own (Adobe, JFIF) knows better than the data set.
fn photometric(declared: Photometric, header: &marker::FrameHeader, hint: ColorHint) -> Photometric {
    let subsampled = header.components.iter().any(|c| (c.h, c.v) != (header.h_max, header.v_max));
    if header.process == Process::Lossless {
        return match declared {
            Photometric::YbrFull422 => Photometric::YbrFull,
            other => other,
        };
    }
    match (hint, declared) {
        _ if subsampled => Photometric::YbrFull,
        (ColorHint::Rgb, _) => Photometric::Rgb,
        (ColorHint::Ycc, _) => Photometric::YbrFull,
        (ColorHint::None, Photometric::Rgb) => Photometric::Rgb,
        (ColorHint::None, _) => Photometric::YbrFull,
    }
}

/// Interleaves the planes; signed samples of fewer bits than their cell are sign-extended.
fn assemble(info: &FrameInfo, planes: &[Vec<u16>], precision: u32) -> Vec<u8> {
    let count = planes[0].len() * planes.len();
    let width = info.bits_allocated;
    if let [only] = planes
        && width == 8
    {
        return only.iter().map(|&value| value as u8).collect();
    }
    let up = 32 - precision;
    let spread = info.signed && u32::from(width) > precision;
    let number = move |value: u16| {
        let value = i32::from(value);
        if spread { value << up >> up } else { value }
    };
    if let [first, second, third] = planes
        && width == 8
    {
        let mut out = Vec::with_capacity(count);
        for ((&a, &b), &c) in first.iter().zip(second).zip(third) {
            out.extend([a as u8, b as u8, c as u8]);
        }
        return out;
    }
    let samples = (0..planes[0].len()).flat_map(|pixel| planes.iter().map(move |plane| number(plane[pixel])));
    bits::write_samples(samples, width, count)
}
