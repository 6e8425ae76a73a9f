//! Coding parameters and what follows from them (ITU-T T.87 §A.2.1, §C.2.4.1.1).

use super::corrupt;
use crate::CodecError;

pub(super) struct Parameters {
    pub(super) max_value: i32,
    pub(super) near: i32,
    pub(super) thresholds: [i32; 3],
    pub(super) reset: i32,
    /// RANGE: number of values a prediction error takes.
    pub(super) range: i32,
    /// qbpp: bits of a prediction error.
    pub(super) error_bits: u32,
    /// LIMIT: longest code.
    pub(super) limit: u32,
}

impl Parameters {
    /// `preset` is MAXVAL, T1, T2, T3, RESET, each 0 for its default.
    pub(super) fn new(precision: u16, near: u8, preset: &[u16; 5]) -> Result<Self, CodecError> {
        let top = (1i32 << precision) - 1;
        let [max_value, t1, t2, t3, reset] = preset.map(i32::from);
        let max_value = if max_value == 0 { top } else { max_value };
        let near = i32::from(near);
        if max_value > top || near > max_value / 2 {
            return Err(corrupt(format!("MAXVAL {max_value}, NEAR {near}")));
        }
        let defaults = default_thresholds(max_value, near);
        let mut thresholds = [t1, t2, t3];
        let mut floor = near + 1;
        for (value, default) in thresholds.iter_mut().zip(defaults) {
            if *value == 0 {
                *value = default;
            }
            if *value < floor || *value > max_value.max(floor) {
                return Err(corrupt("impossible thresholds"));
            }
            floor = *value;
        }
        let reset = if reset == 0 { 64 } else { reset };
        if reset < 3 {
            return Err(corrupt("an impossible RESET"));
        }
        let range = (max_value + 2 * near) / (2 * near + 1) + 1;
        let bits = |values: i32| 32 - (values - 1).leading_zeros();
        let sample_bits = bits(max_value + 1).max(2);
        Ok(Self {
            max_value,
            near,
            thresholds,
            reset,
            range,
            error_bits: bits(range),
            limit: 2 * (sample_bits + sample_bits.max(8)),
        })
    }

    /// A gradient's region, -4 to 4 (T.87 code segment A.4).
    #[inline(always)]
    pub(super) fn quantise(&self, gradient: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = gradient.abs();
        let region = if size <= self.near {
            0
        } else if size < t1 {
            1
        } else if size < t2 {
            2
        } else if size < t3 {
            3
        } else {
            4
        };
        if gradient < 0 { -region } else { region }
    }

    /// A prediction plus an error (in units of `2 NEAR + 1`), modulo RANGE, in the range of samples (T.87 §A.4.5).
    #[inline(always)]
    pub(super) fn reconstruct(&self, prediction: i32, error: i32) -> i32 {
        let unit = 2 * self.near + 1;
        let mut value = prediction + error * unit;
        if value < -self.near {
            value += self.range * unit;
        } else if value > self.max_value + self.near {
            value -= self.range * unit;
        }
        value.clamp(0, self.max_value)
    }
}

/// T.87 §C.2.4.1.1.1.
fn default_thresholds(max_value: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, floor: i32| if value > max_value || value < floor { floor } else { value };
    let (t1, t2, t3) = if max_value >= 128 {
        let factor = (max_value.min(4095) + 128) / 256;
        (factor + 2 + 3 * near, factor * 4 + 3 + 5 * near, factor * 17 + 4 + 7 * near)
    } else {
        let factor = 256 / (max_value + 1);
        ((3 / factor + 3 * near).max(2), (7 / factor + 5 * near).max(3), (21 / factor + 7 * near).max(4))
    };
    let first = clamp(t1, near + 1);
    let second = clamp(t2, first);
    [first, second, clamp(t3, second)]
}
