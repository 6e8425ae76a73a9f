//! Inverse DCT: Loeffler, Ligtenberg and Moschytz's 11-multiplication form in fixed point, as accurate decoders do it, so that results agree to the bit.

const SCALE_BITS: u32 = 13;

/// A constant with 13 fractional bits.
const fn constant(value: f64) -> i64 {
    (value * (1 << SCALE_BITS) as f64 + 0.5) as i64
}

/// One-dimensional transform of 8 values, scaled up by 2^13 (and by the square root of 8).
#[inline(always)]
fn transform(x: [i64; 8]) -> [i64; 8] {
    // Even part: a rotation of (x2, x6) by 6/16 pi, butterflies with x0, x4.
    let rotated = (x[2] + x[6]) * constant(0.541_196_100);
    let even2 = rotated - x[6] * constant(1.847_759_065);
    let even3 = rotated + x[2] * constant(0.765_366_865);
    let sum = (x[0] + x[4]) << SCALE_BITS;
    let difference = (x[0] - x[4]) << SCALE_BITS;
    let even = [sum + even3, difference + even2, difference - even2, sum - even3];

    // Odd part.
    let z1 = -(x[7] + x[1]) * constant(0.899_976_223);
    let z2 = -(x[5] + x[3]) * constant(2.562_915_447);
    let z5 = (x[7] + x[3] + x[5] + x[1]) * constant(1.175_875_602);
    let z3 = z5 - (x[7] + x[3]) * constant(1.961_570_560);
    let z4 = z5 - (x[5] + x[1]) * constant(0.390_180_644);
    let odd = [
        x[1] * constant(1.501_321_110) + z1 + z4,
        x[3] * constant(3.072_711_026) + z2 + z3,
        x[5] * constant(2.053_119_869) + z2 + z4,
        x[7] * constant(0.298_631_336) + z1 + z3,
    ];
    [
        even[0] + odd[0],
        even[1] + odd[1],
        even[2] + odd[2],
        even[3] + odd[3],
        even[3] - odd[3],
        even[2] - odd[2],
        even[1] - odd[1],
        even[0] - odd[0],
    ]
}

#[inline(always)]
fn descale(value: i64, bits: u32) -> i64 {
    (value + (1 << (bits - 1))) >> bits
}

/// Dequantised coefficients (natural order) of one block to samples of `precision` (8 or 12) bits in `out`.
pub(super) fn inverse(
    coefficients: &[i16; 64],
    table: &[u16; 64],
    precision: u8,
    out: &mut [u16],
    stride: usize,
) {
    // Fractional bits kept between the passes: 2, or 1 for 12 bits.
    let kept = if precision == 8 { 2 } else { 1 };
    let center = 1i64 << (precision - 1);
    let top = (1i64 << precision) - 1;
    if coefficients[1..].iter().all(|&value| value == 0) {
        let flat = (i64::from(coefficients[0]) * i64::from(table[0])) << kept;
        let value = (descale(flat, kept + 3) + center).clamp(0, top) as u16;
        for row in out.chunks_mut(stride).take(8) {
            row[..8].fill(value);
        }
        return;
    }
    let mut work = [0i64; 64];
    for column in 0..8 {
        let value =
            |row: usize| i64::from(coefficients[row * 8 + column]) * i64::from(table[row * 8 + column]);
        let input = [value(0), value(1), value(2), value(3), value(4), value(5), value(6), value(7)];
        if input[1..].iter().all(|&value| value == 0) {
            for row in 0..8 {
                work[row * 8 + column] = input[0] << kept;
            }
            continue;
        }
        for (row, value) in transform(input).into_iter().enumerate() {
            work[row * 8 + column] = descale(value, SCALE_BITS - kept);
        }
    }
    for (line, row) in work.as_chunks::<8>().0.iter().zip(out.chunks_mut(stride)) {
        for (target, value) in row.iter_mut().zip(transform(*line)) {
            *target = (descale(value, SCALE_BITS + kept + 3) + center).clamp(0, top) as u16;
        }
    }
}
