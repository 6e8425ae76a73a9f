//! Subsampled components to full size.
//!
//! 2:1 across, and 2:1 both ways, by the triangle filter (3/4 of the nearer sample, 1/4 of the farther) with alternating rounding; other ratios by repetition.

use super::marker::FrameHeader;
use super::plane::Plane;

/// `columns * rows` samples of the whole frame.
pub(super) fn to_full(plane: Plane, frame: &FrameHeader) -> Vec<u16> {
    let (columns, rows) = (frame.columns as usize, frame.rows as usize);
    let (across, down) = (frame.h_max / plane.h, frame.v_max / plane.v);
    let whole = frame.h_max.is_multiple_of(plane.h) && frame.v_max.is_multiple_of(plane.v);
    match (across, down) {
        (1, 1) if whole => crop(plane, columns, rows),
        (2, 1) if whole && plane.columns > 2 => {
            let mut out = Vec::with_capacity(columns * rows);
            for row in 0..rows {
                double(&line(&plane, row, row), 1, columns, &mut out);
            }
            out
        }
        (2, 2) if whole && plane.columns > 2 => {
            let mut out = Vec::with_capacity(columns * rows);
            for row in 0..rows {
                let near = row / 2;
                let far = if row % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(plane.rows - 1) };
                double(&line(&plane, near, far), 4, columns, &mut out);
            }
            out
        }
        (1, 2) if whole => {
            let mut out = Vec::with_capacity(columns * rows);
            for row in 0..rows {
                let near = row / 2;
                let (far, bias) = if row % 2 == 0 {
                    (near.saturating_sub(1), 1)
                } else {
                    ((near + 1).min(plane.rows - 1), 2)
                };
                let sums = line(&plane, near, far);
                out.extend(sums[..columns].iter().map(|&sum| ((sum + bias) >> 2) as u16));
            }
            out
        }
        _ => repeat(&plane, frame),
    }
}

fn crop(plane: Plane, columns: usize, rows: usize) -> Vec<u16> {
    if plane.stride == columns {
        let mut samples = plane.samples;
        samples.truncate(columns * rows);
        return samples;
    }
    plane.samples.chunks_exact(plane.stride).take(rows).flat_map(|row| &row[..columns]).copied().collect()
}

/// One line of sums `3 near + far`: four times the sample where both are the same line.
fn line(plane: &Plane, near: usize, far: usize) -> Vec<u32> {
    let row = |index: usize| &plane.samples[index * plane.stride..][..plane.columns];
    row(near).iter().zip(row(far)).map(|(&near, &far)| 3 * u32::from(near) + u32::from(far)).collect()
}

/// Doubles a line of sums across. `unit` is 4 where the sums are of two lines, 1 where they are of one.
fn double(sums: &[u32], unit: u32, columns: usize, out: &mut Vec<u16>) {
    let start = out.len();
    let last = sums.len() - 1;
    // Rounding alternates so that no bias builds up: 8/16 and 7/16 for two lines, 1/4 and 2/4 for one.
    let (left_bias, right_bias, shift) = if unit == 4 { (8, 7, 4) } else { (1, 2, 2) };
    let plain = |value: u32| if unit == 4 { value } else { value / 4 };
    for (index, &sum) in sums.iter().enumerate() {
        let here = plain(sum);
        let left = if index == 0 { None } else { Some(plain(sums[index - 1])) };
        let right = if index == last { None } else { Some(plain(sums[index + 1])) };
        out.push(((3 * here + left.unwrap_or(here) + left_bias) >> shift) as u16);
        out.push(((3 * here + right.unwrap_or(here) + right_bias) >> shift) as u16);
    }
    out.truncate(start + columns);
}

fn repeat(plane: &Plane, frame: &FrameHeader) -> Vec<u16> {
    let mut out = Vec::with_capacity(frame.columns as usize * frame.rows as usize);
    for row in 0..frame.rows {
        let source = (row * plane.v / frame.v_max) as usize * plane.stride;
        out.extend(
            (0..frame.columns)
                .map(|column| plane.samples[source + (column * plane.h / frame.h_max) as usize]),
        );
    }
    out
}
