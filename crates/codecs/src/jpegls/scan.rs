//! One scan: context modelling, regular mode and run mode (ITU-T T.87 Annex A).

use super::bitstream::BitReader;
use super::corrupt;
use super::parameters::Parameters;
use crate::CodecError;

/// Which components the scan brings and how they alternate.
pub(super) struct Layout {
    pub(super) columns: usize,
    /// Samples per pixel of the whole image.
    pub(super) samples: usize,
    /// Indices of the scan's components.
    pub(super) components: Vec<usize>,
    /// By sample (ILV 2); else by line, which one component alone is too.
    pub(super) by_sample: bool,
}

/// Run length order (T.87 §A.2.1, J).
const RUN_ORDER: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// No prediction of 16-bit samples misses by more.
const MAX_ERROR: i32 = 1 << 16;

/// Statistics of one context: A, B, C, N of T.87.
#[derive(Clone, Copy)]
struct Context {
    magnitude: i64,
    bias: i32,
    correction: i32,
    count: i32,
}

/// Statistics of one kind of run interruption.
#[derive(Clone, Copy)]
struct RunContext {
    magnitude: i64,
    count: i32,
    negative: i32,
}

/// The smallest `k` with `count * 2^k >= magnitude`.
#[inline(always)]
fn golomb_order(count: i32, magnitude: i64) -> Result<u32, CodecError> {
    let mut k = 0;
    while i64::from(count) << k < magnitude {
        k += 1;
    }
    if k > 24 { Err(corrupt("errors beyond all range")) } else { Ok(k) }
}

struct Coder<'a> {
    bits: BitReader<'a>,
    parameters: &'a Parameters,
    contexts: Vec<Context>,
    run_contexts: [RunContext; 2],
}

/// A line with one sample to each side: `[0]` is left of the first, the last is right of the last.
type Line = Vec<i32>;

/// Neighbours of one sample: left, above, above left, above right.
#[derive(Clone, Copy)]
struct Neighbours {
    a: i32,
    b: i32,
    c: i32,
    d: i32,
}

impl Neighbours {
    #[inline(always)]
    fn at(above: &[i32], line: &[i32], column: usize) -> Self {
        Self { a: line[column - 1], b: above[column], c: above[column - 1], d: above[column + 1] }
    }
}

/// Decodes the scan into `out` (interleaved by pixel); the number of bytes read.
pub(super) fn decode(
    data: &[u8],
    parameters: &Parameters,
    layout: &Layout,
    out: &mut [u16],
) -> Result<usize, CodecError> {
    let start = i64::from((parameters.range + 32) / 64).max(2);
    let mut coder = Coder {
        bits: BitReader::new(data),
        parameters,
        contexts: vec![Context { magnitude: start, bias: 0, correction: 0, count: 1 }; 365],
        run_contexts: [RunContext { magnitude: start, count: 1, negative: 0 }; 2],
    };
    let count = layout.components.len();
    let columns = layout.columns;
    let mut above: Vec<Line> = vec![vec![0; columns + 2]; count];
    let mut lines = above.clone();
    let mut run_indices = vec![0usize; count];
    for row in out.chunks_exact_mut(columns * layout.samples) {
        for (above, line) in above.iter_mut().zip(&mut lines) {
            above[columns + 1] = above[columns];
            line[0] = above[1];
        }
        if layout.by_sample {
            coder.read_samples(&above, &mut lines, columns, &mut run_indices[0])?;
        } else {
            for ((above, line), run_index) in above.iter().zip(&mut lines).zip(&mut run_indices) {
                coder.read_line(above, line, columns, run_index)?;
            }
        }
        for (line, component) in lines.iter().zip(&layout.components) {
            let targets = row[*component..].iter_mut().step_by(layout.samples);
            targets.zip(&line[1..]).for_each(|(target, value)| *target = *value as u16);
        }
        std::mem::swap(&mut above, &mut lines);
    }
    Ok(coder.bits.position())
}

impl Coder<'_> {
    /// One line of one component.
    fn read_line(
        &mut self,
        above: &[i32],
        line: &mut [i32],
        columns: usize,
        run_index: &mut usize,
    ) -> Result<(), CodecError> {
        let mut column = 1;
        while column <= columns {
            let near = Neighbours::at(above, line, column);
            let context = self.context(near);
            if context != 0 {
                line[column] = self.read_regular(near, context)?;
                column += 1;
                continue;
            }
            let length = self.read_run_length(columns + 1 - column, run_index)?;
            line[column..column + length].fill(near.a);
            column += length;
            if column <= columns {
                let b = above[column];
                let alike = (near.a - b).abs() <= self.parameters.near;
                line[column] = self.read_interruption(near.a, b, usize::from(alike), *run_index)?;
                *run_index = run_index.saturating_sub(1);
                column += 1;
            }
        }
        Ok(())
    }

    /// One line of all components, pixel by pixel (ILV 2): a run needs all of them flat.
    fn read_samples(
        &mut self,
        above: &[Line],
        lines: &mut [Line],
        columns: usize,
        run_index: &mut usize,
    ) -> Result<(), CodecError> {
        let count = lines.len();
        let mut column = 1;
        while column <= columns {
            let mut contexts = [0; 4];
            for component in 0..count {
                contexts[component] =
                    self.context(Neighbours::at(&above[component], &lines[component], column));
            }
            if contexts != [0; 4] {
                for component in 0..count {
                    let near = Neighbours::at(&above[component], &lines[component], column);
                    lines[component][column] = self.read_regular(near, contexts[component])?;
                }
                column += 1;
                continue;
            }
            let length = self.read_run_length(columns + 1 - column, run_index)?;
            for line in lines.iter_mut() {
                let flat = line[column - 1];
                line[column..column + length].fill(flat);
            }
            column += length;
            if column <= columns {
                for (line, above) in lines.iter_mut().zip(above) {
                    line[column] = self.read_interruption(line[column - 1], above[column], 0, *run_index)?;
                }
                *run_index = run_index.saturating_sub(1);
                column += 1;
            }
        }
        Ok(())
    }

    /// The context of the three gradients, -364 to 364; 0 where all are flat (T.87 §A.3).
    #[inline(always)]
    fn context(&self, near: Neighbours) -> i32 {
        let quantise = |gradient| self.parameters.quantise(gradient);
        (quantise(near.d - near.b) * 9 + quantise(near.b - near.c)) * 9 + quantise(near.c - near.a)
    }

    /// One sample in regular mode (T.87 §A.4 to §A.6).
    #[inline]
    fn read_regular(&mut self, near: Neighbours, context: i32) -> Result<i32, CodecError> {
        let parameters = self.parameters;
        let sign = if context < 0 { -1 } else { 1 };
        let state = &mut self.contexts[context.unsigned_abs() as usize];
        let Neighbours { a, b, c, .. } = near;
        let edge = if c >= a.max(b) {
            a.min(b)
        } else if c <= a.min(b) {
            a.max(b)
        } else {
            a + b - c
        };
        let prediction = (edge + sign * state.correction).clamp(0, parameters.max_value);
        let k = golomb_order(state.count, state.magnitude)?;
        let mapped = self.bits.golomb(k, parameters.limit, parameters.error_bits)?;
        let mut error = if mapped & 1 == 0 { mapped >> 1 } else { -((mapped + 1) >> 1) };
        if parameters.near == 0 && k == 0 && 2 * state.bias <= -state.count {
            error = -error - 1;
        }
        if error.abs() > MAX_ERROR {
            return Err(corrupt("an error beyond all range"));
        }
        state.update(error, parameters);
        Ok(parameters.reconstruct(prediction, sign * error))
    }

    /// The length of a run, at most `rest` (T.87 §A.7.1.2).
    fn read_run_length(&mut self, rest: usize, run_index: &mut usize) -> Result<usize, CodecError> {
        let mut length = 0;
        while self.bits.take(1)? == 1 {
            let step = 1 << RUN_ORDER[*run_index];
            let taken = step.min(rest - length);
            length += taken;
            if taken == step {
                *run_index = (*run_index + 1).min(31);
            }
            if length == rest {
                return Ok(length);
            }
        }
        length += self.bits.take(RUN_ORDER[*run_index])? as usize;
        if length > rest { Err(corrupt("a run beyond the line")) } else { Ok(length) }
    }

    /// The sample that ends a run (T.87 §A.7.2). `kind` is RItype: 1 where left and above are alike.
    fn read_interruption(
        &mut self,
        a: i32,
        b: i32,
        kind: usize,
        run_index: usize,
    ) -> Result<i32, CodecError> {
        let parameters = self.parameters;
        let state = &mut self.run_contexts[kind];
        let is_alike = kind as i32;
        let k = golomb_order(state.count, state.magnitude + i64::from((state.count >> 1) * is_alike))?;
        let limit = parameters.limit - RUN_ORDER[run_index] - 1;
        let mapped = self.bits.golomb(k, limit, parameters.error_bits)?;
        let folded = mapped + is_alike;
        let odd = folded & 1 == 1;
        let size = (folded + 1) >> 1;
        if size > MAX_ERROR {
            return Err(corrupt("an error beyond all range"));
        }
        let error = if (k != 0 || 2 * state.negative >= state.count) == odd { -size } else { size };
        state.update(error, mapped, is_alike, parameters.reset);
        let (prediction, sign) = match kind {
            1 => (a, 1),
            _ => (b, if a > b { -1 } else { 1 }),
        };
        Ok(parameters.reconstruct(prediction, sign * error))
    }
}

impl Context {
    /// T.87 code segments A.12 and A.13.
    #[inline(always)]
    fn update(&mut self, error: i32, parameters: &Parameters) {
        self.bias += error * (2 * parameters.near + 1);
        self.magnitude += i64::from(error.abs());
        if self.count == parameters.reset {
            self.magnitude >>= 1;
            self.bias >>= 1;
            self.count >>= 1;
        }
        self.count += 1;
        if self.bias <= -self.count {
            self.bias = (self.bias + self.count).max(1 - self.count);
            self.correction = (self.correction - 1).max(-128);
        } else if self.bias > 0 {
            self.bias = (self.bias - self.count).min(0);
            self.correction = (self.correction + 1).min(127);
        }
    }
}

impl RunContext {
    /// T.87 code segment A.23.
    fn update(&mut self, error: i32, mapped: i32, is_alike: i32, reset: i32) {
        if error < 0 {
            self.negative += 1;
        }
        self.magnitude += i64::from((mapped + 1 - is_alike) >> 1);
        if self.count == reset {
            self.magnitude >>= 1;
            self.count >>= 1;
            self.negative >>= 1;
        }
        self.count += 1;
    }
}
