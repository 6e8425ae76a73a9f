//! Progressive DCT scans (ITU-T T.81 Annex G): coefficients are gathered over all scans and transformed at the end.

use super::huffman::{BitReader, Table};
use super::marker::{FrameHeader, ScanHeader, Tables, ZIGZAG};
use super::plane::{Plane, blocks};
use super::sequential::scan_units;
use super::{corrupt, dct};
use crate::CodecError;

/// Quantised coefficients of one component, block by block in natural order.
pub(super) struct Coefficients {
    blocks: Vec<[i16; 64]>,
    across: usize,
    /// Latched at the component's first scan (a later DQT may reuse the number).
    quantisation: Option<[u16; 64]>,
}

impl Coefficients {
    pub(super) fn for_frame(frame: &FrameHeader) -> Vec<Self> {
        let empty = |component| {
            let (across, down) = blocks(component, frame);
            Self { blocks: vec![[0; 64]; across * down], across, quantisation: None }
        };
        frame.components.iter().map(empty).collect()
    }

    /// The samples, once all scans are read.
    pub(super) fn transform(&self, plane: &mut Plane, precision: u8) -> Result<(), CodecError> {
        let Some(table) = &self.quantisation else {
            return Err(corrupt("a component that no scan brings"));
        };
        for (index, block) in self.blocks.iter().enumerate() {
            let start = index / self.across * 8 * plane.stride + index % self.across * 8;
            dct::inverse(block, table, precision, &mut plane.samples[start..], plane.stride);
        }
        Ok(())
    }
}

/// Adds one scan to the coefficients.
pub(super) fn decode_scan(
    bits: &mut BitReader,
    frame: &FrameHeader,
    scan: &ScanHeader,
    tables: &Tables,
    coefficients: &mut [Coefficients],
) -> Result<(), CodecError> {
    let dc_scan = scan.start == 0;
    let band = usize::from(scan.start)..=usize::from(scan.end);
    if scan.start > scan.end
        || scan.end > 63
        || scan.low > 13
        || (dc_scan && scan.end != 0)
        || (!dc_scan && scan.components.len() != 1)
    {
        return Err(corrupt("a progressive scan of an impossible band"));
    }
    for part in &scan.components {
        let number = frame.components[part.index].quantisation;
        let latched = &mut coefficients[part.index].quantisation;
        if latched.is_none() {
            *latched = tables.quantisation[number];
        }
    }
    let (across, down) = scan_units(frame, scan);
    let alone = scan.components.len() == 1;
    let mut predictions = [0i32; 4];
    let mut end_of_band_run = 0u32;
    let mut until_restart = tables.restart_interval;
    for unit_row in 0..down {
        for unit_column in 0..across {
            if tables.restart_interval > 0 {
                if until_restart == 0 {
                    bits.restart()?;
                    predictions = [0; 4];
                    end_of_band_run = 0;
                    until_restart = tables.restart_interval;
                }
                until_restart -= 1;
            }
            for part in &scan.components {
                let component = &frame.components[part.index];
                let (h, v) = if alone { (1, 1) } else { (component.h as usize, component.v as usize) };
                let target = &mut coefficients[part.index];
                for unit in 0..h * v {
                    let row = unit_row * v + unit / h;
                    let column = unit_column * h + unit % h;
                    let block = &mut target.blocks[row * target.across + column];
                    if dc_scan {
                        let prediction = &mut predictions[part.index];
                        read_dc(bits, scan, tables.dc[part.dc].as_ref(), prediction, block)?;
                        continue;
                    }
                    let table =
                        tables.ac[part.ac].as_ref().ok_or_else(|| corrupt("a scan without its tables"))?;
                    if scan.high == 0 {
                        read_ac(bits, table, band.clone(), scan.low, &mut end_of_band_run, block)?;
                    } else {
                        refine_ac(bits, table, band.clone(), scan.low, &mut end_of_band_run, block)?;
                    }
                }
            }
        }
        bits.check()?;
    }
    Ok(())
}

/// First and refining DC scans (T.81 §G.1.2.1).
fn read_dc(
    bits: &mut BitReader,
    scan: &ScanHeader,
    table: Option<&Table>,
    prediction: &mut i32,
    block: &mut [i16; 64],
) -> Result<(), CodecError> {
    if scan.high != 0 {
        block[0] |= (bits.take(1) << scan.low) as i16;
        return Ok(());
    }
    let table = table.ok_or_else(|| corrupt("a scan without its tables"))?;
    let size = bits.symbol(table)?;
    if size > 15 {
        return Err(corrupt("a DC difference of more than 15 bits"));
    }
    *prediction = prediction.wrapping_add(bits.signed(u32::from(size)));
    block[0] = (*prediction << scan.low) as i16;
    Ok(())
}

/// First AC scan of a band (T.81 §G.1.2.2).
fn read_ac(
    bits: &mut BitReader,
    table: &Table,
    band: std::ops::RangeInclusive<usize>,
    low: u8,
    end_of_band_run: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), CodecError> {
    if *end_of_band_run > 0 {
        *end_of_band_run -= 1;
        return Ok(());
    }
    let (mut position, end) = (*band.start(), *band.end());
    while position <= end {
        let symbol = bits.symbol(table)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                *end_of_band_run = (1 << run) - 1 + bits.take(run) as u32;
                break;
            }
            position += 16;
            continue;
        }
        position += run as usize;
        if position > end {
            return Err(corrupt("a band of too many coefficients"));
        }
        block[usize::from(ZIGZAG[position])] = (bits.signed(size) << low) as i16;
        position += 1;
    }
    Ok(())
}

/// Refining AC scan of a band (T.81 §G.1.2.3): new coefficients of one bit, and one more bit for each that is known.
fn refine_ac(
    bits: &mut BitReader,
    table: &Table,
    band: std::ops::RangeInclusive<usize>,
    low: u8,
    end_of_band_run: &mut u32,
    block: &mut [i16; 64],
) -> Result<(), CodecError> {
    let bit = 1i16 << low;
    let (mut position, end) = (*band.start(), *band.end());
    if *end_of_band_run == 0 {
        while position <= end {
            let symbol = bits.symbol(table)?;
            let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
            let mut fresh = 0i16;
            match size {
                0 if zeros < 15 => {
                    *end_of_band_run = (1 << zeros) + bits.take(zeros) as u32;
                    break;
                }
                0 => {}
                1 => fresh = if bits.take(1) == 1 { bit } else { -bit },
                _ => return Err(corrupt("a refinement of more than one bit")),
            }
            while position <= end {
                let value = &mut block[usize::from(ZIGZAG[position])];
                position += 1;
                if *value != 0 {
                    refine(bits, value, bit);
                } else if zeros == 0 {
                    *value = fresh;
                    break;
                } else {
                    zeros -= 1;
                }
            }
        }
    }
    if *end_of_band_run > 0 {
        for &natural in &ZIGZAG[position.min(end + 1)..=end] {
            let value = &mut block[usize::from(natural)];
            if *value != 0 {
                refine(bits, value, bit);
            }
        }
        *end_of_band_run -= 1;
    }
    Ok(())
}

fn refine(bits: &mut BitReader, value: &mut i16, bit: i16) {
    if bits.take(1) == 1 && *value & bit == 0 {
        *value = if *value > 0 { value.wrapping_add(bit) } else { value.wrapping_sub(bit) };
    }
}
