//! The shape of a chest: which tissue lies at a point.
//!
//! Coordinates are the patient's, in mm: x to the left, y to the back, z to the head; the body's axis is x = y = 0 and the
//! phantom spans z = 0..320, from the upper abdomen to the base of the neck. All shapes are analytic.

/// Length of the phantom in mm.
pub(super) const LENGTH: f64 = 320.0;
pub(super) const LUNG: f32 = -850.0;
pub(super) const AIR: f32 = -1000.0;
pub(super) const LIVER: f32 = 108.0;
const FAT: f32 = -100.0;
const MUSCLE: f32 = 55.0;
const CORTICAL: f32 = 850.0;
const MARROW: f32 = 240.0;
const CARTILAGE: f32 = 110.0;
/// Half the width and the thickness of the calibration pad.
pub(super) const PAD_HALF_WIDTH: f64 = 92.0;
pub(super) const PAD_THICKNESS: f64 = 30.0;
const PAD: f32 = 40.0;

/// The parts of a body that do not change from slice to slice.
#[derive(Debug, Clone)]
pub(super) struct Anatomy {
    /// Added to the usual thickness of fat, mm.
    extra_fat: f64,
    /// Phases of the small irregularities of the outline.
    phase: f64,
}

/// The anatomy at one height.
#[derive(Debug, Clone)]
pub(super) struct Level {
    z: f64,
    body: [f64; 2],
    cavity: [f64; 2],
    extra_fat: f64,
    phase: f64,
    pad_top: f64,
}

/// Radius of a point relative to a rounded rectangle with those semi-axes: 1 on its border.
#[inline]
fn squircle(x: f64, y: f64, axes: [f64; 2]) -> f64 {
    let (u, v) = (x / axes[0], y / axes[1]);
    let (u, v) = (u * u, v * v);
    (u * u + v * v + 1.35 * u * v).sqrt().sqrt()
}

/// Depth below the border along the ray from the centre, mm; negative outside.
#[inline]
fn depth(x: f64, y: f64, axes: [f64; 2]) -> f64 {
    let radius = squircle(x, y, axes);
    if radius < 1e-6 {
        return axes[0].min(axes[1]);
    }
    (x * x + y * y).sqrt() * (1.0 / radius - 1.0)
}

/// How far inside an ellipsoid, as `1 - q` with q = 1 on its surface.
#[inline]
fn inside(p: [f64; 3], center: [f64; 3], axes: [f64; 3]) -> f64 {
    let q: f64 = (0..3).map(|i| ((p[i] - center[i]) / axes[i]).powi(2)).sum();
    1.0 - q
}

/// 0 below `low`, 1 above `high`, smooth between.
fn ramp(value: f64, low: f64, high: f64) -> f64 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

impl Anatomy {
    /// `mass_index` in kg/m²; `phase` in radians varies the outline.
    pub(super) fn new(mass_index: f64, phase: f64) -> Self {
        Self { extra_fat: ((mass_index - 25.0) * 1.2).clamp(-6.0, 14.0), phase }
    }

    /// y of the upper face of the calibration pad, on which the patient lies.
    pub(super) fn pad_top(&self) -> f64 {
        109.0 + self.extra_fat
    }

    pub(super) fn level(&self, z: f64) -> Level {
        let shoulders = ramp(z, 225.0, 315.0);
        let body = [158.0 + self.extra_fat - 22.0 * shoulders, 108.0 + self.extra_fat - 26.0 * shoulders];
        // The dome of the thorax: full width up to z = 190, closed at 306.
        let t = ((z - 190.0) / 116.0).clamp(0.0, 1.0);
        let dome = (1.0 - t * t).max(0.0004).sqrt();
        let base = 1.0 - 0.05 * ramp(z, 150.0, 0.0);
        let cavity = [124.0 * dome * base, 76.0 * dome.sqrt() * base];
        Level { z, body, cavity, extra_fat: self.extra_fat, phase: self.phase, pad_top: self.pad_top() }
    }

    /// Whether a point is in the air-filled part of a lung.
    pub(super) fn is_lung(&self, p: [f64; 3]) -> bool {
        let level = self.level(p[2]);
        let within = depth(p[0], p[1], level.cavity);
        within > 0.0 && level.is_lung(p[0], p[1])
    }
}

impl Level {
    /// HU at a point of this level, before vessels, airways and nodules are drawn.
    #[inline]
    pub(super) fn tissue(&self, x: f64, y: f64) -> f32 {
        let wobble = 1.0 + 0.008 * (3.0 * x / self.body[0] + self.phase).sin();
        let below_skin = depth(x * wobble, y, self.body);
        // Flattened where the body rests on the pad.
        let below_skin = below_skin.min(self.pad_top - 1.0 - y + 0.5);
        if below_skin < 0.0 {
            return self.outside(x, y);
        }
        if below_skin < 2.0 {
            return 30.0;
        }
        if let Some(bone) = self.spine(x, y) {
            return bone;
        }
        let within = depth(x, y, self.cavity);
        if within > 0.0 {
            return if self.is_lung(x, y) { LUNG } else { self.organ(x, y) };
        }
        self.wall(x, y, -within, below_skin)
    }

    /// Air, the pad and the couch.
    fn outside(&self, x: f64, y: f64) -> f32 {
        let pad = y - self.pad_top;
        if (0.0..PAD_THICKNESS).contains(&pad) && x.abs() < PAD_HALF_WIDTH {
            return PAD;
        }
        // A carbon-fibre shell around foam, curved upwards at its sides.
        let couch =
            y - (self.pad_top + PAD_THICKNESS + 1.0 - x * x / 900.0 * ramp(x.abs(), 90.0, 170.0) * 0.35);
        if !(0.0..20.0).contains(&couch) || x.abs() > 174.0 {
            return AIR;
        }
        if !(2.0..=18.0).contains(&couch) || x.abs() > 172.0 { -250.0 } else { -955.0 }
    }

    /// Chest wall at `e` mm outside the pleura.
    fn wall(&self, x: f64, y: f64, e: f64, below_skin: f64) -> f32 {
        let radius = (x * x + y * y).sqrt().max(1e-6);
        let back = y / radius;
        // Sternum, with the manubrium broader above.
        let sternum_half = 15.0 + 9.0 * ramp(self.z, 225.0, 245.0);
        if y < 0.0 && (95.0..268.0).contains(&self.z) {
            let q = (x / sternum_half).powi(2) + ((e - 7.0) / 6.0).powi(2);
            if q < 1.0 {
                return if q > 0.55 { 520.0 } else { 170.0 };
            }
        }
        if e < 14.0 && self.z < 300.0 {
            // Ribs run down towards the front by 78 mm, 27 mm apart.
            let front = (1.0 - back) * 0.5;
            let along = self.z + 78.0 * front + 4.0;
            let off = along - (along / 27.0).round() * 27.0;
            let q = (off / 6.3).powi(2) + ((e - 6.0) / 3.9).powi(2);
            if q < 1.0 && front < 0.97 {
                return match () {
                    () if front > 0.86 => CARTILAGE,
                    () if q > 0.45 => CORTICAL,
                    () => MARROW,
                };
            }
            if e > 1.5 {
                return if e > 12.0 { FAT } else { MUSCLE - 8.0 };
            }
            return -40.0;
        }
        if let Some(bone) = self.scapula(x, y, e) {
            return bone;
        }
        // Back muscles beside the spine, pectoral muscles in front, a thin sheet at the sides; more of each above.
        let side = (x.abs() / radius).clamp(0.0, 1.0);
        let upper = ramp(self.z, 130.0, 250.0);
        let muscle = 6.0
            + 26.0 * ramp(back, 0.55, 0.9)
            + 20.0 * upper * ramp(-back, 0.1, 0.55) * ramp(side, 0.1, 0.35)
            + 26.0 * upper * ramp(back, -0.1, 0.35);
        if e < 14.0 + muscle && below_skin > 4.0 + (5.0 + self.extra_fat * 0.5).max(1.0) {
            // One layer of fat between the inner and the outer muscles.
            let plane = (e - 15.0 - 0.55 * muscle + 1.5 * (0.05 * x + self.phase).sin()).abs();
            return if muscle > 12.0 && plane < 0.9 { -50.0 } else { MUSCLE };
        }
        FAT
    }

    fn scapula(&self, x: f64, y: f64, e: f64) -> Option<f32> {
        if !(165.0..285.0).contains(&self.z) {
            return None;
        }
        let reach = 42.0 + 0.28 * (self.z - 165.0);
        let across = x.abs() - 62.0;
        if y < 12.0 || !(0.0..reach).contains(&across) {
            return None;
        }
        let half = 2.2 + 2.8 * ramp(across, reach - 16.0, reach);
        let off = (e - 20.5).abs();
        (off < half).then_some(if half > 3.5 && off < half - 1.6 { MARROW } else { 700.0 })
    }

    /// Vertebral body with its discs, canal, arch and processes.
    fn spine(&self, x: f64, y: f64) -> Option<f32> {
        if y < 30.0 || x.abs() > 36.0 {
            return None;
        }
        let phase = self.z.rem_euclid(26.0);
        let body = (x / 19.0).powi(2) + ((y - 54.0) / 15.5).powi(2);
        if body < 1.0 {
            let disc = phase < 5.0;
            return Some(match () {
                () if disc => {
                    if body > 0.8 {
                        120.0
                    } else {
                        75.0
                    }
                }
                () if body > 0.84 || !(6.5..=24.5).contains(&phase) => 560.0,
                () => 185.0,
            });
        }
        let canal = (x * x + (y - 78.0).powi(2)).sqrt();
        if canal < 9.0 {
            return Some(if canal < 5.5 { 40.0 } else { -20.0 });
        }
        if canal < 12.5 && phase > 6.0 {
            return Some(640.0);
        }
        let spinous = x.abs() < 3.2 && (88.0..102.0).contains(&y) && phase > 8.0;
        let transverse =
            (y - 74.0 - 0.1 * x.abs()).abs() < 4.2 && x.abs() < 33.0 && (12.0..22.0).contains(&phase);
        if spinous || transverse {
            let edge = if spinous { 3.2 - x.abs() } else { 4.2 - (y - 74.0 - 0.1 * x.abs()).abs() };
            return Some(if edge < 1.4 { 600.0 } else { 260.0 });
        }
        None
    }

    /// Within the cavity: lung rather than mediastinum or what lies below the diaphragm.
    #[inline]
    fn is_lung(&self, x: f64, y: f64) -> bool {
        let z = self.z;
        if z < self.diaphragm(x, y) {
            return false;
        }
        // Mediastinum: a middle part, the prevertebral part, and a thin sheet behind the sternum.
        let narrow = 1.0 - 0.2 * ramp(z, 215.0, 300.0);
        let middle = (x / (33.0 * narrow)).powi(2) + ((y - 4.0) / 46.0).powi(2);
        let prevertebral = (x / 27.0).powi(2) + ((y - 56.0) / 24.0).powi(2);
        let sheet = x.abs() < 4.0 + 0.06 * (y + 76.0).max(0.0) && y < 0.0;
        if middle < 1.0 || prevertebral < 1.0 || sheet {
            return false;
        }
        // The descending aorta beside the spine, and its arch above.
        if z < 215.0 && (x - 24.0).powi(2) + (y - 42.0).powi(2) < 15.5 * 15.5 {
            return false;
        }
        if inside([x, y, z], [16.0, 14.0, 212.0], [30.0, 42.0, 18.0]) > 0.0 {
            return false;
        }
        heart(x, y, z) >= 1.0
    }

    /// Height of the diaphragm: a dome below each lung.
    #[inline]
    fn diaphragm(&self, x: f64, y: f64) -> f64 {
        let (top, center) = if x < 0.0 { (72.0, -62.0) } else { (60.0, 66.0) };
        top - ((x - center).powi(2) + (y + 8.0).powi(2)) / 150.0
    }

    /// What fills the cavity where there is no lung.
    fn organ(&self, x: f64, y: f64) -> f32 {
        let z = self.z;
        let wall = heart(x, y, z);
        if wall < 1.0 {
            return chambers(x, y, z, wall);
        }
        let dome = self.diaphragm(x, y);
        if z < dome {
            return self.abdomen(x, y, dome - z);
        }
        -92.0
    }

    /// Below the diaphragm by `below` mm.
    fn abdomen(&self, x: f64, y: f64, below: f64) -> f32 {
        if below < 2.5 {
            return MUSCLE;
        }
        let p = [x, y, self.z];
        if x < 28.0 - 0.5 * (y + 10.0) && y < 58.0 && x < 40.0 {
            return LIVER;
        }
        if inside(p, [82.0, 34.0, 12.0], [30.0, 32.0, 42.0]) > 0.0 {
            return 122.0;
        }
        let stomach = inside(p, [58.0, -24.0, 8.0], [42.0, 34.0, 46.0]);
        if stomach > 0.0 {
            return match () {
                () if stomach < 0.12 => 60.0,
                () if y < -30.0 => -985.0,
                () => 18.0,
            };
        }
        FAT
    }
}

/// Position in the heart: below 1 inside the pericardium.
#[inline]
fn heart(x: f64, y: f64, z: f64) -> f64 {
    let (dx, dy, dz) = (x - 20.0, y + 22.0, z - 98.0);
    let long = 0.66 * dx - 0.5 * dy - 0.56 * dz;
    let square = dx * dx + dy * dy + dz * dz;
    long * long / (64.0 * 64.0) + (square - long * long) / (45.0 * 45.0)
}

fn chambers(x: f64, y: f64, z: f64, wall: f64) -> f32 {
    let p = [x, y, z];
    let left_ventricle = inside(p, [42.0, -24.0, 86.0], [25.0, 20.0, 30.0]);
    if left_ventricle > 0.0 {
        return 188.0;
    }
    if left_ventricle > -0.95 {
        return 105.0;
    }
    if inside(p, [4.0, -44.0, 88.0], [31.0, 15.0, 34.0]) > 0.0
        || inside(p, [-16.0, -16.0, 98.0], [15.0, 21.0, 26.0]) > 0.0
    {
        return 215.0;
    }
    if inside(p, [6.0, 8.0, 118.0], [27.0, 15.0, 19.0]) > 0.0 {
        return 196.0;
    }
    if wall > 0.9 { -75.0 } else { 92.0 }
}
