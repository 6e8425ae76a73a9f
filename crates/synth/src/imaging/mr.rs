//! MR of the head: four series of one frame of reference, at right angles and oblique, as MR Image Storage instances
//! (PS3.3 §A.4). Stored values are the signal itself: there is no Modality LUT.

use super::head::{self, Tissue};
use super::noise::Noise;
use super::part10::DataSet;
use super::pixels::{blur, pixel_module};
use super::{PatientFacts, Series, StudyFacts};
use crate::random::Random;
use crate::uid::uid;

const MR_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.4";
/// Width and height of every image, mm.
const FIELD: f64 = 256.0;
const NOISE: f64 = 14.0;

/// How finely the head is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MrSize {
    /// Columns and rows, 32..=512.
    pub matrix: u16,
    /// Slices of each axial series, 4..=256; the sagittal has five sixths, the oblique half of it.
    pub slices: u16,
}

/// 256 x 256 of 1 mm; 48 axial slices, 4 mm apart.
impl Default for MrSize {
    fn default() -> Self {
        Self { matrix: 256, slices: 48 }
    }
}

impl MrSize {
    fn checked(self) -> Self {
        Self { matrix: self.matrix.clamp(32, 512), slices: self.slices.clamp(4, 256) }
    }

    fn counts(self) -> [usize; 4] {
        let slices = usize::from(self.checked().slices);
        [slices, slices, slices * 5 / 6, slices / 2]
    }

    /// Instances of all four series.
    pub fn instances(self) -> usize {
        self.counts().iter().sum()
    }
}

/// Where a series lies in space.
#[derive(Debug, Clone, PartialEq)]
pub struct MrSeries {
    /// Series Description (0008,103E)
    pub description: &'static str,
    /// Series Number (0020,0011)
    pub number: u32,
    /// Series Instance UID
    pub uid: String,
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// mm along a row, along a column, between the middles of slices.
    pub spacing_mm: [f64; 3],
    /// Image Orientation (Patient): direction of rows, then of columns.
    pub orientation: [f64; 6],
    /// Image Position (Patient) of the first slice, mm.
    pub origin_mm: [f64; 3],
    /// Direction from each slice to the next.
    pub normal: [f64; 3],
    t1: bool,
}

impl MrSeries {
    /// Column, row and slice of a point given in mm; whole numbers are voxel centres.
    pub fn voxel(&self, p: [f64; 3]) -> [f64; 3] {
        let from: [f64; 3] = std::array::from_fn(|i| p[i] - self.origin_mm[i]);
        let along = |axis: &[f64]| (0..3).map(|i| from[i] * axis[i]).sum::<f64>();
        [
            along(&self.orientation[..3]) / self.spacing_mm[0],
            along(&self.orientation[3..]) / self.spacing_mm[1],
            along(&self.normal) / self.spacing_mm[2],
        ]
    }

    /// Patient coordinates of a voxel, mm.
    pub fn point(&self, voxel: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|i| {
            self.origin_mm[i]
                + voxel[0] * self.spacing_mm[0] * self.orientation[i]
                + voxel[1] * self.spacing_mm[1] * self.orientation[3 + i]
                + voxel[2] * self.spacing_mm[2] * self.normal[i]
        })
    }
}

/// What measurements in the head must find.
#[derive(Debug, Clone, PartialEq)]
pub struct MrTruth {
    /// A sphere in the LEFT hemisphere, patient coordinates in mm.
    pub lesion_center_mm: [f64; 3],
    pub lesion_radius_mm: f64,
    /// Mean stored value inside the lesion, at least 2 mm from its border: T1, T2.
    pub lesion_values: [f64; 2],
    /// A bright oil capsule on the LEFT temple.
    pub fiducial_center_mm: [f64; 3],
    pub fiducial_radius_mm: f64,
    /// Axial T1, axial T2, sagittal T1, oblique T2.
    pub series: Vec<MrSeries>,
}

/// A head of known truth.
#[derive(Debug, Clone)]
pub struct MrPhantom {
    seed: u64,
    patient: PatientFacts,
    study: StudyFacts,
    series: Vec<MrSeries>,
    noise: Noise,
}

impl MrPhantom {
    /// The head of a seed, as a study of that patient.
    pub fn new(seed: u64, patient: &PatientFacts, study: &StudyFacts, size: MrSize) -> Self {
        let matrix = usize::from(size.checked().matrix);
        let counts = size.counts();
        // 20 degrees forward, then 10 degrees to the side.
        let (sin, cos) = (0.173_648_177_666_930_35, 0.984_807_753_012_208);
        let (tilt, level) = (0.342_020_143_325_668_7, 0.939_692_620_785_908_4);
        let axial = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let sagittal = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
        let oblique = [cos, sin, 0.0, -sin * level, cos * level, -tilt];
        let plan = [
            ("T1 axial", 201, axial, 192.0, 6.0, true),
            ("T2 axial", 202, axial, 192.0, 6.0, false),
            ("T1 sagittal", 203, sagittal, 180.0, 0.0, true),
            ("T2 oblique", 204, oblique, 144.0, 10.0, false),
        ];
        let series = plan
            .into_iter()
            .zip(counts)
            .map(|((description, number, orientation, extent, height, t1), count)| {
                let spacing = [FIELD / matrix as f64, FIELD / matrix as f64, extent / count as f64];
                let o = orientation;
                let normal =
                    [o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]];
                let half = (matrix as f64 - 1.0) / 2.0;
                let middle = [0.0, 0.0, height];
                let origin_mm = std::array::from_fn(|i| {
                    middle[i]
                        - half * spacing[0] * o[i]
                        - half * spacing[1] * o[3 + i]
                        - (count as f64 - 1.0) / 2.0 * spacing[2] * normal[i]
                });
                MrSeries {
                    description,
                    number,
                    uid: uid(seed, description, 0),
                    size: [matrix, matrix, count],
                    spacing_mm: spacing,
                    orientation,
                    origin_mm,
                    normal,
                    t1,
                }
            })
            .collect();
        Self { seed, patient: patient.clone(), study: study.clone(), series, noise: Noise::new(NOISE) }
    }

    /// Instances of all series, one series after the other.
    pub fn instances(&self) -> usize {
        self.series.iter().map(|series| series.size[2]).sum()
    }

    /// What measurements must find.
    pub fn truth(&self) -> MrTruth {
        MrTruth {
            lesion_center_mm: head::LESION,
            lesion_radius_mm: head::LESION_RADIUS,
            lesion_values: [true, false].map(|t1| f64::from(signal(Tissue::Lesion, t1))),
            fiducial_center_mm: head::FIDUCIAL,
            fiducial_radius_mm: head::FIDUCIAL_RADIUS,
            series: self.series.clone(),
        }
    }

    /// Series and slice of instance `index`.
    fn place(&self, index: usize) -> (usize, usize) {
        let mut rest = index;
        for (number, series) in self.series.iter().enumerate() {
            if rest < series.size[2] {
                return (number, rest);
            }
            rest -= series.size[2];
        }
        panic!("instance {index} of {}", self.instances());
    }

    /// Stored values of slice `slice` of series `series` (0..=3), row by row.
    ///
    /// # Panics
    /// Where there is no such series.
    pub fn stored_values(&self, series: usize, slice: usize) -> Vec<u16> {
        let series = &self.series[series];
        let [columns, rows, _] = series.size;
        let mut values = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let point = series.point([column as f64, row as f64, slice as f64]);
                values.push(signal(head::tissue(point), series.t1));
            }
        }
        blur(&mut values, columns);
        let stream = u64::from(series.number) << 16 | slice as u64;
        self.noise.add(&mut values, &mut Random::new(self.seed, "mr noise", stream));
        values.iter().map(|value| value.abs().round_ties_even() as u16).collect()
    }

    /// Instance `index` as a Part 10 file. 16 bits allocated; T1 series store 12 bits unsigned, T2 series 16 bits signed.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::instances`].
    pub fn instance(&self, index: usize) -> Vec<u8> {
        let (number, slice) = self.place(index);
        let series = &self.series[number];
        let pixels: Vec<u8> =
            self.stored_values(number, slice).into_iter().flat_map(u16::to_le_bytes).collect();
        let mut set = self.header(series);
        let position = series.point([0.0, 0.0, slice as f64]);
        set.text(0x0020_0013, b"IS", &(slice + 1).to_string());
        set.decimals(0x0020_0032, &position);
        let location: f64 = (0..3).map(|i| position[i] * series.normal[i]).sum();
        set.decimals(0x0020_1041, &[location]);
        set.into_file(MR_IMAGE_STORAGE, &uid(self.seed, "mr instance", index as u64), b"OW", &pixels)
    }

    fn header(&self, series: &MrSeries) -> DataSet {
        let mut set = DataSet::default();
        self.patient.write(&mut set, self.study.when.date);
        let general = Series {
            modality: "MR",
            description: series.description,
            uid: series.uid.clone(),
            number: series.number,
            seconds: (series.number - 200) * 180,
        };
        self.study.write(&mut set, &general);
        set.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY\\OTHER");
        set.text(0x0018_0015, b"CS", "HEAD");
        set.text(0x0018_0020, b"CS", "SE");
        set.text(0x0018_0021, b"CS", if series.t1 { "NONE" } else { "SK" });
        set.text(0x0018_0022, b"CS", "");
        set.text(0x0018_0023, b"CS", "2D");
        set.decimals(0x0018_0050, &[series.spacing_mm[2] * 0.9]);
        set.decimals(0x0018_0080, &[if series.t1 { 520.0 } else { 4200.0 }]);
        set.decimals(0x0018_0081, &[if series.t1 { 12.0 } else { 96.0 }]);
        set.decimals(0x0018_0087, &[1.5]);
        set.decimals(0x0018_0088, &[series.spacing_mm[2]]);
        set.text(0x0018_0091, b"IS", if series.t1 { "1" } else { "15" });
        set.decimals(0x0018_1314, &[90.0]);
        set.text(0x0018_5100, b"CS", "HFS");
        set.text(0x0020_0052, b"UI", &uid(self.seed, "mr frame of reference", 0));
        set.text(0x0020_1040, b"LO", "");
        set.decimals(0x0020_0037, &series.orientation);
        let [columns, rows, _] = series.size;
        let bits = if series.t1 { 12 } else { 16 };
        pixel_module(&mut set, "MONOCHROME2", 1, [columns as u16, rows as u16], [16, bits]);
        if !series.t1 {
            set.shorts(0x0028_0103, &[1]);
        }
        set.decimals(0x0028_0030, &[series.spacing_mm[1], series.spacing_mm[0]]);
        set.decimals(0x0028_1050, &[if series.t1 { 560.0 } else { 800.0 }]);
        set.decimals(0x0028_1051, &[if series.t1 { 1100.0 } else { 1600.0 }]);
        set
    }
}

/// Signal of a tissue in arbitrary units, below 2,048.
fn signal(tissue: Tissue, t1: bool) -> f32 {
    let (in_t1, in_t2) = match tissue {
        Tissue::Air => (4.0, 4.0),
        Tissue::Fat => (1250.0, 820.0),
        Tissue::Muscle => (420.0, 260.0),
        Tissue::Bone => (60.0, 50.0),
        Tissue::Marrow => (820.0, 560.0),
        Tissue::Fluid => (170.0, 1480.0),
        Tissue::Grey => (520.0, 720.0),
        Tissue::White => (760.0, 520.0),
        Tissue::Oedema => (600.0, 980.0),
        Tissue::Lesion => (360.0, 1180.0),
        Tissue::Capsule => (1500.0, 1350.0),
    };
    if t1 { in_t1 } else { in_t2 }
}
