//! The shape of a head: which tissue lies at a point.
//!
//! Coordinates are the patient's, in mm: x to the left, y to the back, z to the head; the origin lies between the ears.
//! The head is the same on both sides but for a lesion in the left hemisphere and a capsule stuck to the left temple.

/// Middle of the lesion in the left frontal lobe: x is positive.
pub(super) const LESION: [f64; 3] = [31.0, -16.0, 30.0];
pub(super) const LESION_RADIUS: f64 = 12.0;
const OEDEMA_RADIUS: f64 = 20.0;
/// The oil capsule on the left temple.
pub(super) const FIDUCIAL: [f64; 3] = [80.0, -10.0, 18.0];
pub(super) const FIDUCIAL_RADIUS: f64 = 6.0;

/// What gives signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tissue {
    Air,
    Fat,
    Muscle,
    Bone,
    Marrow,
    Fluid,
    Grey,
    White,
    Oedema,
    Lesion,
    Capsule,
}

/// 1 on the surface of an ellipsoid, less inside.
#[inline]
fn radius(p: [f64; 3], center: [f64; 3], axes: [f64; 3]) -> f64 {
    (0..3).map(|i| ((p[i] - center[i]) / axes[i]).powi(2)).sum::<f64>().sqrt()
}

fn within(p: [f64; 3], center: [f64; 3], axes: [f64; 3]) -> bool {
    radius(p, center, axes) < 1.0
}

/// The same with x mirrored: shapes that come in pairs.
fn beside(p: [f64; 3], center: [f64; 3], axes: [f64; 3]) -> bool {
    within([p[0].abs(), p[1], p[2]], center, axes)
}

/// The tissue at a point.
pub(super) fn tissue(p: [f64; 3]) -> Tissue {
    if within(p, FIDUCIAL, [FIDUCIAL_RADIUS; 3]) {
        return Tissue::Capsule;
    }
    let middle = [0.0, 0.0, 5.0];
    let scalp = radius(p, middle, [76.0, 96.0, 104.0]);
    if scalp < 1.0 && p[2] > base(p[1]) - 3.0 {
        return vault(p, scalp);
    }
    face_and_neck(p, scalp)
}

/// Height of the skull's floor: it slopes down to the back, and is lowest under the cerebellum.
fn base(y: f64) -> f64 {
    if y < 12.0 { -22.0 - 0.2 * (y + 80.0) } else { -62.0 + 0.15 * (y - 44.0).abs() }
}

fn vault(p: [f64; 3], scalp: f64) -> Tissue {
    let middle = [0.0, 0.0, 5.0];
    let skull = radius(p, middle, [70.5, 90.5, 98.5]);
    if skull > 1.0 {
        return if p[2] < 25.0 && p[1].abs() < 60.0 && scalp < 0.97 { Tissue::Muscle } else { Tissue::Fat };
    }
    let inner = radius(p, middle, [64.0, 84.0, 92.0]);
    if inner > 1.0 || p[2] < base(p[1]) {
        let spongy = (skull - inner).abs() > 0.0 && inner > 1.03 && skull < 0.975;
        return if spongy { Tissue::Marrow } else { Tissue::Bone };
    }
    if p[2] < -14.0 && p[1] > 8.0 {
        return posterior_fossa(p);
    }
    cerebrum(p)
}

fn posterior_fossa(p: [f64; 3]) -> Tissue {
    let [x, y, z] = p;
    if within(p, [0.0, 30.0, -40.0], [6.0, 5.0, 9.0]) {
        return Tissue::Fluid;
    }
    if (x / 14.0).powi(2) + ((y - 17.0) / 12.0).powi(2) < 1.0 {
        return Tissue::White;
    }
    let cerebellum = radius(p, [0.0, 44.0, -39.0], [50.0, 31.0, 22.0]);
    if cerebellum > 1.0 {
        return Tissue::Fluid;
    }
    // Leaves of the cerebellum.
    let leaf = (0.9 * z + 0.25 * y + 0.02 * x * x.abs().sqrt()).sin();
    if cerebellum > 0.45 && leaf > 0.1 || cerebellum > 0.92 { Tissue::Grey } else { Tissue::White }
}

fn cerebrum(p: [f64; 3]) -> Tissue {
    let [x, y, z] = p;
    if within(p, LESION, [LESION_RADIUS; 3]) {
        return Tissue::Lesion;
    }
    let ventricles = beside(p, [10.0, -8.0, 17.0], [7.5, 30.0, 8.0])
        || beside(p, [21.0, 32.0, 8.0], [7.0, 22.0, 8.0])
        || within(p, [0.0, 4.0, 2.0], [2.4, 13.0, 10.0]);
    if ventricles && x.abs() > 1.2 || x.abs() < 2.4 && ventricles && z < 10.0 {
        return Tissue::Fluid;
    }
    let deep =
        beside(p, [11.0, 9.0, 4.0], [8.5, 14.0, 9.0]) || beside(p, [23.0, -8.0, 4.0], [7.0, 17.0, 10.0]);
    if deep {
        return Tissue::Grey;
    }
    let callosum = x.abs() < 14.0 && within(p, [0.0, -6.0, 17.0], [20.0, 36.0, 13.0]);
    if !callosum && x.abs() < 1.4 && radius(p, [0.0, -6.0, 5.0], [10.0, 44.0, 20.0]) > 1.0 {
        return Tissue::Fluid;
    }
    // Sulci run in from the surface along three crossing waves; both hemispheres have the same.
    let side = x.abs();
    let wave = (0.21 * y + 1.9 * (0.075 * z).sin()).sin()
        + (0.19 * z + 1.6 * (0.08 * y).cos() + 0.05 * side).sin()
        + 0.5 * (0.3 * side + 0.1 * y).sin();
    let surface = radius(p, [0.0, 0.0, 5.0], [62.0, 82.0, 89.0]);
    let sylvian = (z - 2.0 + 0.25 * (y + 10.0)).abs() < 1.8 && side > 38.0 && y.abs() < 34.0;
    let depth = 1.0 - surface;
    if depth < 0.0 || sylvian || depth < 0.17 && wave.abs() < 0.16 {
        return Tissue::Fluid;
    }
    if depth < 0.055 || depth < 0.22 && wave.abs() < 0.62 || sylvian_border(p) || x.abs() < 4.0 && !callosum {
        return Tissue::Grey;
    }
    let wobble = 1.0 + 0.12 * (0.35 * y).sin() * (0.3 * z).cos();
    if within(p, LESION, [OEDEMA_RADIUS * wobble; 3]) { Tissue::Oedema } else { Tissue::White }
}

fn sylvian_border([x, y, z]: [f64; 3]) -> bool {
    (z - 2.0 + 0.25 * (y + 10.0)).abs() < 5.0 && x.abs() > 35.0 && y.abs() < 37.0
}

fn face_and_neck(p: [f64; 3], scalp: f64) -> Tissue {
    let [x, y, z] = p;
    let face = radius(p, [0.0, -34.0, -48.0], [60.0, 66.0, 66.0]);
    let nose = radius(p, [0.0, -98.0, -40.0], [13.0, 16.0, 20.0]);
    let neck = ((x / 56.0).powi(2) + ((y - 14.0) / 62.0).powi(2)).sqrt();
    let in_neck = neck < 1.0 && z < -30.0;
    if scalp > 1.0 && face > 1.0 && nose > 1.0 && !in_neck {
        return Tissue::Air;
    }
    if beside(p, [31.0, -76.0, -27.0], [12.0, 12.0, 12.0]) {
        let lens = beside(p, [31.0, -85.0, -27.0], [4.0, 2.5, 4.0]);
        return if lens { Tissue::Muscle } else { Tissue::Fluid };
    }
    let airway = within(p, [0.0, -64.0, -48.0], [8.0, 30.0, 16.0]) && x.abs() > 1.5
        || (x / 9.0).powi(2) + ((y + 12.0) / 7.0).powi(2) < 1.0 && z < -46.0
        || beside(p, [23.0, -62.0, -54.0], [11.0, 15.0, 12.0]);
    if airway {
        return Tissue::Air;
    }
    // Cervical spine with its cord.
    let spine = (x * x + (y - 18.0).powi(2)).sqrt();
    if z < base(y) - 3.0 && spine < 24.0 && y > -2.0 {
        return match spine {
            s if s < 6.0 => Tissue::White,
            s if s < 10.0 => Tissue::Fluid,
            s if s < 13.0 || (z.rem_euclid(18.0)) < 4.0 => Tissue::Bone,
            _ => Tissue::Marrow,
        };
    }
    if within(p, [0.0, -52.0, -84.0], [26.0, 30.0, 16.0]) {
        return Tissue::Muscle;
    }
    let outer = face.min(if in_neck { neck } else { 9.0 }).min(scalp).min(nose);
    if outer > 0.93 { Tissue::Fat } else { Tissue::Muscle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lesion_is_on_the_left_alone() {
        assert_eq!(tissue(LESION), Tissue::Lesion);
        assert_ne!(tissue([-LESION[0], LESION[1], LESION[2]]), Tissue::Lesion);
        assert_eq!(tissue(FIDUCIAL), Tissue::Capsule);
        assert_eq!(tissue([0.0, -127.0, 0.0]), Tissue::Air);
    }
}
