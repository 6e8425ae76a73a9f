//! One slice being drawn: tissue first, then tubes and spheres blended in by coverage, then the point spread.

use super::pixels::blur;
use super::tubes::Tube;

/// Width and height of the image, mm.
pub(super) const FIELD: f64 = 360.0;
/// y of the image's middle: the couch is in the picture too.
const MIDDLE_Y: f64 = 22.0;

/// Patient coordinates of the centre of voxel (0, 0, 0).
pub(super) fn origin(spacing: [f64; 3]) -> [f64; 3] {
    [spacing[0] / 2.0 - FIELD / 2.0, spacing[1] / 2.0 - FIELD / 2.0 + MIDDLE_Y, spacing[2] / 2.0]
}

pub(super) fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

/// One slice under construction, in HU.
pub(super) struct Canvas {
    pub(super) hu: Vec<f32>,
    columns: usize,
    rows: usize,
    spacing: [f64; 3],
    origin: [f64; 3],
    z: f64,
}

impl Canvas {
    pub(super) fn new(size: [usize; 3], spacing: [f64; 3], z: f64) -> Self {
        let [columns, rows, _] = size;
        Self { hu: vec![0.0; columns * rows], columns, rows, spacing, origin: origin(spacing), z }
    }

    pub(super) fn fill(&mut self, tissue: impl Fn(f64, f64) -> f32) {
        for (row, line) in self.hu.chunks_exact_mut(self.columns).enumerate() {
            let y = self.origin[1] + row as f64 * self.spacing[1];
            for (column, value) in line.iter_mut().enumerate() {
                *value = tissue(self.origin[0] + column as f64 * self.spacing[0], y);
            }
        }
    }

    /// Columns or rows whose centres lie within `low..=high` mm, grown by one.
    fn span(&self, axis: usize, low: f64, high: f64) -> std::ops::Range<usize> {
        let count = if axis == 0 { self.columns } else { self.rows };
        let index = |mm: f64| ((mm - self.origin[axis]) / self.spacing[axis]).clamp(-1.0, count as f64);
        let first = (index(low).floor() as i64 - 1).max(0) as usize;
        let last = (index(high).ceil() as i64 + 2).clamp(0, count as i64) as usize;
        first.min(last)..last
    }

    /// Blends a tube into what is there, with the coverage of each voxel from its distance. `over_lung` tubes are drawn
    /// everywhere, the others only over solid tissue.
    pub(super) fn draw_tube(&mut self, tube: &Tube, over_lung: bool) {
        let reach = tube.reach() + self.spacing[0];
        if self.z < tube.a[2].min(tube.b[2]) - reach || self.z > tube.a[2].max(tube.b[2]) + reach {
            return;
        }
        let columns = self.span(0, tube.a[0].min(tube.b[0]) - reach, tube.a[0].max(tube.b[0]) + reach);
        let softness = 1.0 / self.spacing[0];
        for row in self.span(1, tube.a[1].min(tube.b[1]) - reach, tube.a[1].max(tube.b[1]) + reach) {
            let y = self.origin[1] + row as f64 * self.spacing[1];
            for column in columns.clone() {
                let x = self.origin[0] + column as f64 * self.spacing[0];
                let coverage = (0.5_f64 - tube.distance([x, y, self.z]) * softness).clamp(0.0, 1.0) as f32;
                let value = &mut self.hu[row * self.columns + column];
                if coverage > 0.0 && (over_lung || *value > -200.0) {
                    *value += (tube.hu - *value) * coverage;
                }
            }
        }
    }

    /// Blends a sphere in, exactly: voxels at its surface are sampled 6 x 6 x 6 times.
    pub(super) fn draw_ball(&mut self, center: [f64; 3], radius: f64, hu: f32) {
        const SAMPLES: i32 = 6;
        if (self.z - center[2]).abs() > radius + self.spacing[2] {
            return;
        }
        let half_diagonal = distance(self.spacing, [0.0; 3]) / 2.0;
        let columns = self.span(0, center[0] - radius, center[0] + radius);
        let offset = |sample: i32| (f64::from(sample) + 0.5) / f64::from(SAMPLES) - 0.5;
        for row in self.span(1, center[1] - radius, center[1] + radius) {
            for column in columns.clone() {
                let p = [
                    self.origin[0] + column as f64 * self.spacing[0],
                    self.origin[1] + row as f64 * self.spacing[1],
                    self.z,
                ];
                let from = distance(p, center);
                let coverage = if from + half_diagonal <= radius {
                    1.0
                } else if from - half_diagonal >= radius {
                    continue;
                } else {
                    let mut hits = 0;
                    for index in 0..SAMPLES * SAMPLES * SAMPLES {
                        let steps = [index % SAMPLES, index / SAMPLES % SAMPLES, index / (SAMPLES * SAMPLES)];
                        let point = std::array::from_fn(|i| p[i] + offset(steps[i]) * self.spacing[i]);
                        hits += i32::from(distance(point, center) <= radius);
                    }
                    hits as f32 / (SAMPLES * SAMPLES * SAMPLES) as f32
                };
                let value = &mut self.hu[row * self.columns + column];
                *value += (hu - *value) * coverage;
            }
        }
    }

    /// The scanner's point spread: [1 2 1] / 4 along rows and columns. It keeps sums, and so volumes.
    pub(super) fn blur(&mut self) {
        blur(&mut self.hu, self.columns);
    }
}
