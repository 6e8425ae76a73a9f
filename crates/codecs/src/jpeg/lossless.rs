//! Lossless scans (ITU-T T.81 Annex H): a predictor of the neighbours plus a Huffman-coded difference, modulo 2^16.

use super::corrupt;
use super::huffman::{BitReader, Table};
use super::marker::{FrameHeader, ScanHeader, Tables};
use super::plane::Plane;
use crate::CodecError;

struct Lane<'a> {
    index: usize,
    table: &'a Table,
}

/// Decodes one scan into its components' planes.
pub(super) fn decode_scan(
    bits: &mut BitReader,
    frame: &FrameHeader,
    scan: &ScanHeader,
    tables: &Tables,
    planes: &mut [Plane],
) -> Result<(), CodecError> {
    let (predictor, point_transform) = (scan.start, u32::from(scan.low));
    if !(1..=7).contains(&predictor) || point_transform >= u32::from(frame.precision) {
        return Err(corrupt(format!("predictor {predictor}, point transform {point_transform}")));
    }
    let mut lanes = Vec::with_capacity(scan.components.len());
    for part in &scan.components {
        let component = &frame.components[part.index];
        if (component.h, component.v) != (frame.h_max, frame.v_max)
            || (scan.components.len() > 1 && (component.h, component.v) != (1, 1))
        {
            return Err(CodecError::unsupported(super::CODEC, "subsampled components in lossless"));
        }
        let table = tables.dc[part.dc].as_ref().ok_or_else(|| corrupt("a scan without its tables"))?;
        lanes.push(Lane { index: part.index, table });
    }
    let (columns, rows) = (frame.columns as usize, frame.rows as usize);
    let interval = tables.restart_interval as usize;
    if !interval.is_multiple_of(columns) {
        return Err(corrupt("a restart interval that is not whole lines"));
    }
    let lines_between = interval / columns;
    let origin = 1u16 << (u32::from(frame.precision) - point_transform - 1);
    let mut first_line = true;
    for row in 0..rows {
        if lines_between > 0 && row > 0 && row % lines_between == 0 {
            bits.restart()?;
            first_line = true;
        }
        if let [lane] = lanes.as_slice() {
            let plane = &mut planes[lane.index];
            let (above, line) = split_lines(plane, row);
            read_line(
                bits,
                lane.table,
                if first_line { None } else { Some(above) },
                line,
                predictor,
                origin,
            )?;
        } else {
            for column in 0..columns {
                for lane in &lanes {
                    let (above, line) = split_lines(&mut planes[lane.index], row);
                    let above = if first_line { None } else { Some(above) };
                    read_sample(bits, lane.table, above, line, column, predictor, origin)?;
                }
            }
        }
        first_line = false;
        bits.check()?;
    }
    if point_transform > 0 {
        for lane in &lanes {
            planes[lane.index].samples.iter_mut().for_each(|sample| *sample <<= point_transform);
        }
    }
    Ok(())
}

/// The line above (empty for row 0) and the line itself.
fn split_lines(plane: &mut Plane, row: usize) -> (&[u16], &mut [u16]) {
    let (before, rest) = plane.samples.split_at_mut(row * plane.stride);
    let above = &before[before.len().saturating_sub(plane.stride)..];
    (above, &mut rest[..plane.stride])
}

fn read_line(
    bits: &mut BitReader,
    table: &Table,
    above: Option<&[u16]>,
    line: &mut [u16],
    predictor: u8,
    origin: u16,
) -> Result<(), CodecError> {
    for column in 0..line.len() {
        read_sample(bits, table, above, line, column, predictor, origin)?;
    }
    Ok(())
}

#[inline(always)]
fn read_sample(
    bits: &mut BitReader,
    table: &Table,
    above: Option<&[u16]>,
    line: &mut [u16],
    column: usize,
    predictor: u8,
    origin: u16,
) -> Result<(), CodecError> {
    let difference = match bits.symbol(table)? {
        16 => 32_768,
        size @ 0..=15 => bits.signed(u32::from(size)),
        _ => return Err(corrupt("a difference of more than 16 bits")),
    };
    let prediction = match (above, column) {
        (None, 0) => i32::from(origin),
        (None, _) => i32::from(line[column - 1]),
        (Some(above), 0) => i32::from(above[0]),
        (Some(above), _) => predict(
            predictor,
            i32::from(line[column - 1]),
            i32::from(above[column]),
            i32::from(above[column - 1]),
        ),
    };
    line[column] = (prediction + difference) as u16;
    Ok(())
}

/// T.81 table H.1: `a` to the left, `b` above, `c` above left.
#[inline(always)]
pub(super) fn predict(predictor: u8, a: i32, b: i32, c: i32) -> i32 {
    match predictor {
        1 => a,
        2 => b,
        3 => c,
        4 => a + b - c,
        5 => a + ((b - c) >> 1),
        6 => b + ((a - c) >> 1),
        _ => (a + b) >> 1,
    }
}
