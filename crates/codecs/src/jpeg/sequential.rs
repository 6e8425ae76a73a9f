//! Sequential DCT scans, baseline and extended (ITU-T T.81 Annex F).

use super::huffman::{BitReader, Table};
use super::marker::{FrameHeader, ScanHeader, Tables, ZIGZAG};
use super::plane::{Plane, mcus};
use super::{corrupt, dct};
use crate::CodecError;

/// One component of the scan with all that its blocks need.
struct Lane<'a> {
    index: usize,
    dc: &'a Table,
    ac: &'a Table,
    quantisation: &'a [u16; 64],
    /// Blocks of this component in one MCU.
    h: usize,
    v: usize,
    prediction: i32,
}

/// Decodes one scan into its components' planes.
pub(super) fn decode_scan(
    bits: &mut BitReader,
    frame: &FrameHeader,
    scan: &ScanHeader,
    tables: &Tables,
    planes: &mut [Plane],
) -> Result<(), CodecError> {
    let mut lanes = lanes(frame, scan, tables)?;
    let (across, down) = scan_units(frame, scan);
    let mut until_restart = tables.restart_interval;
    for mcu_row in 0..down {
        for mcu_column in 0..across {
            if tables.restart_interval > 0 {
                if until_restart == 0 {
                    bits.restart()?;
                    lanes.iter_mut().for_each(|lane| lane.prediction = 0);
                    until_restart = tables.restart_interval;
                }
                until_restart -= 1;
            }
            for lane in &mut lanes {
                for unit in 0..lane.h * lane.v {
                    let block_row = mcu_row * lane.v + unit / lane.h;
                    let block_column = mcu_column * lane.h + unit % lane.h;
                    let coefficients = read_block(bits, lane)?;
                    let plane = &mut planes[lane.index];
                    let start = block_row * 8 * plane.stride + block_column * 8;
                    let stride = plane.stride;
                    dct::inverse(
                        &coefficients,
                        lane.quantisation,
                        frame.precision,
                        &mut plane.samples[start..],
                        stride,
                    );
                }
            }
        }
        bits.check()?;
    }
    Ok(())
}

/// MCUs across and down: of all components, or of the one component's own blocks (T.81 §A.2).
pub(super) fn scan_units(frame: &FrameHeader, scan: &ScanHeader) -> (usize, usize) {
    match scan.components.as_slice() {
        [only] => {
            let component = &frame.components[only.index];
            (component.columns.div_ceil(8) as usize, component.rows.div_ceil(8) as usize)
        }
        _ => mcus(frame),
    }
}

fn lanes<'a>(
    frame: &FrameHeader,
    scan: &ScanHeader,
    tables: &'a Tables,
) -> Result<Vec<Lane<'a>>, CodecError> {
    let alone = scan.components.len() == 1;
    scan.components
        .iter()
        .map(|part| {
            let component = &frame.components[part.index];
            let missing = || corrupt("a scan without its tables");
            Ok(Lane {
                index: part.index,
                dc: tables.dc[part.dc].as_ref().ok_or_else(missing)?,
                ac: tables.ac[part.ac].as_ref().ok_or_else(missing)?,
                quantisation: tables.quantisation[component.quantisation].as_ref().ok_or_else(missing)?,
                h: if alone { 1 } else { component.h as usize },
                v: if alone { 1 } else { component.v as usize },
                prediction: 0,
            })
        })
        .collect()
}

/// One block of quantised coefficients in natural order (T.81 §F.2.2).
fn read_block(bits: &mut BitReader, lane: &mut Lane) -> Result<[i16; 64], CodecError> {
    let mut block = [0i16; 64];
    let size = bits.symbol(lane.dc)?;
    if size > 15 {
        return Err(corrupt("a DC difference of more than 15 bits"));
    }
    lane.prediction = lane.prediction.wrapping_add(bits.signed(u32::from(size)));
    block[0] = lane.prediction as i16;
    let mut position = 1usize;
    while position < 64 {
        let symbol = bits.symbol(lane.ac)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                break;
            }
            position += 16;
            continue;
        }
        position += run;
        let Some(&natural) = ZIGZAG.get(position) else {
            return Err(corrupt("a block of more than 64 coefficients"));
        };
        block[usize::from(natural)] = bits.signed(size) as i16;
        position += 1;
    }
    Ok(block)
}
