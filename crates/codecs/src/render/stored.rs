//! Walking over a frame's stored values.

use crate::Frame;

/// The bits of a sample that are the pixel: `bits_stored` of them, the highest at `high_bit` (PS3.5 §8.1.1).
#[derive(Clone, Copy)]
struct Cell {
    shift: u32,
    bits: u32,
    signed: bool,
}

impl Cell {
    fn of(frame: &Frame) -> Self {
        let info = &frame.info;
        Self {
            shift: u32::from(info.high_bit + 1 - info.bits_stored),
            bits: u32::from(info.bits_stored),
            signed: info.signed,
        }
    }

    fn value(self, raw: u64) -> i64 {
        let up = 64 - self.bits;
        let moved = (raw >> self.shift) << up;
        if self.signed { moved as i64 >> up } else { i64::try_from(moved >> up).unwrap_or(i64::MAX) }
    }
}

fn each(frame: &Frame, mut take: impl FnMut(i64)) {
    let cell = Cell::of(frame);
    let pixels = &frame.pixels;
    match frame.info.bits_allocated {
        16 => {
            pixels.chunks_exact(2).for_each(|b| take(cell.value(u64::from(u16::from_le_bytes([b[0], b[1]])))))
        }
        32 => pixels
            .chunks_exact(4)
            .for_each(|b| take(cell.value(u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))))),
        64 => pixels.chunks_exact(8).for_each(|b| {
            take(cell.value(u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])));
        }),
        _ => pixels.iter().for_each(|&b| take(cell.value(u64::from(b)))),
    }
}

/// Every 8- and 16-bit pattern is worked out once; a table beats a formula from some thousand samples on.
fn table<T: Copy + Default>(frame: &Frame, of: &impl Fn(i64) -> T) -> Option<Vec<T>> {
    let bits = frame.info.bits_allocated;
    if bits > 16 || (bits == 16 && frame.pixels.len() < 4 * 65_536) {
        return None;
    }
    let cell = Cell::of(frame);
    Some((0..1u64 << bits.max(8)).map(|raw| of(cell.value(raw))).collect())
}

fn fill<T: Copy + Default>(frame: &Frame, of: impl Fn(i64) -> T) -> Vec<T> {
    if let Some(table) = table(frame, &of) {
        return match frame.info.bits_allocated {
            16 => frame
                .pixels
                .chunks_exact(2)
                .map(|b| table[usize::from(u16::from_le_bytes([b[0], b[1]]))])
                .collect(),
            _ => frame.pixels.iter().map(|&b| table[usize::from(b)]).collect(),
        };
    }
    let mut out = Vec::with_capacity(frame.pixels.len() / usize::from(frame.info.bits_allocated / 8).max(1));
    each(frame, |stored| out.push(of(stored)));
    out
}

/// One byte for each sample.
pub(super) fn map(frame: &Frame, of: impl Fn(i64) -> u8) -> Vec<u8> {
    fill(frame, of)
}

/// Three bytes for each sample.
pub(super) fn map_rgb(frame: &Frame, of: impl Fn(i64) -> [u8; 3]) -> Vec<u8> {
    fill(frame, of).into_flattened()
}

/// The smallest and largest of `value` over the samples that are `shown`; none when there are none.
pub(super) fn range(
    frame: &Frame,
    shown: impl Fn(i64) -> bool,
    value: impl Fn(i64) -> f64,
) -> Option<(f64, f64)> {
    // Modality transforms need not be monotonic (a LUT), so each distinct value counts; those of 16 bits are few.
    let mut range: Option<(f64, f64)> = None;
    let mut widen = |stored: i64| {
        if shown(stored) {
            let value = value(stored);
            let (low, high) = range.unwrap_or((value, value));
            range = Some((low.min(value), high.max(value)));
        }
    };
    if frame.info.bits_allocated <= 16 && frame.pixels.len() > 65_536 {
        let mut seen = vec![false; 65_536];
        let mut low_high = |stored: i64| seen[(stored & 0xFFFF) as usize] = true;
        each(frame, &mut low_high);
        let signed = frame.info.signed;
        for (pattern, _) in seen.iter().enumerate().filter(|(_, seen)| **seen) {
            let pattern = pattern as u16;
            widen(if signed { i64::from(pattern as i16) } else { i64::from(pattern) });
        }
    } else {
        each(frame, widen);
    }
    range
}
