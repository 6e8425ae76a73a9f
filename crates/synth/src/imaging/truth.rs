//! What a measurement in the phantom must find.

/// A solid sphere in a lung.
#[derive(Debug, Clone, PartialEq)]
pub struct Nodule {
    /// Centre in patient coordinates, mm: x to the left, y to the back, z to the head (PS3.3 §C.7.6.2.1.1).
    pub center_mm: [f64; 3],
    /// Centre in voxels: column, row, slice; whole numbers are voxel centres.
    pub center_voxel: [f64; 3],
    pub diameter_mm: f64,
    /// Mean HU inside.
    pub hu: f64,
    /// Mean HU of the lung around it.
    pub background_hu: f64,
    /// `right upper lobe`, …
    pub lobe: &'static str,
}

impl Nodule {
    /// Volume in mm³.
    pub fn volume_mm3(&self) -> f64 {
        std::f64::consts::PI / 6.0 * self.diameter_mm.powi(3)
    }
}

/// A calibration sphere in the pad below the patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// `air`, `water`, `fat` or `bone`.
    pub material: &'static str,
    /// As in [`Nodule`].
    pub center_mm: [f64; 3],
    /// As in [`Nodule`].
    pub center_voxel: [f64; 3],
    pub diameter_mm: f64,
    /// Mean HU of the voxels that lie at least 2 mm inside the sphere.
    pub hu: f64,
}

/// The sphere that measurements are proven with: in the liver, with a sharp border and far from bone and air.
#[derive(Debug, Clone, PartialEq)]
pub struct CtTruth {
    /// Centre in patient coordinates, mm: x to the left, y to the back, z to the head (PS3.3 §C.7.6.2.1.1). The liver lies
    /// on the right, so x is negative.
    pub sphere_center_mm: [f64; 3],
    /// Centre in voxels: column, row, slice; whole numbers are voxel centres.
    pub sphere_center_voxel: [f64; 3],
    /// 20 mm; in the prior CT 15 mm.
    pub radius_mm: f64,
    /// Mean HU of the voxels that lie at least 2 mm inside the sphere, where slices are at most 2 mm apart; thicker ones mix
    /// in what lies above and below.
    pub hu: f64,
    /// Mean HU of the liver around it.
    pub background_hu: f64,
}

/// All that is known of a phantom.
#[derive(Debug, Clone, PartialEq)]
pub struct PhantomTruth {
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// mm along a row, along a column, between slices.
    pub spacing_mm: [f64; 3],
    pub nodules: Vec<Nodule>,
    pub inserts: Vec<Insert>,
    pub sphere: CtTruth,
    /// Standard deviation of the noise of a voxel, HU.
    pub noise_hu: f64,
    /// Value = stored + intercept.
    pub rescale_intercept: i32,
}
