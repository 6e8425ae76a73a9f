//! Secondary captures (PS3.3 §A.8): a page like a printed report in RGB, and a tinted map in PALETTE COLOR.

use super::part10::DataSet;
use super::pixels::{ellipse, pixel_module};
use super::{PatientFacts, Series, StudyFacts};
use crate::random::Random;
use crate::uid::uid;

const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";
const PAGE: [u16; 2] = [620, 876];
const MAP: [u16; 2] = [320, 240];
const INK: [u8; 3] = [38, 44, 58];
const PAPER: [u8; 3] = [252, 251, 247];

/// Two instances, each a series: the page (620 x 876, RGB, colour-by-pixel), then the map (320 x 240, 8 bits, with tables
/// of 256 entries of 16 bits).
#[derive(Debug, Clone)]
pub struct Captures {
    seed: u64,
    patient: PatientFacts,
    study: StudyFacts,
}

impl Captures {
    pub const INSTANCES: usize = 2;
    /// The middle of the page's red square, in columns and rows from 0; 60 pixels on a side.
    pub const RED_SQUARE: [u16; 2] = [110, 730];
    /// Its colour: red, green, blue.
    pub const RED: [u8; 3] = [200, 30, 40];

    pub fn new(seed: u64, patient: &PatientFacts, study: &StudyFacts) -> Self {
        Self { seed, patient: patient.clone(), study: study.clone() }
    }

    /// Instance 0 is the page, 1 the map, as Part 10 files.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::INSTANCES`].
    pub fn instance(&self, index: usize) -> Vec<u8> {
        assert!(index < Self::INSTANCES, "capture {index} of {}", Self::INSTANCES);
        if index == 0 { self.page() } else { self.map() }
    }

    fn header(&self, description: &str, number: u32) -> DataSet {
        let mut set = DataSet::default();
        self.patient.write(&mut set, self.study.when.date);
        let series = Series {
            modality: "OT",
            description,
            uid: uid(self.seed, description, 0),
            number,
            seconds: 60 * number,
        };
        self.study.write(&mut set, &series);
        set.text(0x0008_0008, b"CS", "DERIVED\\SECONDARY");
        set.text(0x0008_0064, b"CS", "WSD");
        set.text(0x0020_0013, b"IS", "1");
        set.text(0x0020_0020, b"CS", "");
        set.text(0x0020_0060, b"CS", "");
        set.text(0x0028_0301, b"CS", "YES");
        set
    }

    fn page(&self) -> Vec<u8> {
        let mut set = self.header("Report page", 901);
        pixel_module(&mut set, "RGB", 3, PAGE, [8, 8]);
        set.shorts(0x0028_0006, &[0]);
        let mut page = Page { pixels: PAPER.repeat(usize::from(PAGE[0]) * usize::from(PAGE[1])) };
        page.bar(0, 0, 620, 74, [24, 78, 119]);
        page.bar(40, 26, 220, 22, PAPER);
        page.disc(560.0, 37.0, 22.0, [244, 180, 60]);
        // Lines of words, as grey bars of various lengths.
        let mut random = Random::new(self.seed, "page", 0);
        for line in 0..22_u16 {
            let y = 110 + line * 20;
            if line % 7 == 6 {
                continue;
            }
            let mut x = 40;
            while x < 540 {
                let word = random.int(18, 74) as u16;
                page.bar(x, y, word.min(580 - x), 9, if line % 7 == 0 { INK } else { [96, 102, 114] });
                x += word + 9;
            }
        }
        // A chart of six bars, and three shapes of known colour.
        for (index, height) in (0_u16..).zip([44, 70, 58, 92, 116, 84]) {
            page.bar(330 + index * 42, 790 - height, 30, height, [46, 134, 171]);
        }
        page.bar(320, 790, 262, 3, INK);
        let [x, y] = Self::RED_SQUARE;
        page.bar(x - 30, y - 30, 60, 60, Self::RED);
        page.disc(190.0, 730.0, 30.0, [40, 150, 70]);
        page.disc(264.0, 730.0, 30.0, [60, 90, 200]);
        set.into_file(SECONDARY_CAPTURE, &uid(self.seed, "page", 1), b"OB", &page.pixels)
    }

    fn map(&self) -> Vec<u8> {
        let mut set = self.header("Perfusion map", 902);
        pixel_module(&mut set, "PALETTE COLOR", 1, MAP, [8, 8]);
        // From black over blue, green and yellow to red: PS3.3 §C.7.6.3.1.5 and .6.
        let stops: [[u32; 3]; 6] =
            [[0, 0, 0], [20, 30, 160], [0, 140, 170], [40, 180, 60], [240, 220, 40], [210, 30, 20]];
        for (tag, channel) in (0_u32..).zip([0_usize, 1, 2]) {
            let table: Vec<u16> = (0..256_u32)
                .map(|entry| {
                    let place = entry * 5;
                    let (index, rest) = ((place / 255).min(4) as usize, place - (place / 255).min(4) * 255);
                    let (low, high) = (stops[index][channel], stops[index + 1][channel]);
                    (((low * (255 - rest) + high * rest) / 255) * 257) as u16
                })
                .collect();
            set.shorts(0x0028_1101 + tag, &[256, 0, 16]);
            set.words(0x0028_1201 + tag, &table);
        }
        let mut pixels = Vec::with_capacity(usize::from(MAP[0]) * usize::from(MAP[1]));
        for row in 0..MAP[1] {
            for column in 0..MAP[0] {
                let (x, y) = (f64::from(column), f64::from(row));
                // A scale from 0 to 255 at the right edge.
                let value = if (296..312).contains(&column) && (20..220).contains(&row) {
                    255.0 - (y - 20.0) * 255.0 / 199.0
                } else {
                    let brain = ellipse(x, y, [145.0, 120.0], [92.0, 108.0]);
                    let waves = 26.0 * ((x * 0.09).sin() + (y * 0.075).cos());
                    let spot = ellipse(x, y, [188.0, 96.0], [24.0, 20.0]);
                    brain * (128.0 + waves + 96.0 * spot)
                };
                pixels.push(value.clamp(0.0, 255.0) as u8);
            }
        }
        set.into_file(SECONDARY_CAPTURE, &uid(self.seed, "map", 1), b"OB", &pixels)
    }
}

struct Page {
    pixels: Vec<u8>,
}

impl Page {
    fn set(&mut self, x: u16, y: u16, color: [u8; 3]) {
        if x < PAGE[0] && y < PAGE[1] {
            let at = (usize::from(y) * usize::from(PAGE[0]) + usize::from(x)) * 3;
            self.pixels[at..at + 3].copy_from_slice(&color);
        }
    }

    fn bar(&mut self, x: u16, y: u16, width: u16, height: u16, color: [u8; 3]) {
        for row in y..y + height {
            for column in x..x + width {
                self.set(column, row, color);
            }
        }
    }

    fn disc(&mut self, x: f64, y: f64, radius: f64, color: [u8; 3]) {
        for row in 0..PAGE[1] {
            for column in 0..PAGE[0] {
                if (f64::from(column) - x).powi(2) + (f64::from(row) - y).powi(2) <= radius * radius {
                    self.set(column, row, color);
                }
            }
        }
    }
}
