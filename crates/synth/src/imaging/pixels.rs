//! What the writers of flat images share.

use super::part10::DataSet;

/// Image Pixel module (PS3.3 §C.7.6.3) of unsigned pixels; `size` is columns and rows, `bits` allocated and stored.
pub(super) fn pixel_module(
    set: &mut DataSet,
    photometric: &str,
    samples: u16,
    size: [u16; 2],
    bits: [u16; 2],
) {
    let [columns, rows] = size;
    let [allocated, stored] = bits;
    set.shorts(0x0028_0002, &[samples]);
    set.text(0x0028_0004, b"CS", photometric);
    set.shorts(0x0028_0010, &[rows]);
    set.shorts(0x0028_0011, &[columns]);
    set.shorts(0x0028_0100, &[allocated]);
    set.shorts(0x0028_0101, &[stored]);
    set.shorts(0x0028_0102, &[stored - 1]);
    set.shorts(0x0028_0103, &[0]);
    set.text(0x0028_2110, b"CS", "00");
}

/// 1 within an ellipse, 0 outside, with a soft edge.
pub(super) fn ellipse(x: f64, y: f64, center: [f64; 2], axes: [f64; 2]) -> f64 {
    let (u, v) = ((x - center[0]) / axes[0], (y - center[1]) / axes[1]);
    ((1.0 - (u * u + v * v).sqrt()) * 12.0 + 0.5).clamp(0.0, 1.0)
}

/// [1 2 1] / 4 along rows and columns: it keeps sums, but for the border's. At least one row and two columns.
pub(super) fn blur(values: &mut [f32], columns: usize) {
    let rows = values.len() / columns;
    let mut line = vec![0.0_f32; columns];
    for row in values.chunks_exact_mut(columns) {
        line.copy_from_slice(row);
        for column in 1..columns - 1 {
            row[column] = (line[column - 1] + 2.0 * line[column] + line[column + 1]) * 0.25;
        }
    }
    let mut above = values[..columns].to_vec();
    for row in 1..rows - 1 {
        let (before, after) = values.split_at_mut((row + 1) * columns);
        let current = &mut before[row * columns..];
        line.copy_from_slice(current);
        for column in 0..columns {
            current[column] = (above[column] + 2.0 * line[column] + after[column]) * 0.25;
        }
        std::mem::swap(&mut above, &mut line);
    }
}
