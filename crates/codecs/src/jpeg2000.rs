//! JPEG 2000, .4.90 and .4.91 (ITU-T T.800), and High-Throughput JPEG 2000, .4.201 to .4.203 (T.814), decoded by OpenJPEG in Rust.

use openjp2::openjpeg;

use crate::bits::{self, Codestream};
use crate::guard::fenced;
use crate::{CodecError, Frame, FrameInfo, Photometric};

mod codestream;
mod decoder;

const CODEC: &str = "JPEG 2000";

pub(crate) fn decode(info: &FrameInfo, data: &[u8]) -> Result<Frame, CodecError> {
    let size = codestream::read_size(data)?;
    let found = Codestream {
        codec: CODEC,
        rows: size.rows,
        columns: size.columns,
        samples: size.components,
        precision: size.precision,
    };
    let mut out = found.reconcile(info)?;
    found.refuse_bomb(data.len())?;
    let planes = fenced(CODEC, || decoder::decode(data, &size))?;
    if matches!(info.photometric, Photometric::YbrIct | Photometric::YbrRct) {
        out.photometric = Photometric::Rgb;
    }
    let pixels = assemble(&out, &planes, &size);
    Ok(Frame { info: out, pixels })
}

/// Planes of numbers to interleaved samples.
///
/// The codestream's own sign is what counts: an unsigned codestream in a signed data set holds the two's complement pattern of
/// `precision` bits, so its top bit is spread; a signed one in an unsigned data set is taken as its pattern.
fn assemble(info: &FrameInfo, planes: &[Vec<i32>], size: &codestream::Size) -> Vec<u8> {
    let count = planes[0].len() * planes.len();
    let up = 32 - u32::from(size.precision.min(32));
    let spread = info.signed && !size.signed && info.bits_allocated >= size.precision;
    let pattern = !info.signed && size.signed;
    let number = move |value: i32| {
        if spread {
            value << up >> up
        } else if pattern {
            ((value as u32) << up >> up) as i32
        } else {
            value
        }
    };
    if let [only] = planes {
        return bits::write_samples(only.iter().map(|&value| number(value)), info.bits_allocated, count);
    }
    let interleaved =
        (0..planes[0].len()).flat_map(|pixel| planes.iter().map(move |plane| number(plane[pixel])));
    bits::write_samples(interleaved, info.bits_allocated, count)
}
