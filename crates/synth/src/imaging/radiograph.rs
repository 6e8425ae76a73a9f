//! The chest radiograph: a postero-anterior and a lateral projection of one analytic chest, as Digital X-Ray Image
//! Storage - For Presentation (PS3.3 §A.26), MONOCHROME1.

use super::noise::Noise;
use super::part10::DataSet;
use super::pixels::pixel_module;
use super::thorax::{self, View};
use super::{PatientFacts, Series, StudyFacts};
use crate::random::Random;
use crate::uid::uid;

const DX_FOR_PRESENTATION: &str = "1.2.840.10008.5.1.4.1.1.1.1";
const COLUMNS: u16 = 1024;
const ROWS: u16 = 1024;
/// Between the middles of the detector's elements, and the same at the patient (magnified by 10/9), mm.
const IMAGER_SPACING: f64 = 0.4;
const PATIENT_SPACING: f64 = 0.36;
const WHITE: f64 = 4095.0;

/// What can be found in the postero-anterior picture, in columns and rows from 0. Columns grow to the patient's LEFT.
#[derive(Debug, Clone, PartialEq)]
pub struct RadiographTruth {
    /// Columns, rows.
    pub size: [u16; 2],
    /// Imager Pixel Spacing (0018,1164), mm.
    pub imager_spacing_mm: f64,
    /// Pixel Spacing (0028,0030), mm: what a ruler shows.
    pub pixel_spacing_mm: f64,
    /// Middle of the heart: to the right of the picture's middle column.
    pub heart: [f64; 2],
    /// A round nodule in the left upper lobe.
    pub nodule: [f64; 2],
    pub nodule_diameter_mm: f64,
    /// The lead letter L at the left shoulder: first column, first row, width, height.
    pub marker: [u16; 4],
    /// Stored value of the letter: 0, which MONOCHROME1 shows white.
    pub marker_value: u16,
}

/// Two projections: instance 0 is PA (Patient Orientation `L\F`), 1 is lateral (`P\F`, the face looks to the left of the picture).
#[derive(Debug, Clone)]
pub struct ChestRadiograph {
    seed: u64,
    patient: PatientFacts,
    study: StudyFacts,
}

impl ChestRadiograph {
    pub const INSTANCES: usize = 2;

    pub fn new(seed: u64, patient: &PatientFacts, study: &StudyFacts) -> Self {
        Self { seed, patient: patient.clone(), study: study.clone() }
    }

    /// What can be found in instance 0.
    pub fn truth(&self) -> RadiographTruth {
        let pixel = |x: f64, z: f64| {
            [
                x / PATIENT_SPACING + f64::from(COLUMNS - 1) / 2.0,
                -z / PATIENT_SPACING + f64::from(ROWS - 1) / 2.0,
            ]
        };
        RadiographTruth {
            size: [COLUMNS, ROWS],
            imager_spacing_mm: IMAGER_SPACING,
            pixel_spacing_mm: PATIENT_SPACING,
            heart: pixel(thorax::HEART[0], thorax::HEART[2]),
            nodule: pixel(thorax::NODULE[0], thorax::NODULE[2]),
            nodule_diameter_mm: thorax::NODULE_RADIUS * 2.0,
            marker: MARKER,
            marker_value: 0,
        }
    }

    /// Instance 0 is PA, 1 lateral, as Part 10 files: 1024 x 1024, 12 of 16 bits, MONOCHROME1.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::INSTANCES`].
    pub fn instance(&self, index: usize) -> Vec<u8> {
        assert!(index < Self::INSTANCES, "radiograph {index} of {}", Self::INSTANCES);
        let view = if index == 0 { View::Frontal } else { View::Lateral };
        let pixels: Vec<u8> = self.stored_values(index).into_iter().flat_map(u16::to_le_bytes).collect();
        let mut set = self.header(view);
        set.text(0x0020_0013, b"IS", &(index + 1).to_string());
        let instance = uid(self.seed, "radiograph instance", index as u64);
        set.into_file(DX_FOR_PRESENTATION, &instance, b"OW", &pixels)
    }

    /// Stored values of instance `index`, row by row: 0 is shown white, 4095 black.
    pub fn stored_values(&self, index: usize) -> Vec<u16> {
        let view = if index == 0 { View::Frontal } else { View::Lateral };
        let (columns, rows) = (usize::from(COLUMNS), usize::from(ROWS));
        // Millimetres of water, then the film: dark where much gets through.
        let mut values = thorax::project(view, columns, rows, PATIENT_SPACING);
        for value in &mut values {
            *value = (WHITE as f32) * (-*value / 105.0).exp2();
        }
        Noise::new(9.0).add(&mut values, &mut Random::new(self.seed, "radiograph noise", index as u64));
        let mut stored: Vec<u16> = values.iter().map(|&v| v.clamp(0.0, WHITE as f32) as u16).collect();
        draw_marker(&mut stored);
        stored
    }

    fn header(&self, view: View) -> DataSet {
        let mut set = DataSet::default();
        self.patient.write(&mut set, self.study.when.date);
        let (description, number) = match view {
            View::Frontal => ("Chest PA", 1),
            View::Lateral => ("Chest lateral", 2),
        };
        let series = Series {
            modality: "DX",
            description,
            uid: uid(self.seed, description, 0),
            number,
            seconds: 60 * number,
        };
        self.study.write(&mut set, &series);
        set.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY");
        set.text(0x0008_0068, b"CS", "FOR PRESENTATION");
        set.code(0x0008_2218, "43799004", "SCT", "Thoracic cavity");
        set.text(0x0018_0015, b"CS", "CHEST");
        set.decimals(0x0018_0060, &[125.0]);
        set.text(0x0018_1004, b"LO", "PLATE-7");
        set.decimals(0x0018_1110, &[1800.0]);
        set.decimals(0x0018_1111, &[1620.0]);
        set.decimals(0x0018_1114, &[IMAGER_SPACING / PATIENT_SPACING]);
        set.text(0x0018_1152, b"IS", "2");
        set.decimals(0x0018_1164, &[IMAGER_SPACING, IMAGER_SPACING]);
        set.text(0x0018_1508, b"CS", "NONE");
        set.text(0x0018_1405, b"IS", "200");
        set.text(0x0018_5101, b"CS", if view == View::Frontal { "PA" } else { "LL" });
        set.text(0x0018_7004, b"CS", "DIRECT");
        set.text(0x0020_0020, b"CS", if view == View::Frontal { "L\\F" } else { "P\\F" });
        set.text(0x0020_0062, b"CS", "U");
        let (code, meaning) = match view {
            View::Frontal => ("399348003", "postero-anterior"),
            View::Lateral => ("399173006", "left lateral"),
        };
        let mut projection = DataSet::concept(code, "SCT", meaning);
        projection.sequence(0x0054_0222, &[]);
        set.sequence(0x0054_0220, &[projection]);
        set.sequence(0x0040_0555, &[]);
        pixel_module(&mut set, "MONOCHROME1", 1, [COLUMNS, ROWS], [16, 12]);
        set.decimals(0x0028_0030, &[PATIENT_SPACING, PATIENT_SPACING]);
        set.text(0x0028_0a02, b"CS", "GEOMETRY");
        set.text(0x0028_0a04, b"LO", "Magnification of 10/9");
        set.text(0x0028_0301, b"CS", "YES");
        set.text(0x0028_1040, b"CS", "LIN");
        set.signed_short(0x0028_1041, 1);
        set.decimals(0x0028_1050, &[1500.0]);
        set.decimals(0x0028_1051, &[3000.0]);
        set.decimals(0x0028_1052, &[0.0]);
        set.decimals(0x0028_1053, &[1.0]);
        set.text(0x0028_1054, b"LO", "US");
        set.text(0x2050_0020, b"CS", "INVERSE");
        set
    }
}

/// The letter L: upright 14 wide, foot 14 high.
const MARKER: [u16; 4] = [900, 70, 56, 84];

fn draw_marker(stored: &mut [u16]) {
    let [left, top, width, height] = MARKER.map(usize::from);
    for row in top..top + height {
        let end = if row + 14 >= top + height { width } else { 14 };
        let at = row * usize::from(COLUMNS) + left;
        stored[at..at + end].fill(0);
    }
}
