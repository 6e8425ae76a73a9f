//! A chest as sums of ellipsoids, seen by parallel rays: how much water lies in the way of each.
//!
//! Coordinates as everywhere: x to the left, y to the back, z to the head, mm; the origin is the middle of the chest.

/// Middle of the heart: on the left.
pub(super) const HEART: [f64; 3] = [24.0, -22.0, -42.0];
/// Middle of the nodule in the left upper lobe.
pub(super) const NODULE: [f64; 3] = [76.0, -8.0, 62.0];
pub(super) const NODULE_RADIUS: f64 = 11.0;

/// Where the rays go: from the back to the front, or from right to left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Frontal,
    Lateral,
}

/// A soft step: 0 below, 1 above, over `width` mm.
fn step(value: f64, width: f64) -> f64 {
    let t = (value / width + 0.5).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Length of the ray within an ellipsoid; `u` and `v` are relative to its middle, `depth` is its semi-axis along the ray.
fn chord(u: f64, v: f64, [a, c]: [f64; 2], depth: f64) -> f64 {
    2.0 * depth * (1.0 - (u / a).powi(2) - (v / c).powi(2)).max(0.0).sqrt()
}

/// mm of water along each ray, row by row; columns grow to the left of the patient (frontal) or to the back (lateral),
/// rows to the feet.
pub(super) fn project(view: View, columns: usize, rows: usize, spacing: f64) -> Vec<f32> {
    let mut out = Vec::with_capacity(columns * rows);
    for row in 0..rows {
        let z = ((rows as f64 - 1.0) / 2.0 - row as f64) * spacing;
        for column in 0..columns {
            let across = (column as f64 - (columns as f64 - 1.0) / 2.0) * spacing;
            let water = match view {
                View::Frontal => frontal(across, z),
                View::Lateral => lateral(across, z),
            };
            out.push(water.max(0.0) as f32);
        }
    }
    out
}

/// Semi-axes of the body at a height: side, depth.
fn body(z: f64) -> [f64; 2] {
    let (shoulders, neck) = (step(z - 96.0, 80.0), step(z - 160.0, 70.0));
    [154.0 + 42.0 * shoulders - 138.0 * neck, 104.0 - 44.0 * neck]
}

fn frontal(x: f64, z: f64) -> f64 {
    let [side, deep] = body(z);
    let mut water = chord(x, 0.0, [side, 1.0], deep);
    let lung = frontal_lung(x, z);
    water -= 0.78 * lung;
    let in_lung = (lung / 40.0).min(1.0);
    // The heart's long axis points to the left and down.
    let (u, v) = (x - HEART[0], z - HEART[2]);
    water += 0.6 * chord(0.83 * u - 0.56 * v, 0.56 * u + 0.83 * v, [66.0, 46.0], 48.0);
    // Mediastinum, aortic knob, trachea.
    water += 0.5 * chord(x, z - 40.0, [30.0, 150.0], 40.0);
    water += 0.5 * chord(x - 30.0, z - 72.0, [15.0, 16.0], 22.0);
    water -= 0.8 * chord(x, 0.0, [9.0, 1.0], 9.0) * step(z - 62.0, 6.0);
    water += vessels(x, z) * in_lung;
    water += 1.1 * chord(x - NODULE[0], z - NODULE[2], [NODULE_RADIUS; 2], NODULE_RADIUS);
    // Spine with its discs.
    let disc = step(z.rem_euclid(25.0) - 21.0, 2.0);
    water += (0.55 - 0.15 * disc) * chord(x, 0.0, [18.0, 1.0], 20.0);
    if z.rem_euclid(25.0) < 13.0 {
        water += 6.0 * step(2.0 - ((z.rem_euclid(25.0) - 7.0).powi(2) / 9.0 + x * x / 6.0), 1.5);
    }
    water + frontal_bones(x, z)
}

fn frontal_lung(x: f64, z: f64) -> f64 {
    let side = x.abs();
    let (top, middle) = if x < 0.0 { (-66.0, 70.0) } else { (-80.0, 74.0) };
    let apex = chord(side - middle, z + 10.0, [56.0, 150.0], 74.0);
    let dome = top - ((side - middle + 4.0) / 9.5).powi(2) * 0.9;
    apex * step(z - dome, 2.5)
}

/// Branches that fan out from each hilum, as soft streaks.
fn vessels(x: f64, z: f64) -> f64 {
    let (u, v) = (x.abs() - 34.0, z - 8.0);
    let far = (u * u + v * v).sqrt();
    let angle = v.atan2(u.max(-20.0));
    let fan = |count: f64, phase: f64| {
        let wave = (angle * count + phase + 0.5 * (far * 0.05 + phase).sin()).cos();
        (wave - 0.86).max(0.0) / 0.14
    };
    let phase = if x < 0.0 { 0.4 } else { 1.9 };
    let fade = (-far / 46.0).exp() * step(96.0 - far, 60.0) * step(far - 22.0, 28.0);
    let hilum = 16.0 * (-(u * u / 150.0 + v * v / 420.0)).exp();
    hilum + fade * (13.0 * fan(7.0, phase) + 9.0 * fan(12.0, phase * 2.0) * step(far - 24.0, 20.0))
}

/// A rib's shadow across its height: denser at the edges.
fn rib(off: f64, half: f64) -> f64 {
    let t = (off / half).abs();
    if t >= 1.0 { 0.0 } else { 4.0 + 5.0 * t * t * step(1.0 - t, 0.3) }
}

fn frontal_bones(x: f64, z: f64) -> f64 {
    let side = x.abs();
    // The rib cage narrows to its top.
    let cage = 136.0 * (1.0 - ((z + 20.0).max(0.0) / 176.0).powi(2)).max(0.0).sqrt();
    let thorax = step(cage - side, 5.0) * step(z + 120.0, 30.0);
    let fold = |along: f64| along - (along / 27.0).round() * 27.0;
    let back = rib(fold(z - 20.0 + 0.0042 * (side - 20.0).powi(2)), 5.5) * step(side - 20.0, 6.0);
    let front = rib(fold(z - 6.0 - 0.0052 * (140.0 - side).powi(2)), 6.5) * step(side - 62.0, 24.0) * 0.7;
    let line = 124.0 + 0.17 * (side - 20.0) + 5.0 * (side * 0.035).sin();
    let clavicle = rib(z - line, 6.5) * step(side - 16.0, 4.0) * step(126.0 - side, 6.0) * 1.6;
    let blade = 7.0 * step(1.0 - ((side - 128.0) / 22.0).powi(2) - ((z - 78.0) / 52.0).powi(2), 0.2);
    let head_of_arm = 0.5 * chord(side - 160.0, z - 112.0, [22.0, 24.0], 22.0);
    (back + front) * thorax + clavicle + blade + head_of_arm
}

/// `y` to the back; the arms are raised.
fn lateral(y: f64, z: f64) -> f64 {
    let [side, deep] = body(z);
    let mut water = 0.86 * chord(y, 0.0, [deep, 1.0], side);
    let dome = -72.0 - ((y + 10.0) / 8.5).powi(2) * 0.75;
    let lung = chord(y + 2.0, z + 10.0, [80.0, 148.0], 106.0);
    let aired = lung * step(z - dome, 2.5) * 0.5 + lung * step(z - dome + 13.0, 2.5) * 0.5;
    water -= 0.74 * aired;
    water += 0.62 * chord(y - HEART[1], z - HEART[2], [48.0, 50.0], 58.0) * step(z + 96.0, 30.0);
    water += 0.45 * chord(y - 8.0, z - 40.0, [24.0, 120.0], 30.0);
    water += 0.5 * chord(y - 4.0, z - 72.0, [34.0, 16.0], 16.0);
    water -= 0.9 * chord(y - 6.0, 0.0, [9.0, 1.0], 9.0) * step(z - 58.0, 6.0);
    water += 14.0 * (-(y * y / 160.0 + (z - 8.0).powi(2) / 200.0)).exp();
    water += 1.1 * chord(y - NODULE[1], z - NODULE[2], [NODULE_RADIUS; 2], NODULE_RADIUS);
    // Vertebrae behind, with bright end plates; the sternum in front.
    let curve = 66.0 - (z / 40.0).powi(2) * 0.5;
    let phase = z.rem_euclid(25.0);
    let plate = step(2.0 - (phase - 2.0).abs(), 2.0) + step(2.0 - (phase - 21.0).abs(), 2.0);
    let bone = if (2.0..21.0).contains(&phase) { 24.0 } else { 6.0 };
    water += (bone + 8.0 * plate) * step(16.0 - (y - curve).abs(), 3.0);
    water += 20.0 * step(5.0 - (y + 90.0 - 0.08 * z.abs()).abs(), 3.0) * step(100.0 - z.abs(), 20.0);
    let fold = |along: f64| along - (along / 27.0).round() * 27.0;
    let ribs = rib(fold(z + 0.55 * (60.0 - y) + 0.002 * y * y), 5.0)
        + 0.8 * rib(fold(z + 9.0 - 0.5 * (y - 60.0)), 5.0);
    water + ribs * step(84.0 - y.abs(), 10.0) * step(z + 115.0, 30.0) * step(135.0 - z, 12.0)
}
