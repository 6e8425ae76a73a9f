//! Small images of other kinds, for tests.

use super::part10::DataSet;
use super::pixels::{ellipse, pixel_module};
use super::{PatientFacts, Series, StudyFacts};
use crate::random::Random;
use crate::uid::uid;

/// A kind of small image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmallImage {
    /// Computed Radiography, 256 columns x 320 rows, 12 of 16 bits, MONOCHROME1 (low values are bright).
    Radiograph,
    /// Ultrasound Multi-frame, 8 frames of 160 x 120, RGB, native, colour-by-pixel.
    UltrasoundCine,
    /// Ultrasound, 160 x 120, PALETTE COLOR with three tables of 256 entries of 16 bits.
    UltrasoundPalette,
    /// MR, 128 x 128, 12 of 16 bits, MONOCHROME2.
    MagneticResonance,
}

/// One instance of that kind as Part 10 bytes (Explicit VR Little Endian), in a series of its own.
pub fn single_frame(seed: u64, kind: SmallImage, patient: &PatientFacts, study: &StudyFacts) -> Vec<u8> {
    let mut set = DataSet::default();
    patient.write(&mut set, study.when.date);
    set.text(0x0020_0013, b"IS", "1");
    set.text(0x0020_0020, b"CS", "");
    match kind {
        SmallImage::Radiograph => radiograph(seed, set, study),
        SmallImage::UltrasoundCine => cine(seed, set, study),
        SmallImage::UltrasoundPalette => palette(seed, set, study),
        SmallImage::MagneticResonance => magnetic_resonance(seed, set, study),
    }
}

fn series(seed: u64, modality: &'static str, description: &'static str, number: u32) -> Series<'static> {
    Series { modality, description, uid: uid(seed, description, 0), number, seconds: 60 }
}

fn radiograph(seed: u64, mut set: DataSet, study: &StudyFacts) -> Vec<u8> {
    const COLUMNS: u16 = 256;
    const ROWS: u16 = 320;
    study.write(&mut set, &series(seed, "CR", "Chest PA", 101));
    set.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY");
    set.text(0x0018_0015, b"CS", "CHEST");
    set.text(0x0018_5101, b"CS", "PA");
    set.text(0x0020_0020, b"CS", "L\\F");
    set.text(0x0018_1004, b"LO", "PLATE-7");
    set.decimals(0x0018_1164, &[1.4, 1.4]);
    set.text(0x0028_0301, b"CS", "NO");
    pixel_module(&mut set, "MONOCHROME1", 1, [COLUMNS, ROWS], [16, 12]);
    set.decimals(0x0028_1050, &[2048.0]);
    set.decimals(0x0028_1051, &[4096.0]);
    let mut random = Random::new(seed, "radiograph", 0);
    let mut pixels = Vec::with_capacity(usize::from(COLUMNS) * usize::from(ROWS) * 2);
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let (x, y) = (f64::from(column), f64::from(row));
            // Thickness of tissue in arbitrary units; MONOCHROME1 shows little exposure (much tissue) with low values.
            let body = ellipse(x, y, [128.0, 190.0], [118.0, 190.0]) * 0.62;
            let right = ellipse(x, y, [78.0, 160.0], [42.0, 105.0]);
            let left = ellipse(x, y, [180.0, 160.0], [40.0, 105.0]);
            let heart = ellipse(x, y, [150.0, 205.0], [46.0, 52.0]) * 0.3;
            let spine = ellipse(x, y, [128.0, 160.0], [13.0, 400.0]) * 0.18;
            let rib = (0.06 * ((y + (x - 128.0).abs() * 0.35) * 0.26).sin()).max(0.0) * body;
            let tissue = body - 0.4 * right.max(left) + heart + spine + rib;
            let exposure = 4000.0 * (-1.9 * tissue.max(0.0)).exp() + random.normal(0.0, 12.0);
            // MONOCHROME1: air, much exposed, is dark and so has the highest values.
            pixels.extend_from_slice(&(exposure.clamp(0.0, 4095.0) as u16).to_le_bytes());
        }
    }
    set.into_file("1.2.840.10008.5.1.4.1.1.1", &uid(seed, "radiograph", 1), b"OW", &pixels)
}

/// Brightness of a sector scan with a beating chamber, 0..=1, and the direction of flow, -1..=1 (0: none).
fn sector(x: f64, y: f64, phase: f64, random: &mut Random) -> (f64, f64) {
    let (u, v) = (x - 80.0, y + 10.0);
    let depth = (u * u + v * v).sqrt();
    if u.abs() > v * 0.8 || !(14.0..=124.0).contains(&depth) {
        return (0.0, 0.0);
    }
    let beat = 1.0 + 0.18 * phase.sin();
    let chamber = ellipse(x, y, [78.0, 68.0], [22.0 * beat, 30.0 * beat]);
    let wall = ellipse(x, y, [78.0, 68.0], [30.0 * beat, 38.0 * beat]) - chamber;
    let speckle = random.unit() * random.unit();
    let flow = ellipse(x, y, [78.0, 66.0], [9.0, 20.0]) * (phase + y * 0.05).cos();
    (((0.35 * (1.0 - chamber) + 0.5 * wall) * (0.4 + speckle)).clamp(0.0, 1.0), flow)
}

fn ultrasound_module(set: &mut DataSet) {
    set.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY\\TTE\\0001");
    set.text(0x0018_0015, b"CS", "HEART");
    set.text(0x0028_0301, b"CS", "NO");
}

fn cine(seed: u64, mut set: DataSet, study: &StudyFacts) -> Vec<u8> {
    const FRAMES: u32 = 8;
    study.write(&mut set, &series(seed, "US", "Echo, four chamber", 102));
    ultrasound_module(&mut set);
    pixel_module(&mut set, "RGB", 3, [160, 120], [8, 8]);
    set.shorts(0x0028_0006, &[0]);
    set.text(0x0028_0008, b"IS", &FRAMES.to_string());
    set.attribute_tag(0x0028_0009, 0x0018_1063);
    set.decimals(0x0018_1063, &[40.0]);
    let mut random = Random::new(seed, "cine", 0);
    let mut pixels = Vec::with_capacity(FRAMES as usize * 160 * 120 * 3);
    for frame in 0..FRAMES {
        let phase = f64::from(frame) / f64::from(FRAMES) * std::f64::consts::TAU;
        for row in 0..120_u32 {
            for column in 0..160_u32 {
                let (grey, flow) = sector(f64::from(column), f64::from(row), phase, &mut random);
                let red = grey + flow.max(0.0);
                let blue = grey + (-flow).max(0.0);
                pixels.extend([red, grey, blue].map(|part| (part * 255.0).clamp(0.0, 255.0) as u8));
            }
        }
    }
    set.into_file("1.2.840.10008.5.1.4.1.1.3.1", &uid(seed, "cine", 1), b"OB", &pixels)
}

fn palette(seed: u64, mut set: DataSet, study: &StudyFacts) -> Vec<u8> {
    study.write(&mut set, &series(seed, "US", "Echo, tinted", 103));
    ultrasound_module(&mut set);
    pixel_module(&mut set, "PALETTE COLOR", 1, [160, 120], [8, 8]);
    // A sepia tint: entries 0..=255 of 16 bits.
    for (index, gain) in [(0_u32, 257_u32), (1, 214), (2, 150)] {
        set.shorts(0x0028_1101 + index, &[256, 0, 16]);
        let table: Vec<u16> = (0..256_u32).map(|entry| (entry * gain) as u16).collect();
        set.words(0x0028_1201 + index, &table);
    }
    let mut random = Random::new(seed, "palette", 0);
    let mut pixels = Vec::with_capacity(160 * 120);
    for row in 0..120_u32 {
        for column in 0..160_u32 {
            let (grey, _) = sector(f64::from(column), f64::from(row), 0.0, &mut random);
            pixels.push((grey * 255.0) as u8);
        }
    }
    set.into_file("1.2.840.10008.5.1.4.1.1.6.1", &uid(seed, "palette", 1), b"OB", &pixels)
}

fn magnetic_resonance(seed: u64, mut set: DataSet, study: &StudyFacts) -> Vec<u8> {
    study.write(&mut set, &series(seed, "MR", "T1 axial", 104));
    set.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY\\OTHER");
    set.text(0x0018_0015, b"CS", "HEAD");
    set.text(0x0018_0020, b"CS", "SE");
    set.text(0x0018_0021, b"CS", "NONE");
    set.text(0x0018_0022, b"CS", "");
    set.text(0x0018_0023, b"CS", "2D");
    set.decimals(0x0018_0050, &[5.0]);
    set.decimals(0x0018_0080, &[500.0]);
    set.decimals(0x0018_0081, &[12.0]);
    set.text(0x0018_0091, b"IS", "1");
    set.text(0x0018_5100, b"CS", "HFS");
    set.text(0x0020_0052, b"UI", &uid(seed, "frame of reference", 104));
    set.text(0x0020_1040, b"LO", "");
    set.decimals(0x0020_0032, &[-126.0, -126.0, 0.0]);
    set.decimals(0x0020_0037, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    set.decimals(0x0028_0030, &[1.984_375, 1.984_375]);
    pixel_module(&mut set, "MONOCHROME2", 1, [128, 128], [16, 12]);
    set.decimals(0x0028_1050, &[600.0]);
    set.decimals(0x0028_1051, &[1200.0]);
    let mut random = Random::new(seed, "magnetic resonance", 0);
    let mut pixels = Vec::with_capacity(128 * 128 * 2);
    for row in 0..128_u32 {
        for column in 0..128_u32 {
            let (x, y) = (f64::from(column), f64::from(row));
            let scalp = ellipse(x, y, [64.0, 64.0], [46.0, 56.0]) * 900.0;
            let skull = ellipse(x, y, [64.0, 64.0], [43.0, 53.0]) * 820.0;
            let brain = ellipse(x, y, [64.0, 64.0], [40.0, 50.0])
                * (420.0 + 60.0 * ((x * 0.5).sin() * (y * 0.45).cos()));
            let white = ellipse(x, y, [64.0, 64.0], [28.0, 38.0]) * 160.0;
            let horn = ellipse(x, y, [57.0, 58.0], [4.0, 13.0]).max(ellipse(x, y, [71.0, 58.0], [4.0, 13.0]))
                * 420.0;
            let signal = scalp - skull + brain + white - horn;
            let noisy = (signal.max(0.0) + random.normal(0.0, 14.0)).abs();
            pixels.extend_from_slice(&(noisy.min(4095.0) as u16).to_le_bytes());
        }
    }
    set.into_file("1.2.840.10008.5.1.4.1.1.4", &uid(seed, "magnetic resonance", 1), b"OW", &pixels)
}
