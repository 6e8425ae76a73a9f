//! The truth of a study as JSON, for tests that are not written in Rust. `{:?}` of finite numbers, of arrays of them and
//! of our own ASCII literals is JSON.

use super::capture::Captures;
use super::cine::EchoTruth;
use super::mr::MrTruth;
use super::radiograph::RadiographTruth;
use super::truth::PhantomTruth;

pub(super) fn ct(truth: &PhantomTruth) -> String {
    let sphere = &truth.sphere;
    let nodules: Vec<String> = truth
        .nodules
        .iter()
        .map(|n| {
            format!(
                r#"{{"centerMm":{:?},"centerVoxel":{:?},"diameterMm":{:?},"hu":{:?},"lobe":{:?}}}"#,
                n.center_mm, n.center_voxel, n.diameter_mm, n.hu, n.lobe
            )
        })
        .collect();
    let inserts: Vec<String> = truth
        .inserts
        .iter()
        .map(|i| {
            format!(
                r#"{{"material":{:?},"centerMm":{:?},"centerVoxel":{:?},"diameterMm":{:?},"hu":{:?}}}"#,
                i.material, i.center_mm, i.center_voxel, i.diameter_mm, i.hu
            )
        })
        .collect();
    format!(
        r#"{{"modality":"CT","size":{:?},"spacingMm":{:?},"rescaleIntercept":{},"noiseHu":{:?},"sphere":{{"centerMm":{:?},"centerVoxel":{:?},"radiusMm":{:?},"hu":{:?},"backgroundHu":{:?}}},"nodules":[{}],"inserts":[{}]}}"#,
        truth.size,
        truth.spacing_mm,
        truth.rescale_intercept,
        truth.noise_hu,
        sphere.sphere_center_mm,
        sphere.sphere_center_voxel,
        sphere.radius_mm,
        sphere.hu,
        sphere.background_hu,
        nodules.join(","),
        inserts.join(",")
    )
}

pub(super) fn mr(truth: &MrTruth) -> String {
    let series: Vec<String> = truth
        .series
        .iter()
        .map(|s| {
            format!(
                r#"{{"description":{:?},"number":{},"uid":{:?},"size":{:?},"spacingMm":{:?},"orientation":{:?},"originMm":{:?},"normal":{:?},"lesionVoxel":{:?},"fiducialVoxel":{:?}}}"#,
                s.description,
                s.number,
                s.uid,
                s.size,
                s.spacing_mm,
                s.orientation,
                s.origin_mm,
                s.normal,
                s.voxel(truth.lesion_center_mm),
                s.voxel(truth.fiducial_center_mm)
            )
        })
        .collect();
    format!(
        r#"{{"modality":"MR","lesion":{{"centerMm":{:?},"radiusMm":{:?},"values":{:?}}},"fiducial":{{"centerMm":{:?},"radiusMm":{:?}}},"series":[{}]}}"#,
        truth.lesion_center_mm,
        truth.lesion_radius_mm,
        truth.lesion_values,
        truth.fiducial_center_mm,
        truth.fiducial_radius_mm,
        series.join(",")
    )
}

pub(super) fn radiograph(truth: &RadiographTruth) -> String {
    format!(
        r#"{{"modality":"DX","size":{:?},"imagerSpacingMm":{:?},"pixelSpacingMm":{:?},"heart":{:?},"nodule":{:?},"noduleDiameterMm":{:?},"marker":{:?},"markerValue":{}}}"#,
        truth.size,
        truth.imager_spacing_mm,
        truth.pixel_spacing_mm,
        truth.heart,
        truth.nodule,
        truth.nodule_diameter_mm,
        truth.marker,
        truth.marker_value
    )
}

pub(super) fn echo(truth: &EchoTruth) -> String {
    format!(
        r#"{{"modality":"US","size":{:?},"frameTimeMs":{:?},"deltaCm":{:?},"tickPixels":{:?},"apex":{:?}}}"#,
        truth.size, truth.frame_time_ms, truth.delta_cm, truth.tick_pixels, truth.apex
    )
}

pub(super) fn captures() -> String {
    format!(r#"{{"modality":"OT","redSquare":{:?},"red":{:?}}}"#, Captures::RED_SQUARE, Captures::RED)
}
