//! Lossless JPEG against an encoder that is as plain as ITU-T T.81 Annex H.

use proptest::prelude::*;

use super::lossless::predict;
use crate::{CodecError, FrameInfo, Photometric, decode};

#[derive(Debug, Clone)]
struct Recipe {
    rows: usize,
    columns: usize,
    components: usize,
    precision: u8,
    predictor: u8,
    point_transform: u8,
    interleaved: bool,
    /// 0: none.
    lines_between_restarts: usize,
}

struct BitWriter {
    out: Vec<u8>,
    bits: u64,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, value: u32, length: u32) {
        self.bits = self.bits << length | u64::from(value);
        self.count += length;
        while self.count >= 8 {
            let byte = (self.bits >> (self.count - 8)) as u8;
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
            self.count -= 8;
        }
    }

    fn flush(&mut self) {
        if self.count > 0 {
            let missing = 8 - self.count;
            self.put((1 << missing) - 1, missing);
        }
    }
}

/// 17 categories, each with a code of 5 bits that is the category itself.
fn put_difference(writer: &mut BitWriter, difference: i32) {
    let size = 32 - difference.unsigned_abs().leading_zeros();
    if size == 16 {
        return writer.put(16, 5);
    }
    writer.put(size, 5);
    let value = if difference < 0 { difference - 1 } else { difference };
    writer.put(value as u32 & ((1 << size) - 1), size);
}

/// `samples` are interleaved by pixel, of `precision` bits.
fn encode(recipe: &Recipe, samples: &[u16]) -> Vec<u8> {
    let Recipe { rows, columns, components, precision, predictor, point_transform, .. } = *recipe;
    let segment = |out: &mut Vec<u8>, marker: u8, body: &[u8]| {
        out.extend([0xFF, marker]);
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(body);
    };
    let mut out = vec![0xFF, 0xD8];
    let mut frame = vec![precision];
    frame.extend((rows as u16).to_be_bytes());
    frame.extend((columns as u16).to_be_bytes());
    frame.push(components as u8);
    (0..components).for_each(|component| frame.extend([component as u8 + 1, 0x11, 0]));
    segment(&mut out, 0xC3, &frame);
    let mut table = vec![0, 0, 0, 0, 0, 17];
    table.extend([0; 11]);
    table.extend(0..17);
    segment(&mut out, 0xC4, &table);
    segment(&mut out, 0xDD, &((recipe.lines_between_restarts * columns) as u16).to_be_bytes());
    let scans: Vec<Vec<usize>> = if recipe.interleaved {
        vec![(0..components).collect()]
    } else {
        (0..components).map(|c| vec![c]).collect()
    };
    for scan in scans {
        let mut header = vec![scan.len() as u8];
        scan.iter().for_each(|&component| header.extend([component as u8 + 1, 0]));
        header.extend([predictor, 0, point_transform]);
        segment(&mut out, 0xDA, &header);
        let mut writer = BitWriter { out, bits: 0, count: 0 };
        let value = |row: usize, column: usize, component: usize| {
            i32::from(samples[(row * columns + column) * components + component] >> point_transform)
        };
        let mut restarts = 0u8;
        let mut first_line = true;
        for row in 0..rows {
            if recipe.lines_between_restarts > 0 && row > 0 && row % recipe.lines_between_restarts == 0 {
                writer.flush();
                writer.out.extend([0xFF, 0xD0 + restarts % 8]);
                restarts = restarts.wrapping_add(1);
                first_line = true;
            }
            for column in 0..columns {
                for &component in &scan {
                    let left = |back: usize| value(row, column - back, component);
                    let prediction = match (first_line, column) {
                        (true, 0) => 1 << (precision - point_transform - 1),
                        (true, _) => left(1),
                        (false, 0) => value(row - 1, 0, component),
                        (false, _) => predict(
                            predictor,
                            left(1),
                            value(row - 1, column, component),
                            value(row - 1, column - 1, component),
                        ),
                    };
                    // Modulo 2^16, as a number from -32767 to 32768.
                    let difference = (value(row, column, component) - prediction) as u16;
                    let signed = i32::from(difference as i16);
                    put_difference(&mut writer, if signed == -32_768 { 32_768 } else { signed });
                }
            }
            first_line = false;
        }
        writer.flush();
        out = writer.out;
    }
    out.extend([0xFF, 0xD9]);
    out
}

fn info(recipe: &Recipe) -> FrameInfo {
    let bits = u16::from(recipe.precision);
    FrameInfo {
        rows: recipe.rows as u32,
        columns: recipe.columns as u32,
        samples_per_pixel: recipe.components as u16,
        bits_allocated: if bits <= 8 { 8 } else { 16 },
        bits_stored: bits,
        high_bit: bits - 1,
        signed: false,
        photometric: if recipe.components == 1 { Photometric::Monochrome2 } else { Photometric::Rgb },
        planar_configuration: 0,
    }
}

fn round_trip(recipe: &Recipe, samples: &[u16]) {
    let encoded = encode(recipe, samples);
    let frame = decode("1.2.840.10008.1.2.4.57", &info(recipe), &encoded).expect("it decodes");
    let kept = samples.iter().map(|&sample| sample >> recipe.point_transform << recipe.point_transform);
    let expected: Vec<u8> = if recipe.precision <= 8 {
        kept.map(|sample| sample as u8).collect()
    } else {
        kept.flat_map(u16::to_le_bytes).collect()
    };
    assert_eq!(frame.pixels, expected, "{recipe:?}");
}

fn recipes() -> impl Strategy<Value = (Recipe, Vec<u16>)> {
    let shape = (1usize..9, 1usize..9, prop_oneof![Just(1usize), Just(3)], 2u8..=16);
    let coding = (1u8..=7, 0u8..4, any::<bool>(), 0usize..4);
    (shape, coding).prop_flat_map(|((rows, columns, components, precision), coding)| {
        let recipe = Recipe {
            rows,
            columns,
            components,
            precision,
            predictor: coding.0,
            point_transform: coding.1.min(precision - 1),
            interleaved: coding.2,
            lines_between_restarts: coding.3,
        };
        let top = ((1u32 << precision) - 1) as u16;
        let samples = proptest::collection::vec(0..=top, rows * columns * components);
        (Just(recipe), samples)
    })
}

proptest! {
    #[test]
    fn lossless_gives_every_bit_back((recipe, samples) in recipes()) {
        round_trip(&recipe, &samples);
    }
}

#[test]
fn the_largest_difference_is_coded_without_bits_of_its_own() {
    let recipe = Recipe {
        rows: 1,
        columns: 3,
        components: 1,
        precision: 16,
        predictor: 1,
        point_transform: 0,
        interleaved: true,
        lines_between_restarts: 0,
    };
    round_trip(&recipe, &[0, 32_768, 0]);
}

#[test]
fn signed_samples_of_fewer_bits_get_their_sign_spread() {
    let recipe = Recipe {
        rows: 1,
        columns: 2,
        components: 1,
        precision: 12,
        predictor: 1,
        point_transform: 0,
        interleaved: true,
        lines_between_restarts: 0,
    };
    let encoded = encode(&recipe, &[0xFFF, 5]);
    let signed = FrameInfo { signed: true, ..info(&recipe) };
    let frame = decode("1.2.840.10008.1.2.4.70", &signed, &encoded).expect("it decodes");
    assert_eq!(frame.pixels, [0xFF, 0xFF, 5, 0]);
}

#[test]
fn a_header_of_another_size_is_refused_before_memory_is_taken() {
    let recipe = Recipe {
        rows: 2,
        columns: 2,
        components: 1,
        precision: 8,
        predictor: 1,
        point_transform: 0,
        interleaved: true,
        lines_between_restarts: 0,
    };
    let encoded = encode(&recipe, &[1, 2, 3, 4]);
    let larger = FrameInfo { rows: 3, ..info(&recipe) };
    let result = decode("1.2.840.10008.1.2.4.57", &larger, &encoded);
    assert!(matches!(result, Err(CodecError::Mismatch { .. })), "{result:?}");

    let mut lying = encoded;
    lying[7..11].copy_from_slice(&[0xFF; 4]);
    let huge = FrameInfo { rows: 65_535, columns: 65_535, ..info(&recipe) };
    let result = decode("1.2.840.10008.1.2.4.57", &huge, &lying);
    assert!(matches!(result, Err(CodecError::TooLarge { .. } | CodecError::Corrupt { .. })), "{result:?}");
}
