//! One component's samples.

use super::marker::{Component, FrameHeader};

/// Samples of one component, padded to whole MCUs; `columns` by `rows` of them count.
pub(super) struct Plane {
    pub(super) samples: Vec<u16>,
    /// Samples from one row to the next.
    pub(super) stride: usize,
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) h: u32,
    pub(super) v: u32,
}

impl Plane {
    fn sized(component: &Component, stride: usize, padded_rows: usize) -> Self {
        Self {
            samples: vec![0; stride * padded_rows],
            stride,
            columns: component.columns as usize,
            rows: component.rows as usize,
            h: component.h,
            v: component.v,
        }
    }

    /// Room for blocks of 8 by 8.
    pub(super) fn of_blocks(component: &Component, frame: &FrameHeader) -> Self {
        let (across, down) = blocks(component, frame);
        Self::sized(component, across * 8, down * 8)
    }

    /// Room for the samples alone.
    pub(super) fn of_samples(component: &Component) -> Self {
        Self::sized(component, component.columns as usize, component.rows as usize)
    }
}

/// Blocks across and down, padded to whole MCUs.
pub(super) fn blocks(component: &Component, frame: &FrameHeader) -> (usize, usize) {
    let (across, down) = mcus(frame);
    (across * component.h as usize, down * component.v as usize)
}

/// MCUs across and down in an interleaved scan.
pub(super) fn mcus(frame: &FrameHeader) -> (usize, usize) {
    (frame.columns.div_ceil(8 * frame.h_max) as usize, frame.rows.div_ceil(8 * frame.v_max) as usize)
}
