//! Vessels and airways: tapering capsules, the large ones placed by hand, the small ones grown as seeded trees.

use super::anatomy::Anatomy;
use super::truth::Nodule;
use crate::random::Random;

/// A piece of a tube from `a` to `b`, round at its ends.
#[derive(Debug, Clone)]
pub(super) struct Tube {
    pub(super) a: [f64; 3],
    pub(super) b: [f64; 3],
    pub(super) radius_a: f64,
    pub(super) radius_b: f64,
    pub(super) hu: f32,
}

impl Tube {
    fn new(a: [f64; 3], b: [f64; 3], radii: [f64; 2], hu: f32) -> Self {
        Self { a, b, radius_a: radii[0], radius_b: radii[1], hu }
    }

    pub(super) fn reach(&self) -> f64 {
        self.radius_a.max(self.radius_b)
    }

    /// Distance from the surface: negative inside, mm.
    #[inline]
    pub(super) fn distance(&self, p: [f64; 3]) -> f64 {
        let along: [f64; 3] = std::array::from_fn(|i| self.b[i] - self.a[i]);
        let from: [f64; 3] = std::array::from_fn(|i| p[i] - self.a[i]);
        let length = along.iter().map(|v| v * v).sum::<f64>().max(1e-9);
        let t = (along.iter().zip(&from).map(|(u, v)| u * v).sum::<f64>() / length).clamp(0.0, 1.0);
        let square: f64 = (0..3).map(|i| (from[i] - t * along[i]).powi(2)).sum();
        square.sqrt() - (self.radius_a + (self.radius_b - self.radius_a) * t)
    }
}

fn path(points: &[([f64; 3], f64)], hu: f32) -> Vec<Tube> {
    points.windows(2).map(|pair| Tube::new(pair[0].0, pair[1].0, [pair[0].1, pair[1].1], hu)).collect()
}

/// Large vessels, airways and the oesophagus, in the order in which they are drawn.
pub(super) fn large() -> Vec<Tube> {
    let mut tubes = Vec::new();
    // Superior and inferior vena cava, azygos.
    tubes.extend(path(
        &[
            ([-24.0, -14.0, 112.0], 11.0),
            ([-26.0, -14.0, 200.0], 9.5),
            ([-22.0, -18.0, 262.0], 8.0),
            ([-20.0, -14.0, 312.0], 6.0),
        ],
        235.0,
    ));
    tubes.extend(path(&[([-20.0, 10.0, 0.0], 12.0), ([-22.0, 2.0, 92.0], 12.0)], 130.0));
    tubes.extend(path(
        &[([-8.0, 36.0, 0.0], 3.0), ([-8.0, 38.0, 190.0], 3.5), ([-22.0, 4.0, 203.0], 4.0)],
        140.0,
    ));
    // Left brachiocephalic vein.
    tubes.extend(path(
        &[([-24.0, -22.0, 242.0], 7.0), ([16.0, -26.0, 262.0], 6.0), ([20.0, -16.0, 312.0], 5.0)],
        225.0,
    ));
    // Pulmonary trunk and arteries, pulmonary veins to the left atrium.
    tubes.extend(path(
        &[([16.0, -40.0, 122.0], 13.0), ([18.0, -28.0, 158.0], 14.0), ([16.0, -14.0, 172.0], 12.5)],
        225.0,
    ));
    tubes.extend(path(
        &[([16.0, -14.0, 172.0], 11.5), ([-8.0, -4.0, 168.0], 10.0), ([-38.0, 6.0, 164.0], 8.0)],
        225.0,
    ));
    tubes.extend(path(
        &[([16.0, -14.0, 172.0], 11.5), ([32.0, 4.0, 176.0], 10.0), ([44.0, 14.0, 170.0], 8.0)],
        225.0,
    ));
    for (side, z) in [(-1.0, 128.0), (-1.0, 108.0), (1.0, 130.0), (1.0, 110.0)] {
        tubes.extend(path(&[([6.0 + side * 18.0, 8.0, 118.0], 8.0), ([side * 44.0, 14.0, z], 5.5)], 196.0));
    }
    // Aorta: root, arch with its three branches, descending part.
    tubes.extend(path(
        &[
            ([10.0, -14.0, 112.0], 14.0),
            ([-4.0, -22.0, 150.0], 15.0),
            ([-4.0, -18.0, 196.0], 14.5),
            ([6.0, -6.0, 214.0], 14.0),
            ([18.0, 16.0, 216.0], 13.0),
            ([24.0, 38.0, 200.0], 12.5),
            ([24.0, 42.0, 150.0], 12.0),
            ([18.0, 40.0, 60.0], 11.5),
            ([10.0, 36.0, 0.0], 11.0),
        ],
        200.0,
    ));
    tubes.extend(path(
        &[([0.0, -12.0, 214.0], 6.5), ([-16.0, -8.0, 262.0], 6.0), ([-18.0, 2.0, 318.0], 4.0)],
        200.0,
    ));
    tubes.extend(path(&[([10.0, 0.0, 218.0], 4.5), ([14.0, -6.0, 320.0], 3.6)], 200.0));
    tubes.extend(path(
        &[([20.0, 14.0, 218.0], 5.5), ([20.0, 12.0, 262.0], 5.0), ([21.0, 4.0, 318.0], 4.5)],
        200.0,
    ));
    // Oesophagus with a little air.
    let oesophagus = |radius: f64, hu| {
        path(
            &[
                ([6.0, 26.0, 320.0], radius),
                ([8.0, 30.0, 230.0], radius),
                ([2.0, 32.0, 150.0], radius),
                ([14.0, 24.0, 40.0], radius),
            ],
            hu,
        )
    };
    tubes.extend(oesophagus(7.0, 38.0));
    tubes.extend(oesophagus(1.8, -600.0));
    // Trachea and main bronchi: the walls first, so that the air stays open where they meet.
    let airway = |more: f64, hu: f32| {
        let mut parts = path(
            &[
                ([0.0, 4.0, 330.0], 8.6 + more),
                ([0.0, 10.0, 240.0], 8.6 + more),
                ([0.0, 14.0, 190.0], 8.6 + more),
            ],
            hu,
        );
        parts.extend(path(
            &[
                ([0.0, 14.0, 190.0], 7.2 + more),
                ([-24.0, 16.0, 170.0], 6.4 + more),
                ([-40.0, 18.0, 152.0], 5.0 + more),
            ],
            hu,
        ));
        parts.extend(path(
            &[
                ([0.0, 14.0, 190.0], 7.0 + more),
                ([26.0, 18.0, 168.0], 5.8 + more),
                ([46.0, 22.0, 150.0], 4.6 + more),
            ],
            hu,
        ));
        parts
    };
    tubes.extend(airway(1.6, 35.0));
    tubes.extend(airway(0.0, -995.0));
    tubes
}

/// Collar bones, drawn only where there is no lung.
pub(super) fn clavicles() -> Vec<Tube> {
    [-1.0, 1.0]
        .into_iter()
        .flat_map(|side: f64| {
            let shape = |radius: f64, hu| {
                path(
                    &[
                        ([side * 20.0, -62.0, 262.0], radius + 1.0),
                        ([side * 62.0, -62.0, 282.0], radius),
                        ([side * 112.0, -24.0, 300.0], radius),
                    ],
                    hu,
                )
            };
            [shape(6.0, 750.0), shape(3.8, 220.0)]
        })
        .flatten()
        .collect()
}

/// Arteries, veins and bronchi within the lungs. None comes nearer than 4 mm to a nodule.
pub(super) fn trees(seed: u64, anatomy: &Anatomy, nodules: &[Nodule]) -> Vec<Tube> {
    let mut vessels = Vec::new();
    let mut walls = Vec::new();
    let mut lumens = Vec::new();
    for (side, hilum) in [(-1.0, [-40.0, 10.0, 162.0]), (1.0, [46.0, 14.0, 166.0])] {
        for (number, (rise, front)) in (0_u64..).zip(ROOTS) {
            let key = number + if side > 0.0 { 100 } else { 0 };
            let mut random = Random::new(seed, "vessel", key);
            let hilum = if rise < -0.3 { [hilum[0], hilum[1] + 6.0, hilum[2] - 22.0] } else { hilum };
            let direction = unit([side * 0.8, front, rise * 1.15]);
            let mut artery = Growth {
                anatomy,
                nodules,
                random: &mut random,
                out: Vec::new(),
                hu: 150.0,
                smallest: 0.42,
                twigs: 0.6,
            };
            artery.branch(hilum, direction, 3.7, 29.0, 7);
            vessels.append(&mut artery.out);

            // A bronchus beside its artery: a wall, and air within.
            let mut random = Random::new(seed, "vessel", key);
            let beside = [hilum[0] - side * 2.0, hilum[1] + 8.0, hilum[2] - 6.0];
            let mut bronchus = Growth {
                anatomy,
                nodules,
                random: &mut random,
                out: Vec::new(),
                hu: -980.0,
                smallest: 0.8,
                twigs: 0.0,
            };
            if number < 6 {
                bronchus.branch(beside, direction, 2.7, 24.0, 2);
            }
            for tube in bronchus.out {
                let wall = 0.5 + 0.22 * tube.radius_a;
                walls.push(Tube {
                    radius_a: tube.radius_a + wall,
                    radius_b: tube.radius_b + wall,
                    hu: -60.0,
                    ..tube.clone()
                });
                lumens.push(tube);
            }

            let mut random = Random::new(seed, "vein", key);
            let entry = [side * 44.0, 14.0, if rise > 0.0 { 130.0 } else { 110.0 }];
            let direction = unit([side * 0.85, -front * 0.8, rise + 0.2]);
            let mut vein = Growth {
                anatomy,
                nodules,
                random: &mut random,
                out: Vec::new(),
                hu: 120.0,
                smallest: 0.42,
                twigs: 0.6,
            };
            vein.branch(entry, direction, 3.3, 28.0, 6);
            vessels.append(&mut vein.out);
        }
    }
    walls.extend(lumens);
    walls.extend(vessels);
    walls
}

fn unit(v: [f64; 3]) -> [f64; 3] {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-9);
    v.map(|x| x / length)
}

struct Growth<'a> {
    anatomy: &'a Anatomy,
    nodules: &'a [Nodule],
    random: &'a mut Random,
    out: Vec<Tube>,
    hu: f32,
    /// Radius below which nothing grows on, mm.
    smallest: f64,
    /// Probability of a small side branch at each piece.
    twigs: f64,
}

/// Rise and backward lean of the first direction of each segment's artery.
const ROOTS: [(f64, f64); 10] = [
    (1.0, -0.3),
    (0.55, 0.6),
    (0.1, -0.8),
    (-0.4, 0.7),
    (-0.9, 0.1),
    (0.3, -0.1),
    (-0.6, -0.6),
    (1.1, 0.25),
    (-1.0, 0.6),
    (0.6, -0.7),
];

impl Growth<'_> {
    /// Grows a branch of three pieces, then two children with Murray's law in mind (r³ = r₁³ + r₂³).
    fn branch(&mut self, start: [f64; 3], direction: [f64; 3], radius: f64, length: f64, generations: u32) {
        let (mut at, mut toward) = (start, direction);
        let end_radius = radius * 0.86;
        for piece in 0..3 {
            let share = |n: f64| radius + (end_radius - radius) * n / 3.0;
            let Some((next, turned)) = self.step(at, toward, length / 3.0, generations) else { return };
            let tube = Tube::new(at, next, [share(f64::from(piece)), share(f64::from(piece + 1))], self.hu);
            if self.is_clear(&tube) {
                self.out.push(tube);
            }
            (at, toward) = (next, turned);
            if generations >= 2 && self.random.chance(self.twigs) {
                let axis = self.across(toward);
                let sideways = unit(std::array::from_fn(|i| 0.5 * toward[i] + axis[i]));
                self.branch(at, sideways, radius * 0.45, length * 0.75, generations.saturating_sub(3).min(3));
            }
        }
        if generations == 0 || end_radius < self.smallest {
            return;
        }
        let split = self.random.between(0.35, 0.65);
        for (share, side) in [(split, 1.0), (1.0 - split, -1.0)] {
            let child_radius = radius * f64::cbrt(share);
            let spread = self.random.between(0.35, 0.75) * side;
            let axis = self.across(toward);
            let bent = unit(std::array::from_fn(|i| toward[i] + spread * axis[i]));
            let child_length = (length * self.random.between(0.68, 0.9)).max(7.0);
            self.branch(at, bent, child_radius, child_length, generations - 1);
        }
    }

    /// The next point within the lung, after a few tries at other directions; the root may start in the hilum.
    fn step(
        &mut self,
        at: [f64; 3],
        toward: [f64; 3],
        length: f64,
        generations: u32,
    ) -> Option<([f64; 3], [f64; 3])> {
        for attempt in 0..4 {
            let loose = 0.12 + 0.3 * f64::from(attempt);
            let axis = self.across(toward);
            let turned = unit(std::array::from_fn(|i| toward[i] + loose * axis[i]));
            let next: [f64; 3] = std::array::from_fn(|i| at[i] + length * turned[i]);
            let ahead: [f64; 3] = std::array::from_fn(|i| at[i] + (length + 4.0) * turned[i]);
            let in_hilum = generations >= 3 && next[0].abs() < 56.0;
            if in_hilum || (self.anatomy.is_lung(next) && self.anatomy.is_lung(ahead)) {
                return Some((next, turned));
            }
        }
        None
    }

    /// A random direction, about at right angles to another.
    fn across(&mut self, v: [f64; 3]) -> [f64; 3] {
        let r = [(); 3].map(|()| self.random.between(-1.0, 1.0));
        let dot: f64 = r.iter().zip(&v).map(|(a, b)| a * b).sum();
        unit(std::array::from_fn(|i| r[i] - dot * v[i]))
    }

    fn is_clear(&self, tube: &Tube) -> bool {
        let reach = tube.reach();
        self.nodules.iter().all(|nodule| {
            let bare = tube.distance(nodule.center_mm) - nodule.diameter_mm / 2.0;
            bare > 4.0 + 0.4 * reach
        })
    }
}
