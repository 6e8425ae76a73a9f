//! Colour spaces to RGB (PS3.3 §C.7.6.3.1.2).

use crate::{CodecError, Frame, FrameInfo, Photometric};

/// Converts a decoded colour frame to RGB. RGB comes back as it is.
///
/// YBR_FULL and YBR_ICT by ITU-T T.871's equations (those of PS3.3 §C.7.6.3.1.2), YBR_PARTIAL by the 16..235 / 16..240 form,
/// YBR_RCT by ITU-T T.800's reversible transform. YBR of 9 to 16 bits is YBR_FULL only (12-bit JPEG).
///
/// # Errors
/// [`CodecError::Unsupported`] for one sample per pixel, unknown colour spaces, signed or deeper YBR.
pub fn to_rgb(frame: &Frame) -> Result<Frame, CodecError> {
    let info = &frame.info;
    let refused = || {
        Err(CodecError::unsupported(
            "color",
            format!(
                "{} with {} samples of {} bits",
                info.photometric.as_str(),
                info.samples_per_pixel,
                info.bits_allocated
            ),
        ))
    };
    if info.samples_per_pixel != 3 {
        return refused();
    }
    if info.photometric == Photometric::Rgb {
        return Ok(frame.clone());
    }
    if info.bits_allocated == 16 && !info.signed && info.photometric == Photometric::YbrFull {
        return Ok(deep_to_rgb(frame));
    }
    if info.bits_allocated != 8 || info.signed {
        return refused();
    }
    let mut pixels = frame.pixels.clone();
    let convert: fn([u8; 3]) -> [u8; 3] = match info.photometric {
        Photometric::YbrFull | Photometric::YbrFull422 | Photometric::YbrIct => full,
        Photometric::YbrPartial422 | Photometric::YbrPartial420 => partial,
        Photometric::YbrRct => reversible,
        _ => return refused(),
    };
    for pixel in pixels.chunks_exact_mut(3) {
        let rgb = convert([pixel[0], pixel[1], pixel[2]]);
        pixel.copy_from_slice(&rgb);
    }
    let info = FrameInfo { photometric: Photometric::Rgb, ..info.clone() };
    Ok(Frame { info, pixels })
}

/// 16 fractional bits, rounded to nearest.
const fn fixed(value: f64) -> i32 {
    (value * 65536.0 + 0.5) as i32
}

fn clamp(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

/// Full-range YCbCr: R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb.
fn full([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    [
        clamp(y + ((fixed(1.402) * cr + HALF) >> 16)),
        clamp(y + ((-fixed(0.344_136_286) * cb - fixed(0.714_136_286) * cr + HALF) >> 16)),
        clamp(y + ((fixed(1.772) * cb + HALF) >> 16)),
    ]
}

/// The same equations for samples of 9 to 16 bits, whose chroma is centred on half their range.
fn deep_to_rgb(frame: &Frame) -> Frame {
    let bits = i32::from(frame.info.bits_stored);
    let (center, top) = (2f64.powi(bits - 1), 2f64.powi(bits) - 1.0);
    let mut pixels = frame.pixels.clone();
    for pixel in pixels.as_chunks_mut::<6>().0 {
        let [y, cb, cr] = [0, 2, 4].map(|at| f64::from(u16::from_le_bytes([pixel[at], pixel[at + 1]])));
        let (cb, cr) = (cb - center, cr - center);
        let rgb = [y + 1.402 * cr, y - 0.344_136_286 * cb - 0.714_136_286 * cr, y + 1.772 * cb];
        for (target, value) in pixel.as_chunks_mut::<2>().0.iter_mut().zip(rgb) {
            *target = (value.round().clamp(0.0, top) as u16).to_le_bytes();
        }
    }
    Frame { info: FrameInfo { photometric: Photometric::Rgb, ..frame.info.clone() }, pixels }
}

/// Studio-range YCbCr (Y 16..235, Cb and Cr 16..240), ITU-R BT.601.
fn partial([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let y = 1.164_383_56 * (f64::from(y) - 16.0);
    let (cb, cr) = (f64::from(cb) - 128.0, f64::from(cr) - 128.0);
    [
        (y + 1.596_026_79 * cr).round().clamp(0.0, 255.0) as u8,
        (y - 0.391_762_29 * cb - 0.812_967_65 * cr).round().clamp(0.0, 255.0) as u8,
        (y + 2.017_232_14 * cb).round().clamp(0.0, 255.0) as u8,
    ]
}

/// ITU-T T.800 §G.2 with the chroma differences offset by 128 into 8 bits.
fn reversible([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let green = y - ((cb + cr) >> 2);
    [clamp(cr + green), clamp(green), clamp(cb + green)]
}
