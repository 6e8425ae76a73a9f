//! The beating heart: Ultrasound Multi-frame Image Storage (PS3.3 §A.7), with a calibrated region, in RGB or YBR_FULL_422.

use super::part10::DataSet;
use super::pixels::pixel_module;
use super::{PatientFacts, Series, StudyFacts};
use crate::random::Random;
use crate::uid::uid;
use std::f64::consts::TAU;

const US_MULTI_FRAME: &str = "1.2.840.10008.5.1.4.1.1.3.1";
/// Frames in one beat.
const BEAT: u32 = 24;
const FRAME_TIME_MS: f64 = 33.0;
/// cm between pixels where there are 480 columns.
const PHYSICAL_DELTA: f64 = 0.05;

/// How large the pictures are, and how they are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EchoSize {
    /// Even, 96..=1920; rows are three quarters of it.
    pub columns: u16,
    /// 1..=600
    pub frames: u16,
    /// YBR_FULL_422 (PS3.3 §C.7.6.3.1.2) instead of RGB.
    pub subsampled: bool,
}

/// 48 frames of 480 x 360, RGB.
impl Default for EchoSize {
    fn default() -> Self {
        Self { columns: 480, frames: 48, subsampled: false }
    }
}

impl EchoSize {
    /// 24 frames of 240 x 180, YBR_FULL_422.
    pub fn small() -> Self {
        Self { columns: 240, frames: 24, subsampled: true }
    }
}

/// What measurements must find.
#[derive(Debug, Clone, PartialEq)]
pub struct EchoTruth {
    /// Columns, rows, frames.
    pub size: [usize; 3],
    pub frame_time_ms: f64,
    /// cm between neighbouring pixels, along both axes of the region.
    pub delta_cm: f64,
    /// Pixels between neighbouring marks of the depth scale at the right: 1 cm.
    pub tick_pixels: f64,
    /// Column and row of the transducer's face, depth 0.
    pub apex: [f64; 2],
}

/// A four-chamber view, two beats in 48 frames.
#[derive(Debug, Clone)]
pub struct Echo {
    seed: u64,
    patient: PatientFacts,
    study: StudyFacts,
    size: EchoSize,
}

impl Echo {
    pub fn new(seed: u64, patient: &PatientFacts, study: &StudyFacts, size: EchoSize) -> Self {
        let size = EchoSize {
            columns: size.columns.clamp(96, 1920) & !7,
            frames: size.frames.clamp(1, 600),
            subsampled: size.subsampled,
        };
        Self { seed, patient: patient.clone(), study: study.clone(), size }
    }

    fn rows(&self) -> u16 {
        self.size.columns / 4 * 3
    }

    /// Pixels for one of 480 columns.
    fn scale(&self) -> f64 {
        f64::from(self.size.columns) / 480.0
    }

    /// What measurements must find.
    pub fn truth(&self) -> EchoTruth {
        EchoTruth {
            size: [self.size.columns, self.rows(), self.size.frames].map(usize::from),
            frame_time_ms: FRAME_TIME_MS,
            delta_cm: PHYSICAL_DELTA / self.scale(),
            tick_pixels: self.scale() / PHYSICAL_DELTA,
            apex: APEX.map(|place| place * self.scale()),
        }
    }

    /// The one instance as a Part 10 file.
    pub fn instance(&self) -> Vec<u8> {
        let mut set = self.header();
        let texture = Texture::new(self.seed);
        let frames = (0..u32::from(self.size.frames)).flat_map(|frame| self.frame(&texture, frame));
        let pixels: Vec<u8> =
            if self.size.subsampled { subsample(frames) } else { frames.flatten().collect() };
        self.regions(&mut set);
        set.into_file(US_MULTI_FRAME, &uid(self.seed, "echo", 1), b"OB", &pixels)
    }

    fn frame<'a>(&'a self, texture: &'a Texture, frame: u32) -> impl Iterator<Item = [u8; 3]> + 'a {
        let scene = Scene::new(frame);
        let scale = self.scale();
        (0..self.rows()).flat_map(move |row| {
            let y = (f64::from(row) + 0.5) / scale - 0.5;
            (0..self.size.columns).map(move |column| {
                let x = (f64::from(column) + 0.5) / scale - 0.5;
                scene.color(texture, x, y)
            })
        })
    }

    fn header(&self) -> DataSet {
        let mut set = DataSet::default();
        self.patient.write(&mut set, self.study.when.date);
        let series = Series {
            modality: "US",
            description: "Four chamber view",
            uid: uid(self.seed, "echo series", 0),
            number: 1,
            seconds: 120,
        };
        self.study.write(&mut set, &series);
        set.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY\\TTE\\0001");
        set.text(0x0008_2144, b"IS", "30");
        set.text(0x0018_0015, b"CS", "HEART");
        set.text(0x0018_0040, b"IS", "30");
        set.decimals(0x0018_1063, &[FRAME_TIME_MS]);
        set.text(0x0018_1088, b"IS", "76");
        set.shorts(0x0018_1244, &[0]);
        set.text(0x0018_6031, b"CS", "SECTOR_PHASED");
        set.text(0x0020_0013, b"IS", "1");
        set.text(0x0020_0020, b"CS", "");
        let photometric = if self.size.subsampled { "YBR_FULL_422" } else { "RGB" };
        pixel_module(&mut set, photometric, 3, [self.size.columns, self.rows()], [8, 8]);
        set.shorts(0x0028_0006, &[0]);
        set.text(0x0028_0008, b"IS", &self.size.frames.to_string());
        set.attribute_tag(0x0028_0009, 0x0018_1063);
        set.text(0x0028_0301, b"CS", "NO");
        set.shorts(0x0028_0014, &[0]);
        set
    }

    /// US Region Calibration module (PS3.3 §C.8.5.5): one two-dimensional region in cm.
    fn regions(&self, set: &mut DataSet) {
        let scale = self.scale();
        let mut region = DataSet::default();
        region.shorts(0x0018_6012, &[1]);
        region.shorts(0x0018_6014, &[1]);
        region.longs(0x0018_6016, &[0]);
        region.longs(0x0018_6018, &[0]);
        region.longs(0x0018_601a, &[0]);
        region.longs(0x0018_601c, &[u32::from(self.size.columns) - 1]);
        region.longs(0x0018_601e, &[u32::from(self.rows()) - 1]);
        region.signed_longs(0x0018_6020, &[(APEX[0] * scale) as i32]);
        region.signed_longs(0x0018_6022, &[(APEX[1] * scale) as i32]);
        region.shorts(0x0018_6024, &[3]);
        region.shorts(0x0018_6026, &[3]);
        region.doubles(0x0018_6028, &[0.0]);
        region.doubles(0x0018_602a, &[0.0]);
        region.doubles(0x0018_602c, &[PHYSICAL_DELTA / scale]);
        region.doubles(0x0018_602e, &[PHYSICAL_DELTA / scale]);
        set.sequence(0x0018_6011, &[region]);
    }
}

/// PS3.3 §C.7.6.3.1.2: two luminances, then the chrominances of the pair.
fn subsample(pixels: impl Iterator<Item = [u8; 3]>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut first: Option<[f64; 3]> = None;
    for pixel in pixels {
        let [r, g, b] = pixel.map(f64::from);
        let color = [
            0.299 * r + 0.587 * g + 0.114 * b,
            -0.168_736 * r - 0.331_264 * g + 0.5 * b + 128.0,
            0.5 * r - 0.418_688 * g - 0.081_312 * b + 128.0,
        ];
        match first.take() {
            None => first = Some(color),
            Some(one) => {
                let values = [one[0], color[0], (one[1] + color[1]) / 2.0, (one[2] + color[2]) / 2.0];
                out.extend(values.map(|value| value.round().clamp(0.0, 255.0) as u8));
            }
        }
    }
    out
}

/// Where the beams start, in pixels of the picture with 480 columns.
const APEX: [f64; 2] = [240.0, 16.0];
const DEPTH: f64 = 312.0;
const SPECKLE: usize = 256;

/// Speckle that moves with the tissue.
struct Texture {
    grain: Vec<f32>,
}

impl Texture {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, "speckle", 0);
        let grain = (0..SPECKLE * SPECKLE)
            .map(|_| {
                let (u, v) = (random.normal(0.0, 1.0), random.normal(0.0, 1.0));
                ((u * u + v * v).sqrt() * 0.8) as f32
            })
            .collect();
        Self { grain }
    }

    /// Between the four grains around a place.
    fn at(&self, u: f64, v: f64) -> f64 {
        let (column, row) = (u.floor(), v.floor());
        let (s, t) = ((u - column) as f32, (v - row) as f32);
        let wrap = |value: f64| (value as i64).rem_euclid(SPECKLE as i64) as usize;
        let grain = |c: f64, r: f64| self.grain[wrap(r) * SPECKLE + wrap(c)];
        let top = grain(column, row) * (1.0 - s) + grain(column + 1.0, row) * s;
        let bottom = grain(column, row + 1.0) * (1.0 - s) + grain(column + 1.0, row + 1.0) * s;
        f64::from(top * (1.0 - t) + bottom * t)
    }
}

/// The heart at one moment.
#[derive(Debug, Clone, Copy)]
struct Scene {
    frame: u32,
    /// 0 at the end of filling, 1 at the end of ejection.
    squeeze: f64,
    /// The mitral and tricuspid valves, 0 shut, 1 open.
    open: f64,
}

impl Scene {
    fn new(frame: u32) -> Self {
        let phase = f64::from(frame % BEAT) / f64::from(BEAT);
        let squeeze = if phase < 0.4 {
            (1.0 - (phase / 0.4 * TAU / 2.0).cos()) / 2.0
        } else {
            (1.0 + ((phase - 0.4) / 0.6 * TAU / 2.0).cos()) / 2.0
        };
        let open = if phase > 0.45 { ((phase - 0.45) / 0.55 * TAU).sin().abs() } else { 0.0 };
        Self { frame, squeeze, open }
    }

    fn color(&self, texture: &Texture, x: f64, y: f64) -> [u8; 3] {
        if let Some(color) = self.overlay(x, y) {
            return color;
        }
        let (u, v) = (x - APEX[0], y - APEX[1]);
        let depth = (u * u + v * v).sqrt();
        if !(10.0..=DEPTH).contains(&depth) || u.abs() > v * 0.78 {
            return [0; 3];
        }
        let grey = (self.echo(texture, x, y, depth, u / v.max(1.0)) * 255.0).clamp(0.0, 255.0);
        [grey as u8, grey as u8, (grey * 0.96) as u8]
    }

    /// The depth scale at the right, 1 cm apart, and the electrocardiogram below.
    fn overlay(&self, x: f64, y: f64) -> Option<[u8; 3]> {
        if (462.0..472.0).contains(&x) && (APEX[1] - 0.5..=APEX[1] + 320.5).contains(&y) {
            let off = (y - APEX[1] + 10.0).rem_euclid(20.0) - 10.0;
            let long = ((y - APEX[1]) / 20.0).round() as i64 % 5 == 0;
            if off.abs() < 0.75 && (long || x >= 467.0) {
                return Some([210, 210, 210]);
            }
        }
        if y > 318.0 && x < 150.0 {
            let beat = |x: f64| {
                let t = (x / 70.0).rem_euclid(1.0);
                let bump =
                    |center: f64, width: f64, height: f64| height * (-((t - center) / width).powi(2)).exp();
                340.0 - bump(0.12, 0.03, 3.0) - bump(0.25, 0.012, 18.0) + bump(0.285, 0.012, 5.0)
                    - bump(0.55, 0.05, 5.0)
            };
            let (low, high) = (beat(x - 0.7).min(beat(x + 0.7)), beat(x - 0.7).max(beat(x + 0.7)));
            if y > low - 0.8 && y < high + 0.8 {
                return Some([60, 220, 90]);
            }
            let now = 140.0 * f64::from(self.frame % (2 * BEAT)) / f64::from(2 * BEAT);
            if (x - now).abs() < 0.8 {
                return Some([220, 200, 60]);
            }
        }
        None
    }

    /// Brightness 0..=1 at a point within the sector.
    fn echo(&self, texture: &Texture, x: f64, y: f64, depth: f64, angle: f64) -> f64 {
        let squeeze = self.squeeze;
        // The base moves towards the apex while the heart ejects.
        let lift = 14.0 * squeeze * ((y - 60.0) / 160.0).clamp(0.0, 1.0);
        let (hx, hy) = (x, y + lift);
        let shrink = 1.0 - 0.24 * squeeze;
        let grow = 1.0 + 0.16 * squeeze;
        let radius = |center: [f64; 2], axes: [f64; 2]| {
            (((hx - center[0]) / axes[0]).powi(2) + ((hy - center[1]) / axes[1]).powi(2)).sqrt()
        };
        let chambers = [
            (radius([278.0, 138.0], [36.0 * shrink, 82.0 * (0.5 + shrink / 2.0)]), 1.0),
            (radius([203.0, 150.0], [27.0 * shrink, 66.0 * (0.5 + shrink / 2.0)]), 0.75),
            (radius([270.0, 262.0], [37.0 * grow, 34.0 * grow]), 0.45),
            (radius([203.0, 258.0], [34.0 * grow, 31.0 * grow]), 0.45),
        ];
        let nearest = chambers.iter().map(|(r, _)| *r).fold(f64::MAX, f64::min);
        let mut bright = 0.2;
        for (r, wall) in chambers {
            let muscle = (1.0 - ((r - 1.16) / 0.22).powi(2)).max(0.0);
            bright += 0.5 * wall * muscle;
        }
        bright += 0.55 * (-((radius([240.0, 178.0], [92.0, 150.0]) - 1.06) / 0.035).powi(2)).exp();
        if nearest < 1.0 {
            bright *= 0.06 + 0.5 * ((nearest - 0.93) / 0.07).clamp(0.0, 1.0);
        }
        // Valves: leaflets that swing from the ring towards the apex.
        for (center, half) in [(272.0, 30.0), (203.0, 26.0)] {
            let along: f64 = ((hx - center) / half).clamp(-1.0, 1.0);
            let tip = 224.0 - self.open * 26.0 * (1.0 - along.abs()) - 4.0 * (1.0 - along * along);
            if (hx - center).abs() < half && !(self.open > 0.2 && along.abs() < 0.3 * self.open) {
                bright += 0.85 * (-((hy - tip) / 2.2).powi(2)).exp();
            }
        }
        let speckle = texture.at(depth * 0.55 + lift * 0.5, angle * 150.0 + 20.0 * squeeze);
        let fine = texture.at(x * 0.9 + f64::from(self.frame * 37), y * 0.9 + f64::from(self.frame * 91));
        let gain = 1.15 - 0.45 * (depth / DEPTH);
        bright * gain * (0.35 + 0.6 * speckle) + 0.03 * fine
    }
}
