//! The chest CT phantom: analytic anatomy, partial volume, a small point spread, noise, and complete CT Image Storage
//! instances (PS3.3 §A.3). Each slice is computed on its own.

use super::anatomy::{Anatomy, LENGTH, LIVER, LUNG, PAD_THICKNESS};
use super::canvas::{Canvas, FIELD, distance, origin};
use super::noise::Noise;
use super::part10::DataSet;
use super::truth::{CtTruth, Insert, Nodule, PhantomTruth};
use super::tubes::{self, Tube};
use super::{PatientFacts, Series, StudyFacts};
use crate::random::{Random, derive};
use crate::uid::uid;

const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
const INTERCEPT: i32 = -1024;
const NOISE: f64 = 10.0;
/// Middle of the liver's sphere, and its radius today and a year before, mm.
const SPHERE_CENTER: [f64; 3] = [-62.0, -8.0, 30.0];
const SPHERE_RADIUS: [f64; 2] = [20.0, 15.0];
const SPHERE_HU: f64 = 60.0;

/// How finely the phantom is sampled; its extent in mm stays the same (360 x 360 x 320).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhantomSize {
    /// 16..=2048; values outside are brought inside.
    pub columns: u16,
    /// 16..=2048
    pub rows: u16,
    /// 1..=2048
    pub slices: u16,
}

impl PhantomSize {
    /// For load tests: 500 slices of 0.64 mm, 512 x 512.
    pub const LOAD: Self = Self { columns: 512, rows: 512, slices: 500 };
}

/// 512 x 512 x 160 voxels of 0.703125 x 0.703125 x 2 mm.
impl Default for PhantomSize {
    fn default() -> Self {
        Self { columns: 512, rows: 512, slices: 160 }
    }
}

/// A chest CT of known truth. Slices may be computed by many threads at once.
#[derive(Debug, Clone)]
pub struct CtPhantom {
    seed: u64,
    size: [usize; 3],
    spacing: [f64; 3],
    anatomy: Anatomy,
    tubes: Vec<Tube>,
    clavicles: Vec<Tube>,
    nodules: Vec<Nodule>,
    inserts: Vec<Insert>,
    sphere: CtTruth,
    noise: Noise,
    header: DataSet,
    series_uid: String,
}

/// The phantom of a seed, as a study of that patient. The patient's height and weight decide how much fat there is.
pub fn ct_phantom(seed: u64, patient: &PatientFacts, study: &StudyFacts, size: PhantomSize) -> CtPhantom {
    build([seed, seed], false, patient, study, size)
}

/// The same chest a year before: the same nodules with 0.6 of their diameters, the liver's sphere with 30 mm instead of
/// 40. UIDs and noise are its own.
pub fn prior_ct_phantom(
    seed: u64,
    patient: &PatientFacts,
    study: &StudyFacts,
    size: PhantomSize,
) -> CtPhantom {
    build([seed, derive(seed, "prior", 0)], true, patient, study, size)
}

/// The first seed decides the anatomy, the second UIDs and noise.
fn build(
    [seed, own]: [u64; 2],
    prior: bool,
    patient: &PatientFacts,
    study: &StudyFacts,
    size: PhantomSize,
) -> CtPhantom {
    let columns = size.columns.clamp(16, 2048);
    let rows = size.rows.clamp(16, 2048);
    let slices = size.slices.clamp(1, 2048);
    let size = [usize::from(columns), usize::from(rows), usize::from(slices)];
    let spacing = [FIELD / f64::from(columns), FIELD / f64::from(rows), LENGTH / f64::from(slices)];
    let anatomy = anatomy(seed, patient);
    let large = tubes::large();
    let mut nodules = place_nodules(seed, &anatomy, &large);
    let inserts = place_inserts(&anatomy, spacing);
    // The vessels go round the nodules of today, so that they run alike in the prior scan.
    let mut drawn = tubes::trees(seed, &anatomy, &nodules);
    drawn.extend(large);
    for nodule in &mut nodules {
        nodule.center_voxel = to_voxel(nodule.center_mm, spacing);
        if prior {
            nodule.diameter_mm = year_before(nodule.diameter_mm);
        }
    }
    let sphere = CtTruth {
        sphere_center_mm: SPHERE_CENTER,
        sphere_center_voxel: to_voxel(SPHERE_CENTER, spacing),
        radius_mm: SPHERE_RADIUS[usize::from(prior)],
        hu: SPHERE_HU,
        background_hu: f64::from(LIVER),
    };
    let series = Series {
        modality: "CT",
        description: &format!("Chest {:.1} soft tissue", spacing[2]),
        uid: uid(own, "ct series", 0),
        number: 2,
        seconds: 95,
    };
    let header = header(own, patient, study, &series, size, spacing);
    CtPhantom {
        seed: own,
        size,
        spacing,
        anatomy,
        tubes: drawn,
        clavicles: tubes::clavicles(),
        nodules,
        inserts,
        sphere,
        noise: Noise::new(NOISE),
        header,
        series_uid: series.uid,
    }
}

/// The nodules that the phantom of this seed and patient has; their voxel positions are left at 0.
pub(crate) fn nodules(seed: u64, patient: &PatientFacts) -> Vec<Nodule> {
    place_nodules(seed, &anatomy(seed, patient), &tubes::large())
}

/// The same for the scan a year before.
pub(crate) fn prior_nodules(seed: u64, patient: &PatientFacts) -> Vec<Nodule> {
    nodules(seed, patient)
        .into_iter()
        .map(|nodule| Nodule { diameter_mm: year_before(nodule.diameter_mm), ..nodule })
        .collect()
}

/// Six tenths, in tenths of a millimetre.
fn year_before(diameter_mm: f64) -> f64 {
    (diameter_mm * 6.0).round() / 10.0
}

fn anatomy(seed: u64, patient: &PatientFacts) -> Anatomy {
    let metres = f64::from(patient.height_mm.max(500)) / 1000.0;
    let mass_index = f64::from(patient.weight_g) / 1000.0 / (metres * metres);
    Anatomy::new(mass_index, Random::new(seed, "anatomy", 0).between(0.0, std::f64::consts::TAU))
}

fn place_nodules(seed: u64, anatomy: &Anatomy, large: &[Tube]) -> Vec<Nodule> {
    let mut random = Random::new(seed, "nodules", 0);
    let mut found: Vec<Nodule> = Vec::new();
    let count = random.int(3, 5) as usize;
    let menu: [(f64, f64); 8] = [
        (15.0, 45.0),
        (8.0, 40.0),
        (6.0, 35.0),
        (10.0, -550.0),
        (12.0, 60.0),
        (5.0, 30.0),
        (20.0, 50.0),
        (7.0, 180.0),
    ];
    let first = random.int(0, 1) as usize;
    for index in 0..count {
        let (diameter, hu) = menu[(first + index) % menu.len()];
        let keep_out = diameter / 2.0 + 7.0;
        for attempt in 0..400 {
            let center =
                [random.between(-120.0, 120.0), random.between(-70.0, 70.0), random.between(70.0, 280.0)]
                    .map(f64::round);
            let clear = surrounds(center, keep_out).iter().all(|&point| anatomy.is_lung(point))
                && large.iter().all(|tube| tube.distance(center) > keep_out)
                && found.iter().all(|other| {
                    distance(other.center_mm, center) > keep_out + other.diameter_mm / 2.0 + 8.0
                });
            let crowded = attempt < 200 && found.iter().any(|other| other.lobe == lobe(center));
            if clear && !crowded {
                found.push(Nodule {
                    center_mm: center,
                    center_voxel: [0.0; 3],
                    diameter_mm: diameter,
                    hu,
                    background_hu: f64::from(LUNG),
                    lobe: lobe(center),
                });
                break;
            }
        }
    }
    found
}

/// The six faces and eight corners of a sphere, and its middle.
fn surrounds(center: [f64; 3], radius: f64) -> Vec<[f64; 3]> {
    let mut points = vec![center];
    for x in -1..=1 {
        for y in -1..=1 {
            for z in -1..=1 {
                let direction = [f64::from(x), f64::from(y), f64::from(z)];
                let length = distance(direction, [0.0; 3]);
                if length > 0.0 {
                    points.push(std::array::from_fn(|i| center[i] + radius * direction[i] / length));
                }
            }
        }
    }
    points
}

fn lobe(p: [f64; 3]) -> &'static str {
    let [x, y, z] = p;
    // The oblique fissure runs down from the back to the front.
    let lower = z < 195.0 + 1.1 * (y - 20.0);
    match (x < 0.0, lower) {
        (true, true) => "right lower lobe",
        (true, false) if z < 160.0 => "right middle lobe",
        (true, false) => "right upper lobe",
        (false, true) => "left lower lobe",
        (false, false) => "left upper lobe",
    }
}

fn place_inserts(anatomy: &Anatomy, spacing: [f64; 3]) -> Vec<Insert> {
    let y = anatomy.pad_top() + PAD_THICKNESS / 2.0;
    [("air", -60.0, -1000.0), ("water", -20.0, 0.0), ("fat", 20.0, -100.0), ("bone", 60.0, 700.0)]
        .into_iter()
        .map(|(material, x, hu)| {
            let center = [x, y, LENGTH / 2.0];
            Insert {
                material,
                center_mm: center,
                center_voxel: to_voxel(center, spacing),
                diameter_mm: 26.0,
                hu,
            }
        })
        .collect()
}

fn to_voxel(p: [f64; 3], spacing: [f64; 3]) -> [f64; 3] {
    let origin = origin(spacing);
    std::array::from_fn(|i| (p[i] - origin[i]) / spacing[i])
}

impl CtPhantom {
    /// Columns, rows, slices.
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// Number of slices.
    pub fn slices(&self) -> usize {
        self.size[2]
    }

    pub fn series_uid(&self) -> &str {
        &self.series_uid
    }

    /// SOP Instance UID of slice `index`.
    pub fn instance_uid(&self, index: usize) -> String {
        uid(self.seed, "ct instance", index as u64)
    }

    /// What measurements must find.
    pub fn truth(&self) -> PhantomTruth {
        PhantomTruth {
            size: self.size,
            spacing_mm: self.spacing,
            nodules: self.nodules.clone(),
            inserts: self.inserts.clone(),
            sphere: self.sphere.clone(),
            noise_hu: NOISE,
            rescale_intercept: INTERCEPT,
        }
    }

    /// Slice `index` as a DICOM file, 0 lowest. Explicit VR Little Endian, 16 bits signed.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::slices`].
    pub fn slice(&self, index: usize) -> Vec<u8> {
        let values = self.stored_values(index);
        let mut pixels = Vec::with_capacity(values.len() * 2);
        for value in values {
            pixels.extend_from_slice(&value.to_le_bytes());
        }
        let mut set = self.header.clone();
        let mut position = origin(self.spacing);
        position[2] += index as f64 * self.spacing[2];
        set.text(0x0020_0013, b"IS", &(index + 1).to_string());
        set.decimals(0x0020_0032, &position);
        set.decimals(0x0020_1041, &[position[2]]);
        set.into_file(CT_IMAGE_STORAGE, &self.instance_uid(index), b"OW", &pixels)
    }

    /// Stored values of slice `index`, row by row; HU = stored - 1024.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::slices`].
    pub fn stored_values(&self, index: usize) -> Vec<i16> {
        assert!(index < self.slices(), "slice {index} of {}", self.slices());
        let z = (index as f64 + 0.5) * self.spacing[2];
        let mut canvas = Canvas::new(self.size, self.spacing, z);
        let level = self.anatomy.level(z);
        canvas.fill(|x, y| level.tissue(x, y));
        for tube in &self.clavicles {
            canvas.draw_tube(tube, false);
        }
        for tube in &self.tubes {
            canvas.draw_tube(tube, true);
        }
        for nodule in &self.nodules {
            canvas.draw_ball(nodule.center_mm, nodule.diameter_mm / 2.0, nodule.hu as f32);
        }
        for insert in &self.inserts {
            canvas.draw_ball(insert.center_mm, insert.diameter_mm / 2.0, insert.hu as f32);
        }
        canvas.draw_ball(self.sphere.sphere_center_mm, self.sphere.radius_mm, self.sphere.hu as f32);
        canvas.blur();
        self.noise.add(&mut canvas.hu, &mut Random::new(self.seed, "noise", index as u64));
        let intercept = INTERCEPT as f32;
        canvas.hu.iter().map(|&hu| (hu - intercept).round_ties_even() as i16).collect()
    }
}

/// All attributes that are the same in every slice.
fn header(
    seed: u64,
    patient: &PatientFacts,
    study: &StudyFacts,
    series: &Series<'_>,
    size: [usize; 3],
    spacing: [f64; 3],
) -> DataSet {
    let mut set = DataSet::default();
    patient.write(&mut set, study.when.date);
    study.write(&mut set, series);
    set.text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY\\AXIAL");
    set.text(0x0018_0010, b"LO", "Iodinated contrast");
    set.text(0x0018_0015, b"CS", "CHEST");
    set.text(0x0018_0022, b"CS", "HELICAL MODE");
    set.decimals(0x0018_0050, &[spacing[2]]);
    set.decimals(0x0018_0060, &[120.0]);
    set.decimals(0x0018_0088, &[spacing[2]]);
    set.decimals(0x0018_0090, &[500.0]);
    set.text(0x0018_1030, b"LO", "Chest with contrast");
    set.decimals(0x0018_1100, &[FIELD]);
    set.decimals(0x0018_1120, &[0.0]);
    set.decimals(0x0018_1130, &[152.0]);
    set.text(0x0018_1140, b"CS", "CW");
    set.text(0x0018_1150, b"IS", "500");
    set.text(0x0018_1151, b"IS", "220");
    set.text(0x0018_1152, b"IS", "110");
    set.text(0x0018_1160, b"SH", "BODY");
    set.text(0x0018_1210, b"SH", "SOFT");
    set.text(0x0018_5100, b"CS", "HFS");
    set.text(0x0020_0012, b"IS", "1");
    set.decimals(0x0020_0037, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    set.text(0x0020_0052, b"UI", &uid(seed, "frame of reference", 0));
    set.text(0x0020_1040, b"LO", "");
    set.shorts(0x0028_0002, &[1]);
    set.text(0x0028_0004, b"CS", "MONOCHROME2");
    set.shorts(0x0028_0010, &[size[1] as u16]);
    set.shorts(0x0028_0011, &[size[0] as u16]);
    set.decimals(0x0028_0030, &[spacing[1], spacing[0]]);
    set.shorts(0x0028_0100, &[16]);
    set.shorts(0x0028_0101, &[16]);
    set.shorts(0x0028_0102, &[15]);
    set.shorts(0x0028_0103, &[1]);
    set.text(0x0028_0301, b"CS", "NO");
    set.decimals(0x0028_1050, &[40.0, -550.0]);
    set.decimals(0x0028_1051, &[400.0, 1600.0]);
    set.decimals(0x0028_1052, &[f64::from(INTERCEPT)]);
    set.decimals(0x0028_1053, &[1.0]);
    set.text(0x0028_1054, b"LO", "HU");
    set.text(0x0028_1055, b"LO", "Mediastinum\\Lung");
    set.text(0x0028_2110, b"CS", "00");
    set
}
